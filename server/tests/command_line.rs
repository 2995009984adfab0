//! Options: what is told, what is refused, and how.

mod support;

use std::net::TcpListener;

use support::{output, refused};

#[test]
fn help_goes_to_the_standard_output() {
    let out = output(["--help"]);
    assert_eq!(out.status.code(), Some(0));
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    for option in [
        "--listen",
        "--runtime",
        "--workers",
        "--drafts",
        "--allow-origin",
        "--host",
        "--log",
        "--max-message",
        "--max-head",
        "--max-connections",
        "--outbox-mark",
        "--head-timeout",
        "--idle-timeout",
        "--write-stall",
        "--close-timeout",
        "--ping-interval",
        "--dialect",
        "--heartbeat-delay",
        "--disconnect-delay",
        "--response-limit",
        "--closing-deadline",
        "--trusted-proxy",
        "--stats-from",
        "--sockjs-client",
        "--max-sockjs-body",
        "--max-sockjs-message",
        "--session-outgoing-mark",
        "--session-incoming-mark",
        "--session-incoming-messages",
        "--max-session-id",
        "--max-sessions",
        "--max-sessions-per-address",
        "--max-session-rate",
        "--remembered-ids",
    ] {
        assert!(text.contains(option), "{option} is missing in\n{text}");
    }
    assert!(out.stderr.is_empty());
}

#[test]
fn version() {
    let out = output(["--version"]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(
        out.stdout,
        format!("sockjs-server {}\n", env!("CARGO_PKG_VERSION")).as_bytes()
    );
}

#[test]
fn a_mistake_is_one_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let busy = taken.local_addr().expect("an address").to_string();
    for (arguments, parts) in [
        (vec!["--nonsense"], vec!["--nonsense"]),
        (vec!["--listen", "localhost"], vec!["--listen", "no port"]),
        (
            vec!["--listen", &busy],
            vec!["cannot listen on", &busy, "in use"],
        ),
        (
            vec!["--listen", "127.0.0.1:0", "--listen", &busy],
            vec!["cannot listen on", &busy],
        ),
        (
            vec!["--listen", "no-such-host.invalid:1"],
            vec!["cannot listen on", "no-such-host.invalid:1"],
        ),
        (
            vec!["--listen", "unix:/nowhere/at/all.sock"],
            vec!["cannot listen on", "/nowhere/at/all.sock"],
        ),
        (vec!["--workers", "0"], vec!["--workers"]),
        (vec!["--runtime", "glib"], vec!["--runtime", "glib"]),
        (
            vec!["--drafts", "13,9"],
            vec!["--drafts", "9 is not a draft"],
        ),
        (vec!["--max-message", "huge"], vec!["--max-message", "huge"]),
        (vec!["--head-timeout", "10"], vec!["--head-timeout"]),
        (
            vec!["--allow-origin", "example.com"],
            vec!["--allow-origin"],
        ),
        (vec!["--host", "http://a.test"], vec!["--host", "a.test"]),
        (vec!["--log", "loud"], vec!["--log", "loud"]),
    ] {
        refused(&arguments, &parts);
    }
}
