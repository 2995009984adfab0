#!/usr/bin/env ruby
# Debian's ruby-websocket (handshake and frames of every draft) over a plain socket.
#
#   client.rb --draft 75|76|7|8|13 --close ours|theirs|at-once URL
#
# `ours` and `theirs` fulfil the contract of draft-client (run.sh); `at-once` expects that the server
# closes right after the handshake.
require 'socket'
require 'timeout'
require 'websocket'

MESSAGES = ['', 'The quick brown fox. ' * 3414, "κόσμε, grüße, мир, 世界, 🦀"].freeze # the second: 71 694 bytes
DEADLINE = 15
HIXIE = [75, 76].freeze

def fail!(why)
  puts "FAILED #{why}"
  exit 1
end

class Client
  def initialize(url, draft)
    @draft = draft
    @handshake = WebSocket::Handshake::Client.new(url: url, version: draft, origin: 'http://page.test')
    @socket = TCPSocket.new(@handshake.host, @handshake.port)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    @socket.write(@handshake.to_s)
    head = String.new(encoding: Encoding::BINARY)
    head << @socket.readpartial(1) until head.end_with?("\r\n\r\n")
    head << @socket.read(16) if draft == 76 && head.start_with?('HTTP/1.1 101 ')
    @handshake << head
    fail! "handshake: #{@handshake.error || head.lines.first}" unless @handshake.finished? && @handshake.valid?
    @incoming = WebSocket::Frame::Incoming::Client.new(version: draft)
  end

  def send_frame(type, data = '', **more)
    frame = WebSocket::Frame::Outgoing::Client.new(version: @draft, type: type, data: data, **more)
    bytes = frame.to_s or fail!("cannot encode #{type}: #{frame.error}")
    @socket.write(bytes)
  end

  # The next frame, or nil at the end of the stream.
  def receive
    loop do
      frame = @incoming.next
      fail! "frame: #{@incoming.error}" if @incoming.error?
      return frame if frame
      begin
        @incoming << @socket.readpartial(65_536)
      rescue EOFError
        return nil
      end
    end
  end

  def expect_text(text)
    frame = receive or fail!('the connection ended instead of an echo')
    same = frame.type == :text && frame.to_s.b == text.b
    fail! "#{frame.type} of #{frame.to_s.bytesize} bytes instead of the echo of #{text.bytesize}" unless same
  end

  # The close of the peer: hixie-75 has none but the end of TCP.
  def expect_close(code, reason)
    return if @draft == 75
    frame = receive or fail!('the connection ended without a close frame')
    fail! "#{frame.type} instead of a close" unless frame.type == :close
    return if @draft == 76
    got = [frame.code, frame.to_s]
    fail! "close #{got.inspect} instead of #{[code, reason].inspect}" unless frame.code == code && [nil, frame.to_s].include?(reason)
  end

  def expect_end
    frame = receive
    fail! "#{frame.type} after the close" if frame
  end

  def answer_close
    @draft == 75 ? @socket.close_write : send_frame(:close, '', **(HIXIE.include?(@draft) ? {} : { code: 1000 }))
  rescue Errno::EPIPE, Errno::ECONNRESET
    nil # a hixie server may have left already
  end

  alias close answer_close
end

options = ARGV.each_slice(2).select { |name, value| name.start_with?('--') && value }.to_h
draft, way = Integer(options.fetch('--draft')), options.fetch('--close')
begin
  Timeout.timeout(DEADLINE) do
    client = Client.new(ARGV.last, draft)
    unless way == 'at-once'
      MESSAGES.each { |text| client.send_frame(:text, text); client.expect_text(text) }
    end
    if way == 'ours'
      client.close
      client.expect_close(1000, nil)
    else
      client.send_frame(:text, 'please close') if way == 'theirs'
      client.expect_close(1000, 'bye')
      client.answer_close
    end
    client.expect_end
  end
rescue Timeout::Error
  fail! "nothing more within #{DEADLINE} s"
rescue SystemCallError, IOError => e
  fail! e.message
end
puts "ok #{way == 'at-once' ? 'no' : MESSAGES.size} messages, close #{way}"
