#!/usr/bin/env ruby
# Debian's ruby-em-websocket as an echo server of all five drafts, on a free port of 127.0.0.1; prints
# what server.js prints.
# In hixie-76 it ends TCP without the closing bytes when it closes first: server.js covers that.
require 'em-websocket'

$stdout.sync = true
trap('TERM') { exit!(0) }
EM.run do
  server = EM.start_server('127.0.0.1', 0, EM::WebSocket::Connection, {}) do |socket|
    draft = nil
    socket.onopen do |handshake|
      draft = handshake.protocol_version
      puts "open #{draft}"
    end
    socket.onmessage do |text|
      puts "text #{draft} #{text.bytesize} #{text.length}"
      text == 'please close' ? socket.close(1000, 'bye') : socket.send(text)
    end
    socket.onclose { |event| puts "closed #{draft} #{event && event[:code] || '-'} #{event && event[:reason]}" }
    socket.onerror { |error| warn "error #{draft} #{error.class} #{error.message}" }
  end
  port, = Socket.unpack_sockaddr_in(EM.get_sockname(server))
  puts "listening on http://127.0.0.1:#{port}"
end
