//! One option per limit: the table of limits and timers as a command line.

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use clap::Args;
use websocket_proto::{connection, http1};

use super::values::{self, Pings};

/// What bounds the memory and the patience of the server.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Longest WebSocket message, counted after inflation
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = values::size)]
    pub(crate) max_message: usize,

    /// Longest request head
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = values::short_size)]
    pub(crate) max_head: u16,

    /// Longest request line
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = values::short_size)]
    pub(crate) max_request_line: u16,

    /// Most fields in a request head
    #[arg(long, value_name = "N", default_value = "100", value_parser = values::short_count)]
    pub(crate) max_fields: NonZeroU16,

    /// Most connections at a time; then nobody is accepted until one ends
    #[arg(long, value_name = "N", default_value = "100000", value_parser = values::count)]
    pub(crate) max_connections: NonZeroUsize,

    /// Sends wait while so many bytes are to be written
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = values::size)]
    pub(crate) outbox_mark: usize,

    /// Reading pauses while messages of so many bytes are waiting for the application
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = values::size)]
    pub(crate) inbound_mark: usize,

    /// How long a request head, or a TLS handshake, may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub(crate) head_timeout: Duration,

    /// How long a kept-alive HTTP connection may be idle
    #[arg(long, value_name = "TIME", default_value = "75s", value_parser = values::duration)]
    pub(crate) idle_timeout: Duration,

    /// How long a peer may take nothing of what is written to it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::duration)]
    pub(crate) write_stall: Duration,

    /// How long the closing handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub(crate) close_timeout: Duration,

    /// How often a silent WebSocket client is pinged; each route has its own default.
    #[arg(
        long,
        value_name = "TIME",
        help = "Pings a silent WebSocket client so often, or never: off [default: off on /ws/echo]"
    )]
    pub(crate) ping_interval: Option<Pings>,

    /// How long a pong may take while no byte moves
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::duration)]
    pub(crate) pong_timeout: Duration,
}

impl Limits {
    /// What of them bounds HTTP.
    pub(crate) fn http(&self) -> http1::server::Config {
        let limits = http1::Limits {
            start_line: self.max_request_line,
            head: self.max_head,
            fields: self.max_fields.get(),
            ..http1::Limits::default()
        };
        http1::server::Config {
            limits,
            head_timeout: self.head_timeout,
            idle_timeout: self.idle_timeout,
            write_stall: self.write_stall,
            outbox_mark: self.outbox_mark,
            ..http1::server::Config::default()
        }
    }

    /// What of them bounds a WebSocket that is pinged only when the command line says so.
    pub(crate) fn websocket(&self) -> connection::Config {
        connection::Config {
            max_message: self.max_message,
            outbox_mark: self.outbox_mark,
            inbound_mark: self.inbound_mark,
            ping_interval: match self.ping_interval {
                None | Some(Pings::Off) => None,
                Some(Pings::Every(interval)) => Some(interval),
            },
            pong_timeout: self.pong_timeout,
            close_timeout: self.close_timeout,
            write_stall: self.write_stall,
            nonce_timeout: self.head_timeout,
            ..connection::Config::default()
        }
    }
}
