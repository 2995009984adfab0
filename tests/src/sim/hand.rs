//! A WebSocket client written by hand, which shares nothing with the machines.

use std::collections::VecDeque;

use websocket_proto::{Draft, Instant, Machine, Outbox, ReadInterest};

use super::peer::{Peer, Said};
use crate::frames::masked;
use crate::suite::verify::{DIGEST, HIXIE, RFC};

/// The client.
#[derive(Debug)]
pub(super) struct Hand {
    draft: Draft,
    outbox: Outbox,
    input: Vec<u8>,
    stage: Stage,
    text: Vec<u8>,
    said: VecDeque<Said>,
    /// Our closing frame is on its way.
    closes: bool,
    /// The server of hixie-76 closes TCP alone.
    silent_end: bool,
    /// Chooses how messages are cut into fragments.
    turn: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Head,
    Digest,
    Frames,
    Over,
}

impl Hand {
    pub(super) fn new(draft: Draft, path: &str, silent_end: bool) -> Self {
        let version = draft.wire_version().map(|version| format!("{version}"));
        let mut request = format!("GET {path} HTTP/1.1\r\n");
        let fields: &[&str] = match draft {
            Draft::Hixie75 => &HIXIE[..3],
            Draft::Hixie76 => HIXIE,
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => RFC,
        };
        // hixie-75 has a fixed order: the upgrade first, then Host.
        let mut lines: Vec<String> = fields.iter().map(|&line| line.to_owned()).collect();
        if draft == Draft::Hixie75 {
            lines = [
                "Upgrade: WebSocket",
                "Connection: Upgrade",
                "Host: h",
                HIXIE[2],
            ]
            .map(str::to_owned)
            .into();
        } else {
            lines.push("Host: h".to_owned());
        }
        for line in lines {
            let line = match &version {
                Some(version) => line.replace("Version: 13", &format!("Version: {version}")),
                None => line,
            };
            request += &line;
            request += "\r\n";
        }
        request += "\r\n";
        if draft == Draft::Hixie76 {
            request += "aaaaaaaa";
        }
        let mut outbox = Outbox::new();
        outbox.append(request.as_bytes());
        Self {
            draft,
            outbox,
            input: Vec::new(),
            stage: Stage::Head,
            text: Vec::new(),
            said: VecDeque::new(),
            closes: false,
            silent_end,
            turn: 0,
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        self.outbox.append(&masked(first, payload));
    }

    /// Works off one thing; whether there was one.
    fn step(&mut self) -> bool {
        let taken = match self.stage {
            Stage::Head => self.head(),
            Stage::Digest if self.input.len() < 16 => None,
            Stage::Digest => {
                assert_eq!(self.input[..16], DIGEST, "the answer to the challenge");
                self.stage = Stage::Frames;
                self.said.push_back(Said::Open);
                Some(16)
            }
            Stage::Frames if self.draft.is_hybi() => self.hybi(),
            Stage::Frames => self.hixie(),
            Stage::Over => (!self.input.is_empty()).then_some(self.input.len()),
        };
        self.input.drain(..taken.unwrap_or(0));
        taken.is_some()
    }

    fn head(&mut self) -> Option<usize> {
        let end = self
            .input
            .windows(4)
            .position(|window| window == b"\r\n\r\n")?
            + 4;
        let head = std::str::from_utf8(&self.input[..end]).expect("text");
        let status: u16 = head["HTTP/1.1 ".len()..][..3].parse().expect("a status");
        if status != 101 {
            self.said.push_back(Said::Refused(status));
            self.stage = Stage::Over;
            return Some(end);
        }
        match self.draft {
            Draft::Hixie76 => self.stage = Stage::Digest,
            Draft::Hixie75 => {}
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
                assert!(head.contains("HSmrc0sMlYUkAGmm5OPpG2HaGWk="), "{head}");
            }
        }
        if self.stage == Stage::Head {
            self.stage = Stage::Frames;
            self.said.push_back(Said::Open);
        }
        Some(end)
    }

    fn hybi(&mut self) -> Option<usize> {
        let (&first, &second) = (self.input.first()?, self.input.get(1)?);
        assert_eq!(first & 0x70, 0, "no extension was agreed on");
        let (len, start) = match second {
            126 => (
                usize::from(u16::from_be_bytes(self.input.get(2..4)?.try_into().ok()?)),
                4,
            ),
            127 => {
                let len = u64::from_be_bytes(self.input.get(2..10)?.try_into().ok()?);
                (usize::try_from(len).expect("a length"), 10)
            }
            len => {
                assert!(len < 126, "a server does not mask");
                (usize::from(len), 2)
            }
        };
        let payload = self.input.get(start..start + len)?.to_vec();
        match first & 0x0f {
            0 | 1 => {
                assert_eq!(first & 0x0f == 1, self.text.is_empty() || first & 0x0f == 1);
                self.text.extend_from_slice(&payload);
                if first & 0x80 != 0 {
                    let text = String::from_utf8(std::mem::take(&mut self.text)).expect("UTF-8");
                    self.said.push_back(Said::Text(text));
                }
            }
            8 => {
                if !self.closes {
                    self.closes = true;
                    self.frame(0x88, &payload);
                }
                self.over();
            }
            9 => {
                self.frame(0x8a, &payload);
                self.said.push_back(Said::Ping);
            }
            10 => assert_eq!(payload, b"here?", "the answer to our ping"),
            opcode => panic!("no opcode is {opcode}"),
        }
        Some(start + len)
    }

    fn hixie(&mut self) -> Option<usize> {
        let first = *self.input.first()?;
        if first == 0xff {
            assert_eq!(*self.input.get(1)?, 0, "the closing frame");
            assert!(self.closes || !self.silent_end, "an end with a frame");
            if !self.closes {
                self.closes = true;
                self.outbox.append(&[0xff, 0]);
            }
            self.over();
            return Some(2);
        }
        assert_eq!(first, 0, "a text");
        let end = self.input.iter().position(|&byte| byte == 0xff)?;
        let text = String::from_utf8(self.input[1..end].to_vec()).expect("UTF-8");
        self.said.push_back(Said::Text(text));
        Some(end + 1)
    }

    fn over(&mut self) {
        self.stage = Stage::Over;
        self.said.push_back(Said::Closed);
    }
}

impl Peer for Hand {
    fn say(&mut self, text: &str) -> bool {
        if self.stage != Stage::Frames || self.closes {
            return false;
        }
        if !self.draft.is_hybi() {
            self.outbox
                .append(&[&[0], text.as_bytes(), &[0xff]].concat());
            return true;
        }
        self.turn += 1;
        let cut = self.turn * 7 % (text.len() + 1);
        match self.turn % 3 {
            0 => self.frame(0x81, text.as_bytes()),
            1 => {
                // Fragments may be cut within a character.
                self.frame(0x01, &text.as_bytes()[..cut]);
                self.frame(0x89, b"here?");
                self.frame(0x80, &text.as_bytes()[cut..]);
            }
            _ => {
                self.frame(0x01, b"");
                self.frame(0x00, &text.as_bytes()[..cut]);
                self.frame(0x80, &text.as_bytes()[cut..]);
            }
        }
        true
    }

    fn close(&mut self, _: Instant) {
        if self.stage != Stage::Frames || std::mem::replace(&mut self.closes, true) {
            return;
        }
        match self.draft {
            // It has none.
            Draft::Hixie75 => self.over(),
            Draft::Hixie76 => self.outbox.append(&[0xff, 0]),
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => self.frame(0x88, b"\x03\xe8bye"),
        }
    }

    fn poll(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    fn machine(&mut self) -> &mut dyn Machine {
        self
    }
}

impl Machine for Hand {
    fn receive(&mut self, _: Instant, input: &mut [u8]) -> usize {
        self.input.extend_from_slice(input);
        while self.step() {}
        input.len()
    }

    fn receive_eof(&mut self, _: Instant) {
        if self.stage != Stage::Over {
            self.over();
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn read_interest(&self) -> ReadInterest {
        ReadInterest::Data
    }

    fn is_finished(&self) -> bool {
        self.stage == Stage::Over
    }
}
