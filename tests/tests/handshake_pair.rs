//! Our client and our server: what one accepts, the other does.

use tests::heads::Head;
use websocket_proto::deflate::Config;
use websocket_proto::handshake::{
    Accept, AcceptError, Agreed, Challenge, Client, ClientRequest, Location, OriginPolicy, Policy,
    Upgrade, Url, hixie76_reply,
};
use websocket_proto::{Draft, Drafts};

/// One handshake, from the client's bytes to what both believe.
fn talk(
    request: &ClientRequest<'_>,
    policy: &Policy,
    protocol: Option<&str>,
) -> Option<(Agreed, Agreed, Client)> {
    let mut counter = 0_u8;
    let mut entropy = move |bytes: &mut [u8]| {
        for byte in bytes {
            counter = counter.wrapping_mul(37).wrapping_add(101);
            *byte = counter;
        }
    };
    let client = Client::new(request, &mut entropy).unwrap();
    let mut out = Vec::new();
    let server = match Upgrade::read(&Head::parse(client.request()), policy) {
        Ok(upgrade) => match upgrade.accept(Accept {
            protocol,
            headers: &[("X-More", "1")],
        }) {
            Ok(accepted) => {
                accepted.write(&mut out);
                Some(accepted.agreed())
            }
            Err(error) => {
                assert!(matches!(
                    error,
                    AcceptError::ProtocolNotOffered | AcceptError::ProtocolRequired
                ));
                error.refusal().write(policy.drafts, &mut out);
                None
            }
        },
        Err(refusal) => {
            refusal.write(policy.drafts, &mut out);
            None
        }
    };
    let seen = client.verify(&Head::parse(&out));
    assert_eq!(
        seen.is_ok(),
        server.is_some(),
        "{seen:?} {server:?} {request:?} {policy:?}"
    );
    Some((server?, seen.ok()?, client))
}

#[test]
fn what_the_server_accepts_the_client_does() {
    let urls = [
        "ws://Server.test/a?b=c",
        "wss://server.test:443",
        "ws://[::1]:8080/",
        "wss://a.test:80/%20",
    ];
    let protocols: [&[&str]; 3] = [&[], &["chat"], &["v2", "chat"]];
    let deflates = [
        None,
        Some(Config::default()),
        Some(Config {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 10,
            client_max_window_bits: 9,
        }),
    ];
    let mut open = 0;
    for url in urls {
        let url: Url = url.parse().unwrap();
        for draft in Draft::ALL {
            for enabled in [Drafts::ALL, Drafts::default(), Drafts::NONE] {
                for asked in protocols {
                    if !draft.is_hybi() && asked.len() > 1 {
                        continue;
                    }
                    for chosen in [None, Some("chat"), Some("other")] {
                        for offer in &deflates {
                            for answer in &deflates {
                                let request = ClientRequest {
                                    draft,
                                    origin: Some("http://page.test"),
                                    protocols: asked,
                                    deflate: offer.clone(),
                                    ..ClientRequest::new(&url)
                                };
                                let policy = Policy {
                                    drafts: enabled,
                                    origins: OriginPolicy::Any,
                                    deflate: answer.clone(),
                                    location: Location::new(url.secure()),
                                    ..Policy::default()
                                };
                                let Some(both) = talk(&request, &policy, chosen) else {
                                    assert!(
                                        !enabled.contains(draft)
                                            || chosen.is_some_and(|name| !asked.contains(&name))
                                            || chosen.is_none()
                                                && !asked.is_empty()
                                                && !draft.is_hybi(),
                                        "refused: {request:?} {policy:?} {chosen:?}",
                                    );
                                    continue;
                                };
                                open += 1;
                                check(&request, &policy, chosen, both);
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(open > 500, "{open}");
}

fn check(
    request: &ClientRequest<'_>,
    policy: &Policy,
    chosen: Option<&str>,
    (server, seen, client): (Agreed, Agreed, Client),
) {
    assert_eq!((server.draft, seen.draft), (request.draft, request.draft));
    assert_eq!(
        (server.protocol.as_deref(), seen.protocol.as_deref()),
        (chosen, chosen)
    );
    let deflate = request.deflate.is_some() && policy.deflate.is_some() && request.draft.is_hybi();
    assert_eq!(
        (server.deflate.is_some(), seen.deflate.is_some()),
        (deflate, deflate)
    );
    match (server.challenge, seen.challenge) {
        (Challenge::ServerAwaitsNonce { numbers }, Challenge::ClientExpectsDigest { digest }) => {
            assert_eq!(request.draft, Draft::Hixie76);
            let bytes = client.request();
            let nonce = bytes[bytes.len() - 8..].try_into().unwrap();
            assert_eq!(hixie76_reply(numbers, nonce), digest);
        }
        both => {
            assert_eq!(both, (Challenge::None, Challenge::None));
            assert_ne!(request.draft, Draft::Hixie76);
        }
    }
}

#[test]
fn an_own_origin_is_the_same_origin() {
    for text in [
        "ws://server.test/",
        "wss://server.test:8443/",
        "ws://[::1]:8080/",
    ] {
        let url: Url = text.parse().unwrap();
        let origin = url.http_origin();
        for draft in Draft::ALL {
            let location = Location::new(url.secure());
            let policy = Policy {
                drafts: Drafts::ALL,
                location,
                ..Policy::default()
            };
            let own = ClientRequest {
                draft,
                origin: Some(&origin),
                ..ClientRequest::new(&url)
            };
            assert!(talk(&own, &policy, None).is_some(), "{text} {draft}");
            let default = ClientRequest {
                draft,
                ..ClientRequest::new(&url)
            };
            assert!(talk(&default, &policy, None).is_some(), "{text} {draft}");
            let other = ClientRequest {
                origin: Some("https://page.test"),
                ..default
            };
            assert!(talk(&other, &policy, None).is_none(), "{text} {draft}");
        }
    }
}
