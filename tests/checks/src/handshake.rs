//! Both sides of the handshake: what the server accepts, the client accepts, and both mean the same.

use arbitrary::{Arbitrary, Unstructured};
use bytes::Buf;
use websocket_proto::handshake::{
    Accept, AcceptError, Challenge, Client, ClientRequest, OriginPolicy, Policy, Upgrade, Url,
    hixie76_reply,
};
use websocket_proto::http1::{HeadParser, Limits, ProtocolError, client};
use websocket_proto::{Draft, Drafts, Instant, Machine, Role, deflate};

use crate::planted;
use crate::stream::counter;

#[derive(Arbitrary, Debug)]
struct Choice<'a> {
    draft: u8,
    url: &'a str,
    origin: Option<&'a str>,
    protocols: Vec<&'a str>,
    speaks: u8,
    offer: Option<Terms>,
    bound: Option<Terms>,
    field: Option<(&'a str, &'a str)>,
}

#[derive(Arbitrary, Debug)]
struct Terms {
    resets: (bool, bool),
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(8..=15))]
    server_bits: u8,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(8..=15))]
    client_bits: u8,
}

impl Terms {
    const fn config(&self) -> deflate::Config {
        deflate::Config {
            server_no_context_takeover: self.resets.0,
            client_no_context_takeover: self.resets.1,
            server_max_window_bits: self.server_bits,
            client_max_window_bits: self.client_bits,
        }
    }
}

/// The bytes choose what is asked for and what is offered.
pub fn check(data: &[u8]) {
    let Ok(choice) = Choice::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(url) = format!("ws://{}", choice.url).parse::<Url>() else {
        return;
    };
    let drafts = [
        Draft::Rfc6455,
        Draft::Hybi08,
        Draft::Hybi07,
        Draft::Hixie76,
        Draft::Hixie75,
    ];
    let asked = ClientRequest {
        draft: drafts[usize::from(choice.draft) % drafts.len()],
        origin: choice.origin,
        protocols: &choice.protocols,
        deflate: choice.offer.as_ref().map(Terms::config),
        headers: choice.field.as_slice(),
        ..ClientRequest::new(&url)
    };
    let Ok(client) = Client::new(&asked, &mut *counter()) else {
        return;
    };
    let parsed = HeadParser::new().parse(client.request(), &Limits::default());
    let (taken, request) = match parsed {
        Ok(parsed) => parsed,
        // What an application asks for may be longer than a server takes.
        Err(ProtocolError::HeadTooLarge | ProtocolError::StartLineTooLong) => return,
        Err(error) => panic!("{error:?} of our own request"),
    };
    let request = request.expect("whole");
    let policy = Policy {
        drafts: Drafts::ALL,
        origins: OriginPolicy::Any,
        deflate: choice.bound.as_ref().map(Terms::config),
        ..Policy::default()
    };
    let upgrade = match Upgrade::read(&request, &policy) {
        Ok(upgrade) => upgrade,
        Err(refusal) => panic!("{refusal:?} of {}", client.request().escape_ascii()),
    };
    let protocol = upgrade.protocols().nth(usize::from(choice.speaks));
    let accept = Accept {
        protocol,
        headers: &[],
    };
    let accepted = match upgrade.accept(accept) {
        Ok(accepted) => accepted,
        // The hixie drafts cannot decline a subprotocol.
        Err(AcceptError::ProtocolRequired) => {
            assert!(!upgrade.draft().is_hybi() && protocol.is_none());
            return;
        }
        Err(error) => panic!("{error:?}"),
    };
    let mut answer = Vec::new();
    accepted.write(&mut answer);
    let mut answer = String::from_utf8(answer).expect("text");
    if planted("handshake-bits-too-wide") {
        answer = answer.replace("window_bits=9", "window_bits=10");
    }
    if planted("handshake-protocol-in-lower-case")
        && let Some(protocol) = protocol
    {
        answer = answer.replace(protocol, &protocol.to_lowercase());
    }
    let mut exchange = client.exchange(client::Config::default(), Instant::ZERO);
    let sent = exchange.outbox().len();
    assert_eq!(exchange.outbox().copy_to_bytes(sent), client.request());
    exchange.receive(Instant::ZERO, &mut answer.clone().into_bytes());
    let Some(client::Event::Switched(head)) = exchange.poll_event() else {
        panic!("{answer}");
    };
    let theirs = client
        .verify(&head)
        .unwrap_or_else(|error| panic!("{error:?} {answer}"));
    let ours = accepted.agreed();
    assert_eq!(
        (theirs.draft, &theirs.protocol),
        (ours.draft, &ours.protocol)
    );
    match (theirs.deflate, ours.deflate) {
        (None, None) => {}
        (Some(theirs), Some(ours)) => {
            understands(theirs, ours, Role::Server);
            understands(ours, theirs, Role::Client);
        }
        settled => panic!("{settled:?}"),
    }
    match (ours.challenge, theirs.challenge) {
        (Challenge::None, Challenge::None) => assert_eq!(taken, client.request().len()),
        (Challenge::ServerAwaitsNonce { numbers }, Challenge::ClientExpectsDigest { digest }) => {
            let nonce = client.request()[taken..].try_into().expect("8 bytes");
            assert_eq!(hixie76_reply(numbers, nonce), digest);
        }
        challenges => panic!("{challenges:?}"),
    }
}

/// A receiver keeps at least as much as the sender may refer to.
fn understands(receiver: deflate::Params, sender: deflate::Params, role: Role) {
    assert!(receiver.max_window_bits(role) >= sender.max_window_bits(role));
    assert!(!receiver.no_context_takeover(role) || sender.no_context_takeover(role));
}
