//! Which close codes may travel.

use std::ops::RangeInclusive;

use tests::ids;
use websocket_proto::frame::CloseCode;
use websocket_proto::frame::close::{BadBody, decode_body};
use websocket_proto::{Draft, Role};

struct Row {
    id: &'static str,
    codes: RangeInclusive<u16>,
    sent: Sent,
    received: Received,
}

#[derive(Clone, Copy)]
enum Sent {
    Never,
    ByClients,
    ByBoth,
    /// Unknown to draft 07.
    SinceHybi08,
}

#[derive(Clone, Copy)]
enum Received {
    Never,
    Always,
    BeforeRfc,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { id: "2.4-0-999", codes: 0..=999, sent: Sent::Never, received: Received::Never },
    Row { id: "2.4-1000-1003", codes: 1000..=1003, sent: Sent::ByBoth, received: Received::Always },
    Row { id: "2.4-1004", codes: 1004..=1004, sent: Sent::Never, received: Received::BeforeRfc },
    Row { id: "2.4-1005-1006", codes: 1005..=1006, sent: Sent::Never, received: Received::Never },
    Row { id: "2.4-1007", codes: 1007..=1007, sent: Sent::SinceHybi08, received: Received::Always },
    Row { id: "2.4-1008-1009", codes: 1008..=1009, sent: Sent::ByBoth, received: Received::Always },
    Row { id: "2.4-1010", codes: 1010..=1010, sent: Sent::ByClients, received: Received::Always },
    Row { id: "2.4-1011", codes: 1011..=1011, sent: Sent::ByBoth, received: Received::Always },
    Row { id: "2.4-1012-1014", codes: 1012..=1014, sent: Sent::ByBoth, received: Received::Always },
    Row { id: "2.4-1015", codes: 1015..=1015, sent: Sent::Never, received: Received::Never },
    Row { id: "2.4-1016-2999", codes: 1016..=2999, sent: Sent::Never, received: Received::Never },
    Row { id: "2.4-3000-4999", codes: 3000..=4999, sent: Sent::ByBoth, received: Received::Always },
    Row { id: "2.4-5000-65535", codes: 5000..=65535, sent: Sent::Never, received: Received::Never },
];

fn may_be_sent(sent: Sent, draft: Draft, role: Role) -> bool {
    draft.is_hybi()
        && match sent {
            Sent::Never => false,
            Sent::ByClients => role == Role::Client,
            Sent::ByBoth => true,
            Sent::SinceHybi08 => draft != Draft::Hybi07,
        }
}

fn may_be_received(received: Received, draft: Draft) -> bool {
    draft.is_hybi()
        && match received {
            Received::Never => false,
            Received::Always => true,
            Received::BeforeRfc => draft != Draft::Rfc6455,
        }
}

#[test]
fn every_code_in_every_draft() {
    let mut next = Some(0);
    for row in ROWS {
        assert_eq!(
            Some(*row.codes.start()),
            next,
            "the rows cover every code once"
        );
        next = row.codes.end().checked_add(1);
        for code in row.codes.clone().map(CloseCode) {
            for draft in Draft::ALL {
                for role in [Role::Client, Role::Server] {
                    assert_eq!(
                        code.may_be_sent(draft, role),
                        may_be_sent(row.sent, draft, role),
                        "{code} by a {role:?} of draft {draft}"
                    );
                }
                let received = may_be_received(row.received, draft);
                assert_eq!(
                    code.may_be_received(draft),
                    received,
                    "{code} in draft {draft}"
                );
                let body = [&u16::from(code).to_be_bytes(), &b"why"[..]].concat();
                let expected = if received {
                    Ok((code, "why"))
                } else {
                    Err(BadBody::Code)
                };
                assert_eq!(decode_body(&body, draft), expected);
            }
        }
    }
    assert_eq!(next, None);
    ids::check("2.4", ROWS.iter().map(|row| row.id));
}

#[test]
fn a_code_unknown_to_the_draft_has_a_substitute() {
    for draft in Draft::ALL.into_iter().filter(|draft| draft.is_hybi()) {
        for code in (0..=u16::MAX)
            .map(CloseCode)
            .filter(|code| code.may_be_sent(Draft::Rfc6455, Role::Client))
        {
            assert!(
                code.for_draft(draft).may_be_sent(draft, Role::Client),
                "{code} in draft {draft}"
            );
        }
    }
    assert_eq!(
        CloseCode::INVALID_PAYLOAD.for_draft(Draft::Hybi07),
        CloseCode::PROTOCOL
    );
    assert_eq!(
        CloseCode::INVALID_PAYLOAD.for_draft(Draft::Hybi08),
        CloseCode::INVALID_PAYLOAD
    );
}

#[test]
fn codes_read_well() {
    assert_eq!(CloseCode::NORMAL.to_string(), "1000 (normal)");
    assert_eq!(CloseCode(4000).to_string(), "4000");
}
