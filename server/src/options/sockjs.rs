//! The options of the SockJS services, under the names that users of sockjs-node know.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use adapter_core::TrustedProxies;
use adapter_core::sockjs::AddressLimits;
use clap::Args;
use sockjs_proto::{Config, Dialect};

use super::values::{self, AtMost};
use crate::status::Audience;

/// What holds for every SockJS service.
#[derive(Args, Debug)]
#[command(next_help_heading = "SockJS")]
pub(crate) struct SockJsOptions {
    /// The age of the SockJS protocol: 0.0.4, 0.1, 0.2, 0.2.1, 0.3, 0.3.3 or newest
    #[arg(long, value_name = "NAME", default_value = "newest", value_parser = values::dialect)]
    pub(crate) dialect: Dialect,

    /// How long a session is silent before it gets a heartbeat, or its WebSocket a ping
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = values::duration)]
    pub(crate) heartbeat_delay: Duration,

    /// How long a session lives without a receiver
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    pub(crate) disconnect_delay: Duration,

    /// A streaming response ends after so many bytes, and the client asks for the next.
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "128KiB",
        value_parser = values::size,
        help = "A streaming response ends after so many bytes, and the client asks for the next; \
                on /echo it is always 4096"
    )]
    pub(crate) response_limit: usize,

    /// How long the close of a session is told to those who ask again.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = values::duration,
        help = "How long the close of a session is told to those who ask again \
                [default: 30s, or the disconnect delay if that is longer]"
    )]
    pub(crate) closing_deadline: Option<Duration>,

    /// The proxies whose word counts.
    #[arg(
        long,
        value_name = "CIDR",
        help = "Believes X-Forwarded-For, X-Forwarded-Proto and Forwarded from proxies at this \
                address or network, or unix; may be given several times",
        value_parser = values::network
    )]
    pub(crate) trusted_proxy: Vec<String>,

    /// Who may see the numbers.
    #[arg(
        long,
        value_name = "CIDR",
        help = "Shows /stats to clients at this address or network, or any; may be given several \
                times [default: this machine]",
        value_parser = values::audience
    )]
    pub(crate) stats_from: Vec<String>,

    /// The JavaScript client that the iframe page loads.
    #[arg(
        long,
        value_name = "FILE",
        help = "Serves this build of sockjs-client below every service and makes the iframe page \
                load it, so that both have one version [default: the newest from a public CDN]"
    )]
    pub(crate) sockjs_client: Option<PathBuf>,

    /// Longest body of a request that sends messages
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = values::size)]
    pub(crate) max_sockjs_body: usize,

    /// Longest message over a SockJS WebSocket
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = values::size)]
    pub(crate) max_sockjs_message: usize,

    /// Sends wait while so many bytes wait for a session's browser
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = values::size)]
    pub(crate) session_outgoing_mark: usize,

    /// Requests that send wait while so many bytes wait for a session's application
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = values::size)]
    pub(crate) session_incoming_mark: usize,

    /// Or so many messages
    #[arg(long, value_name = "N", default_value = "1024", value_parser = values::count)]
    pub(crate) session_incoming_messages: NonZeroUsize,

    /// Longest id of a session
    #[arg(long, value_name = "SIZE", default_value = "256", value_parser = values::size)]
    pub(crate) max_session_id: usize,

    /// Most sessions of each service at a time
    #[arg(long, value_name = "N", default_value = "100000", value_parser = values::count)]
    pub(crate) max_sessions: NonZeroUsize,

    /// Most sessions from one address.
    #[arg(
        long,
        value_name = "N",
        help = "Most sessions of a service from one address, an IPv6 network of 64 bits being one; \
                or off [default: 1000 with --trusted-proxy, else off]"
    )]
    pub(crate) max_sessions_per_address: Option<AtMost>,

    /// Most new sessions from one address in a second.
    #[arg(
        long,
        value_name = "N",
        help = "Most new sessions of a service from one address in a second, ten times that at \
                once; or off [default: 100 with --trusted-proxy, else off]"
    )]
    pub(crate) max_session_rate: Option<AtMost>,

    /// Most ids of cut and closed sessions that each service remembers
    #[arg(long, value_name = "N", default_value = "10000", value_parser = values::count)]
    pub(crate) remembered_ids: NonZeroUsize,
}

impl SockJsOptions {
    /// What of them configures a service.
    pub(crate) fn config(&self) -> Config {
        let defaults = Config::default();
        Config {
            dialect: self.dialect,
            response_limit: self.response_limit,
            heartbeat_delay: self.heartbeat_delay,
            disconnect_delay: self.disconnect_delay,
            closing_deadline: self
                .closing_deadline
                .unwrap_or_else(|| defaults.closing_deadline.max(self.disconnect_delay)),
            max_body: self.max_sockjs_body,
            max_message: self.max_sockjs_message,
            outgoing_mark: self.session_outgoing_mark,
            incoming_mark: self.session_incoming_mark,
            incoming_messages: self.session_incoming_messages.get(),
            max_session_id: self.max_session_id,
            max_sessions: self.max_sessions.get(),
            remembered_ids: self.remembered_ids.get(),
            ..defaults
        }
    }

    /// The proxies whose word counts; `None` when there are none.
    pub(crate) fn trusted_proxies(&self) -> Option<TrustedProxies> {
        // Each entry was looked at when the command line was read.
        let proxies = TrustedProxies::new(&self.trusted_proxy).unwrap_or_default();
        (!self.trusted_proxy.is_empty()).then_some(proxies)
    }

    /// Who may see the numbers.
    pub(crate) fn audience(&self) -> Audience {
        if self.stats_from.is_empty() {
            Audience::Local
        } else if self.stats_from.iter().any(|one| one == values::ANY) {
            Audience::Any
        } else {
            // As above.
            Audience::Listed(TrustedProxies::new(&self.stats_from).unwrap_or_default())
        }
    }

    /// What of them bounds an address; `None` leaves that to the server.
    pub(crate) fn address_limits(&self) -> Option<AddressLimits> {
        let (sessions, rate) = (self.max_sessions_per_address, self.max_session_rate);
        if sessions.is_none() && rate.is_none() {
            return None;
        }
        let defaults = if self.trusted_proxy.is_empty() {
            AddressLimits::NONE
        } else {
            AddressLimits::default()
        };
        Some(AddressLimits {
            sessions: sessions.map_or(defaults.sessions, AtMost::bound),
            per_second: rate.map_or(defaults.per_second, AtMost::bound),
        })
    }
}
