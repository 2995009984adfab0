//! What browsers and the network do: requests that receive.

use sockjs_proto::{FromSession, Literal, ToSession, Wrapping};
use websocket_proto::Refused;

use super::{NAMES, Request, World};

impl World {
    pub(super) fn attach(&mut self, id: u8, streaming: bool) {
        let wrapping = if streaming {
            Wrapping::EventSource
        } else {
            Wrapping::Xhr
        };
        let receiver = self
            .endpoint
            .attach(self.now, NAMES[usize::from(id)], wrapping, || Ok(id));
        self.requests.push(Request {
            receiver,
            id,
            streaming,
            frames: Vec::new(),
            ended: false,
            cut: false,
            choked: false,
            waits: false,
            carried: Vec::new(),
        });
        // Sessions begin before their first frame.
        self.note_wakes();
        self.pull(self.requests.len() - 1);
    }

    pub(super) fn abort(&mut self, at: usize) {
        let request = self.requests.remove(at);
        for &session in &request.carried {
            self.sessions[session].lost = true;
        }
        self.tell(ToSession::Aborted(request.receiver));
        for &session in &request.carried {
            // What it carried may be lost: the session is over.
            let refused = self
                .endpoint
                .send(self.sessions[session].key, Literal::from("x"));
            assert_eq!(refused.unwrap_err().why, Refused::Closing);
        }
    }

    /// Pulls until the connection has to wait.
    pub(super) fn pull(&mut self, at: usize) {
        loop {
            let request = &mut self.requests[at];
            let room = if request.choked { 0 } else { 100 };
            match self.endpoint.pull(self.now, request.receiver, room) {
                FromSession::Frame { bytes, last } => {
                    assert!(!request.ended, "nothing follows the end");
                    request.ended = last;
                    let text = std::str::from_utf8(&bytes).unwrap().to_owned();
                    self.note_frame(at, &text);
                    if last {
                        return;
                    }
                }
                FromSession::Wait => {
                    request.waits = room > 0;
                    return;
                }
                FromSession::End => {
                    request.ended = true;
                    return;
                }
                FromSession::Refused(_) => {
                    assert!(request.frames.is_empty());
                    self.requests.remove(at);
                    return;
                }
                other => panic!("{other:?} is no answer to a pull"),
            }
        }
    }

    pub(super) fn note_frame(&mut self, at: usize, text: &str) {
        let request = &mut self.requests[at];
        let frame = if request.streaming {
            let Some(frame) = text.strip_prefix("data: ") else {
                assert_eq!((text, request.frames.len()), ("\r\n", 0));
                return;
            };
            frame.strip_suffix("\r\n\r\n").unwrap()
        } else {
            assert!(request.frames.is_empty(), "one frame in a poll");
            text.strip_suffix('\n').unwrap()
        };
        let id = usize::from(request.id);
        let closes = |frame: &String| frame.starts_with('c');
        assert!(
            !request.frames.iter().any(closes),
            "nothing follows a close"
        );
        request.frames.push(frame.to_owned());
        match frame.as_bytes()[0] {
            b'o' => {
                assert_eq!(request.frames.len(), 1, "o is the first frame");
                self.opens[id] += 1;
                assert!(self.opens[id] <= self.begun[id], "an o for each session");
            }
            b'a' => {
                let texts: Vec<String> = serde_json::from_str(&frame[1..]).unwrap();
                assert!(!texts.is_empty());
                for text in texts {
                    let session: usize = text.split('-').next().unwrap().parse().unwrap();
                    let told = &mut self.sessions[session];
                    assert_eq!(usize::from(told.id), id);
                    assert!(self.opens[id] >= told.nth, "o comes first");
                    assert_eq!(
                        told.accepted.get(told.framed),
                        Some(&text),
                        "in order, once"
                    );
                    told.framed += 1;
                    request.carried.push(session);
                }
            }
            b'c' => {
                assert!(request.ended, "a close ends the response");
            }
            b'h' => {}
            _ => panic!("{frame}"),
        }
    }
}
