//! The command line.

mod limits;
mod sockjs;
mod values;

use std::ffi::OsString;
use std::num::NonZeroUsize;
#[cfg(feature = "tls")]
use std::path::PathBuf;

#[cfg(feature = "tls")]
use clap::Args;
use clap::{ArgAction, Parser, ValueEnum};
use tracing_subscriber::filter::LevelFilter;
use websocket_proto::Drafts;
use websocket_proto::handshake::{HostPattern, HostPolicy};

pub(crate) use self::limits::Limits;
pub(crate) use self::sockjs::SockJsOptions;
use crate::address::Address;

/// Serves SockJS and WebSocket clients of every generation; a console page for trying it is at the root
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    max_term_width = 100,
    disable_help_flag = true,
    after_help = "Units of sizes count in steps of 1024 (64k, 16MiB); times are written 500ms, 10s, 1m 30s."
)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8081",
        help = "Listens on host:port, [::1]:port or unix:PATH, or on proxy:host:port behind a \
                --trusted-proxy that speaks the PROXY protocol, version 1 or 2; may be given \
                several times. Port 0 picks a free one"
    )]
    pub(crate) listen: Vec<Address>,

    /// What drives the sockets: tokio, async-std or smol
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Runtime::Tokio, hide_possible_values = true)]
    pub(crate) runtime: Runtime,

    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub(crate) workers: Option<NonZeroUsize>,

    /// The generations of WebSocket that are spoken
    #[arg(long, value_name = "LIST", default_value = "75,76,7,8,13", value_parser = values::drafts)]
    pub(crate) drafts: Drafts,

    /// Which pages may connect beside those of the server's own origin.
    #[arg(
        long,
        value_name = "PATTERN",
        help = "Lets pages of this origin connect: scheme://host[:port], with *. for subdomains, \
                or * for all; may be given several times. Pages of the server's own origin always may"
    )]
    pub(crate) allow_origin: Vec<String>,

    /// The names that clients may ask by; empty for all.
    #[arg(
        long,
        value_name = "NAME[:PORT]",
        help = "Answers SockJS and WebSocket requests for this host only, with *. for subdomains and \
                on any port unless one is named; may be given several times. Keeps out pages whose own \
                name was made to point here (DNS rebinding) [default: any]"
    )]
    host: Vec<HostPattern>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub(crate) tls: TlsFiles,

    /// What is logged to the standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = values::level)]
    pub(crate) log: LevelFilter,

    /// Prints this help
    #[arg(long, short, action = ArgAction::HelpShort)]
    help: Option<bool>,

    #[command(flatten)]
    pub(crate) sockjs: SockJsOptions,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// The runtimes the server was built with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Runtime {
    /// tokio
    Tokio,
    /// async-std, which is discontinued upstream
    AsyncStd,
    /// smol
    Smol,
}

/// The files of `--tls-cert` and `--tls-key`: both or none.
#[cfg(feature = "tls")]
#[derive(Args, Debug)]
pub(crate) struct TlsFiles {
    /// Certificate chain in PEM; turns TLS on for every TCP listener
    #[arg(long = "tls-cert", value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long = "tls-key", value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// Why there are no options to go on with.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// Help or version was asked for: the text for the standard output.
    Tell(String),
    /// A mistake in the command line, in one line.
    Wrong(String),
}

impl Options {
    pub(crate) fn hosts(&self) -> HostPolicy {
        match self.host.as_slice() {
            [] => HostPolicy::Any,
            patterns => HostPolicy::Listed(patterns.to_vec()),
        }
    }

    /// The options of a command line, whose first item is the program's name.
    pub(crate) fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, Stop> {
        Self::try_parse_from(line).map_err(|error| {
            if error.use_stderr() {
                Stop::Wrong(one_line(&error.to_string()))
            } else {
                Stop::Tell(format!("{}\n", error.to_string().trim_end()))
            }
        })
    }
}

/// The first paragraph of clap's message and what it takes for the option that was meant, without
/// the usage that follows.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let mut lines = message.lines().map(str::trim);
    let paragraph: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let similar = lines.find_map(|line| line.strip_prefix("tip: a similar "));
    let similar = similar.map(|similar| format!(" (a similar {similar})"));
    paragraph.join(" ") + &similar.unwrap_or_default()
}

pub(crate) const PROGRAM: &str = "sockjs-server";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adapter_core::sockjs::AddressLimits;
    use clap::CommandFactory;
    use websocket_proto::Draft;

    use super::values::Pings;
    use super::*;
    use crate::status::Audience;

    fn read(line: &str) -> Result<Options, Stop> {
        Options::read(
            [PROGRAM]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    #[test]
    fn the_definition_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn defaults() {
        let options = read("").expect("no option is needed");
        assert_eq!(options.listen, [Address::Tcp("127.0.0.1:8081".to_owned())]);
        assert_eq!(options.runtime, Runtime::Tokio);
        assert_eq!(options.workers, None);
        assert_eq!(options.drafts, Drafts::ALL);
        assert!(options.allow_origin.is_empty());
        assert_eq!(options.hosts(), HostPolicy::Any);
        assert_eq!(options.log, LevelFilter::INFO);
        assert_eq!(options.limits.max_message, 16 << 20);
        // The library's own defaults, so that the two cannot drift apart.
        let (config, library) = (options.sockjs.config(), sockjs_proto::Config::default());
        assert_eq!(format!("{config:?}"), format!("{library:?}"));
        assert_eq!(options.sockjs.trusted_proxies(), None);
        assert_eq!(options.sockjs.audience(), Audience::Local);
        assert_eq!(options.sockjs.address_limits(), None);
    }

    #[test]
    fn a_long_disconnect_delay_takes_the_closing_deadline_with_it() {
        let config = read("--disconnect-delay 10m").map(|options| options.sockjs.config());
        let closing = config.map(|config| config.closing_deadline);
        assert_eq!(closing.ok(), Some(Duration::from_secs(600)));
    }

    #[test]
    fn limits_of_an_address() {
        let known = AddressLimits::default();
        for (line, sessions, per_second) in [
            ("--max-session-rate 5", None, Some(5)),
            ("--max-sessions-per-address 9", Some(9), None),
            (
                "--trusted-proxy ::1 --max-session-rate off",
                known.sessions,
                None,
            ),
            (
                "--trusted-proxy ::1 --max-sessions-per-address 9",
                Some(9),
                known.per_second,
            ),
        ] {
            let options = read(line).expect(line).sockjs;
            let limits = AddressLimits {
                sessions,
                per_second,
            };
            assert_eq!(options.address_limits(), Some(limits), "{line}");
        }
    }

    #[test]
    fn values_are_taken() {
        let options = read(
            "--listen [::1]:0 --listen localhost:1 --drafts 13,8 --workers 3 --runtime async-std --log debug \
             --max-message 64k --write-stall 500ms --ping-interval off --allow-origin * \
             --host a.test --host [::1]:8081",
        )
        .expect("all are right");
        assert_eq!(options.listen.len(), 2);
        assert_eq!(options.drafts, Drafts::default().with(Draft::Hybi08));
        assert_eq!(options.workers.map(NonZeroUsize::get), Some(3));
        assert_eq!(options.runtime, Runtime::AsyncStd);
        assert_eq!(options.log, LevelFilter::DEBUG);
        assert_eq!(options.limits.max_message, 65_536);
        assert_eq!(options.limits.write_stall, Duration::from_millis(500));
        assert_eq!(options.limits.ping_interval, Some(Pings::Off));
        assert_eq!(options.allow_origin, ["*"]);
        let hosts = HostPolicy::parse(["a.test", "[::1]:8081"]);
        assert_eq!(Ok(options.hosts()), hosts);
    }

    #[test]
    fn a_mistake_is_one_line_that_names_it() {
        for (line, part) in [
            ("--nonsense", "'--nonsense'"),
            ("--lisen a:1", "a similar argument exists: '--listen'"),
            ("extra", "'extra'"),
            ("--listen", "--listen"),
            ("--listen localhost", "no port"),
            ("--runtime glib", "'glib'"),
            ("--workers 0", "more than zero"),
            ("--workers many", "'many'"),
            ("--drafts 9", "9 is not a draft"),
            ("--drafts ,", "is not a draft"),
            #[cfg(feature = "tls")]
            ("--tls-cert a.pem", "--tls-key"),
            #[cfg(feature = "tls")]
            ("--tls-key a.pem", "--tls-cert"),
            ("--log loud", "loud"),
            ("--host http://a.test", "'http://a.test'"),
            ("--host A.test", "lower case"),
            ("--max-message huge", "--max-message"),
            ("--max-message 0", "more than zero"),
            ("--max-message 99999999TiB", "--max-message"),
            ("--max-head 64k", "at most 65535"),
            ("--max-connections 0", "--max-connections"),
            ("--head-timeout 10", "--head-timeout"),
            ("--head-timeout 0s", "more than zero"),
            ("--ping-interval never", "--ping-interval"),
        ] {
            let Err(Stop::Wrong(text)) = read(line) else {
                panic!("{line:?} is taken")
            };
            assert!(text.contains(part), "{line:?}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn help_and_version_are_told() {
        let Err(Stop::Tell(help)) = read("--help") else {
            panic!("no help")
        };
        for option in [
            "--listen",
            "--drafts",
            "--max-message",
            "--ping-interval",
            "--version",
        ] {
            assert!(help.contains(option), "{option} is missing in\n{help}");
        }
        let version = format!("{PROGRAM} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(read("--version").err(), Some(Stop::Tell(version)));
    }
}
