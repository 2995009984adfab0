#!/usr/bin/env perl
# Debian's libprotocol-websocket-perl over a plain socket; arguments as for client.rb.
# It speaks hixie-75, hixie-76, hybi-08 and RFC 6455. Its hixie-76 request has a Content-Length of 8.
use strict;
use warnings;
use utf8;
use Encode ();
use IO::Socket::INET;
use Protocol::WebSocket::Handshake::Client;
use Protocol::WebSocket::Frame;

my %VERSION = (75 => 'draft-hixie-75', 76 => 'draft-ietf-hybi-00', 8 => 'draft-ietf-hybi-10', 13 => 'draft-ietf-hybi-17');
my @MESSAGES = ('', 'The quick brown fox. ' x 3414, 'κόσμε, grüße, мир, 世界, 🦀');

my $url = pop @ARGV;
my %option = @ARGV;
my ($draft, $way) = @option{qw(--draft --close)};
my $version = $VERSION{$draft} or fail("draft $draft is not spoken by Protocol::WebSocket");
$SIG{ALRM} = sub { fail('nothing more within 15 s') };
$SIG{PIPE} = 'IGNORE';
alarm 15;

sub fail { print "FAILED @_\n"; exit 1 }

my $handshake = Protocol::WebSocket::Handshake::Client->new(url => $url, version => $version);
my ($authority) = $url =~ m{^ws://([^/]+)} or fail("URL $url");
my $socket = IO::Socket::INET->new(PeerAddr => $authority, Proto => 'tcp') or fail("connect: $!");
my $incoming = Protocol::WebSocket::Frame->new(version => $version, max_payload_size => 0);

# Bytes of the peer, or undef at the end of the stream.
sub bytes {
    my $got = sysread $socket, my $data, shift;
    return $got ? $data : undef;
}

sub put { syswrite $socket, $_[0] }    # blocking: all of it

sub frame {
    my ($type, $payload) = @_;
    my $mask = $draft == 75 || $draft == 76 ? 0 : 1;
    return Protocol::WebSocket::Frame->new(
        buffer => $payload, type => $type, masked => $mask, version => $version, max_payload_size => 0
    )->to_bytes;
}

# (opcode, payload) of the next frame, or nothing at the end of the stream.
sub receive {
    while (1) {
        my $payload = $incoming->next_bytes;
        return ($incoming->is_close ? 8 : 1, $payload) if defined $payload;
        my $more = bytes(65536);
        return unless defined $more;
        $incoming->append($more);
    }
}

sub expect_close {
    my ($reason) = @_;
    return if $draft == 75;
    my ($opcode, $payload) = receive();
    fail('the connection ended without a close frame') unless defined $opcode;
    fail('a message instead of a close') unless $opcode == 8;
    return if $draft == 76;
    my ($code, $why) = unpack 'n a*', $payload;
    fail("close $code $why") unless $code == 1000 && (!defined $reason || $why eq $reason);
}

sub close_ours {
    if ($draft == 75) { shutdown $socket, 1 }
    else              { put(frame('close', $draft == 76 ? '' : pack 'n', 1000)) }
}

put($handshake->to_string);
until ($handshake->is_done) {
    my $data = bytes(1);    # one by one: the bytes behind the handshake belong to the frames
    fail('the connection ended in the handshake') unless defined $data;
    $handshake->parse($data) or fail('handshake: ' . ($handshake->error // 'refused'));
}

if ($way ne 'at-once') {
    for my $message (@MESSAGES) {
        my $sent = Encode::encode('UTF-8', $message);
        put(frame('text', $sent));
        my ($opcode, $echo) = receive();
        fail('no echo of ' . length($sent) . ' bytes') unless defined $opcode && $opcode == 1 && $echo eq $sent;
    }
}
if ($way eq 'ours') {
    close_ours();
    expect_close();
}
else {
    put(frame('text', 'please close')) if $way eq 'theirs';
    expect_close('bye');
    close_ours();
}
my @more = receive();
fail('bytes after the close') if @more;
print 'ok ', ($way eq 'at-once' ? 'no' : scalar @MESSAGES), " messages, close $way\n";
