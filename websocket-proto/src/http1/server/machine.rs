//! Bytes and time of a connection.

use core::time::Duration;

use super::connection::Inbound;
use super::{Config, Connection};
use crate::http1::body::{Decoder, Step};
use crate::http1::{Closed, ProtocolError, Timer};
use crate::{Instant, Machine, Outbox, ReadInterest};

impl Machine for Connection {
    /// Takes bytes up to the end of the current request's head, and its body when that was asked
    /// for. See [`Machine::receive`].
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < input.len() && self.takes_bytes() {
            match self.advance(now, &input[taken..]) {
                Ok(n) => taken += n,
                Err(error) => self.fail(now, error),
            }
        }
        taken
    }

    /// The peer sends nothing more, and everything it sent was taken.
    ///
    /// A complete request is still answered.
    fn receive_eof(&mut self, _now: Instant) {
        if self.eof || self.closed.is_some() {
            return;
        }
        self.eof = true;
        match &self.inbound {
            Inbound::Head if self.parser.is_empty() => self.end(Closed::Eof),
            Inbound::Held(framing) if framing.is_empty() => self.waiting.eof = true,
            Inbound::Came | Inbound::Done => self.waiting.eof = true,
            // The response is complete, and what is missing was to be dropped.
            Inbound::Discarding(..) => self.end(Closed::Complete),
            Inbound::Head | Inbound::Held(_) | Inbound::Reading(_) => self.end(Closed::Truncated),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let write = self
            .timers
            .write
            .filter(|_| !self.outbox.is_empty())
            .map(|(at, _)| at);
        let read = self.timers.read.map(|(at, _)| at);
        read.into_iter().chain(write).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.watch_writes(now);
        let Some((deadline, phase)) = self.timers.read else {
            return;
        };
        if now < deadline {
            return;
        }
        match phase {
            // As long as the peer is still reading, it is not idle.
            Phase::Idle if !self.outbox.is_empty() => self.timers.idle_begins(&self.config, now),
            Phase::Idle => self.end(Closed::Idle),
            Phase::Head if self.parser.is_empty() => self.end(Closed::Idle),
            Phase::Head if !self.takes_bytes() => self.timers.head_begins(&self.config, now),
            Phase::Head => {
                self.refuse_late(now);
                self.end(Closed::Timeout(Timer::Head));
            }
            // The application, or our own outbox, was what held the body up.
            Phase::Body if self.timers.paused || !self.takes_bytes() => {
                self.timers.body_begins(&self.config, now);
            }
            Phase::Body => {
                self.refuse_late(now);
                self.end(Closed::Timeout(Timer::Body));
            }
        }
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn read_interest(&self) -> ReadInterest {
        if self.closed.is_some() || self.eof {
            return ReadInterest::Nothing;
        }
        match &self.inbound {
            _ if self.takes_bytes() => ReadInterest::Data,
            // The request is here, its response is not: the peer may give up.
            Inbound::Done => ReadInterest::Eof,
            Inbound::Held(framing) if framing.is_empty() => ReadInterest::Eof,
            Inbound::Head
            | Inbound::Held(_)
            | Inbound::Came
            | Inbound::Reading(_)
            | Inbound::Discarding(..) => ReadInterest::Nothing,
        }
    }

    fn is_finished(&self) -> bool {
        self.closed.is_some()
    }
}

impl Connection {
    /// Whether the next byte would be taken.
    fn takes_bytes(&self) -> bool {
        let room = self.outbox.len() <= self.config.outbox_mark;
        match &self.inbound {
            Inbound::Head => {
                room && self.waiting.request.is_none() && self.waiting.refused.is_none()
            }
            Inbound::Reading(_) => room && self.waiting.body.len() < self.config.inbound_mark,
            Inbound::Discarding(..) => true,
            Inbound::Held(_) | Inbound::Came | Inbound::Done => false,
        }
    }

    /// Takes at least one byte of `input`, or changes what is awaited.
    fn advance(&mut self, now: Instant, input: &[u8]) -> Result<usize, ProtocolError> {
        let limits = &self.config.limits;
        match &mut self.inbound {
            Inbound::Head => {
                let head = &mut self.waiting.request;
                let taken = self.parser.parse_into(head, input, limits)?;
                if let Some(head) = head {
                    let posts = head.method_bytes() == b"POST";
                    self.begin(now);
                    if posts {
                        return Ok(taken + self.take_short_body(&input[taken..]));
                    }
                } else if !self.parser.is_empty() {
                    self.timers.head_continues(&self.config, now);
                }
                Ok(taken)
            }
            Inbound::Reading(decoder) => {
                let (taken, step) = decoder.decode(input, limits)?;
                let complete = match step {
                    Step::Framing => None,
                    Step::Data(at) => {
                        let data = &input[at];
                        if self.waiting.body.is_empty() {
                            self.waiting.body.reserve_exact(data.len());
                        }
                        self.waiting.body.extend_from_slice(data);
                        ended(decoder)
                    }
                    Step::End(trailers) => Some(trailers),
                };
                self.timers.body_continues(&self.config, now, taken);
                if complete.is_some() {
                    self.waiting.end = complete;
                    self.inbound = Inbound::Done;
                    self.timers.stop_reading();
                }
                Ok(taken)
            }
            Inbound::Discarding(decoder, left) => {
                // Framing counts, too: an endless row of tiny chunks is no small body.
                let most = usize::try_from(*left).map_or(usize::MAX, |left| left.saturating_add(1));
                let taste = input.len().min(most);
                let (taken, step) = decoder.decode(&input[..taste], limits)?;
                let complete = match step {
                    Step::Framing => None,
                    Step::Data(_) => ended(decoder),
                    Step::End(trailers) => Some(trailers),
                };
                let over = u32::try_from(taken)
                    .ok()
                    .and_then(|taken| left.checked_sub(taken));
                match over {
                    None => self.end(Closed::Complete),
                    Some(_) if complete.is_some() => {
                        self.inbound = Inbound::Done;
                        self.exchange_is_over(now);
                    }
                    Some(rest) => {
                        *left = rest;
                        self.timers.body_continues(&self.config, now, taken);
                    }
                }
                Ok(taken)
            }
            Inbound::Held(_) | Inbound::Came | Inbound::Done => Ok(0),
        }
    }

    /// Closes when the peer has taken nothing for too long.
    fn watch_writes(&mut self, now: Instant) {
        if self.outbox.is_empty() {
            self.timers.write = None;
            return;
        }
        match self.timers.write {
            Some((deadline, written)) if written == self.outbox.written() => {
                if now >= deadline {
                    self.outbox.clear();
                    self.end(Closed::Timeout(Timer::Write));
                }
            }
            _ => {
                let deadline = now + self.config.write_stall;
                self.timers.write = Some((deadline, self.outbox.written()));
            }
        }
    }
}

/// The end of a body with a known length comes with its last byte.
fn ended(decoder: &Decoder) -> Option<crate::http1::Fields> {
    (decoder.left() == Some(0)).then(crate::http1::Fields::new)
}

/// The deadlines of a connection.
#[derive(Debug)]
pub(super) struct Timers {
    /// Until when the peer has to send what.
    read: Option<(Instant, Phase)>,
    /// The body was not taken for a while, through no fault of the peer's.
    paused: bool,
    /// Until when the peer has to take more than this total of bytes.
    write: Option<(Instant, u64)>,
}

/// What the peer has to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Anything, after a complete exchange.
    Idle,
    /// The rest of a head, or the first one.
    Head,
    /// The body.
    Body,
}

impl Timers {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            read: Some((now + config.head_timeout, Phase::Head)),
            paused: false,
            write: None,
        }
    }

    pub(super) fn idle_begins(&mut self, config: &Config, now: Instant) {
        self.read = Some((now + config.idle_timeout, Phase::Idle));
    }

    fn head_begins(&mut self, config: &Config, now: Instant) {
        self.read = Some((now + config.head_timeout, Phase::Head));
    }

    /// The first byte of a head starts its clock, the others do not move it.
    fn head_continues(&mut self, config: &Config, now: Instant) {
        if self.read.is_none_or(|(_, phase)| phase == Phase::Idle) {
            self.head_begins(config, now);
        }
    }

    pub(super) const fn head_is_complete(&mut self) {
        self.read = None;
    }

    pub(super) fn body_begins(&mut self, config: &Config, now: Instant) {
        self.paused = false;
        self.read = Some((now + config.body_timeout, Phase::Body));
    }

    /// `n` bytes came: they buy their share of time at the minimum rate, and never more than the
    /// whole timeout.
    fn body_continues(&mut self, config: &Config, now: Instant, n: usize) {
        let latest = now + config.body_timeout;
        let deadline = match (self.read, config.body_rate) {
            (Some((deadline, Phase::Body)), 1..) if !self.paused => {
                let nanos = (n as u64).saturating_mul(NANOS) / u64::from(config.body_rate);
                latest.min(deadline + Duration::from_nanos(nanos))
            }
            _ => latest,
        };
        self.paused = false;
        self.read = Some((deadline, Phase::Body));
    }

    pub(super) const fn body_was_paused(&mut self) {
        self.paused = true;
    }

    pub(super) const fn stop_reading(&mut self) {
        self.read = None;
    }
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;

    use super::*;
    use crate::http1::server::{Body, Event};
    use crate::http1::{Framing, ProtocolError, ResponseHead};

    const NOW: Instant = Instant::ZERO;

    fn connection() -> Connection {
        Connection::new(Arc::new(Config::default()), NOW)
    }

    /// Bytes of memory that the connection owns besides itself and its outbox.
    fn memory(connection: &Connection) -> usize {
        connection.parser.memory() + connection.waiting.body.capacity()
    }

    #[test]
    fn an_idle_connection_owns_nothing_and_is_small() {
        assert!(
            size_of::<Connection>() <= 448,
            "{}",
            size_of::<Connection>()
        );
        let mut connection = connection();
        for input in [
            &b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"[..],
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: a\r\n\r\n",
        ] {
            for byte in input {
                connection.receive(NOW, &mut [*byte]);
                while let Some(event) = connection.poll_event() {
                    match event {
                        Event::Request(_) => connection.read_body(NOW, 10).unwrap(),
                        Event::RequestEnd(_) => {
                            connection.respond(NOW, &ResponseHead::new(200), Body::Empty).unwrap();
                        }
                        _ => {}
                    }
                }
            }
            connection.outbox.clear();
            assert_eq!(memory(&connection), 0);
            assert!(matches!(connection.inbound, Inbound::Head));
        }
    }

    #[test]
    fn a_short_body_comes_with_its_post_and_changes_nothing_else() {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
        for (text, with_head) in [
            (head, true),
            (&head.replace("POST", "PUT")[..], false),
            (&head.replace("Host", "Expect: 100-continue\r\nHost"), false),
        ] {
            let whole = || [text.as_bytes(), b"abc"].concat();
            let mut connection = connection();
            let taken = connection.receive(NOW, &mut whole());
            assert_eq!(taken - text.len(), if with_head { 3 } else { 0 }, "{text}");
            assert_eq!(connection.held_body(), Framing::Length(3));
            assert_eq!(connection.read_interest(), ReadInterest::Nothing);
            assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
            // Nobody has asked for it.
            assert!(connection.poll_event().is_none());
            connection.read_body(NOW, 3).unwrap();
            connection.receive(NOW, &mut whole()[taken..]);
            assert!(matches!(connection.poll_event(), Some(Event::Body(body)) if body == "abc"));
            assert!(matches!(
                connection.poll_event(),
                Some(Event::RequestEnd(_))
            ));
        }
        // Too long, and not asked for at all.
        let mut connection = connection();
        connection.receive(NOW, &mut [head.as_bytes(), b"abc"].concat());
        connection.poll_event();
        connection.read_body(NOW, 2).unwrap();
        let too_large = Closed::Protocol(ProtocolError::BodyTooLarge);
        assert!(matches!(connection.poll_event(), Some(Event::Closed(why)) if why == too_large));
        assert_eq!(memory(&connection), 0);
        let mut connection = self::connection();
        connection.receive(NOW, &mut [head.as_bytes(), b"abc"].concat());
        connection.poll_event();
        let answer = ResponseHead::new(200);
        connection.respond(NOW, &answer, Body::Empty).unwrap();
        assert!(connection.poll_event().is_none());
        assert!(matches!(connection.inbound, Inbound::Head));
        assert_eq!(memory(&connection), 0);
    }

    #[test]
    fn a_long_line_costs_no_more_than_its_limit() {
        let mut connection = connection();
        connection.receive(NOW, &mut b"GET / HTTP/1.1\r\nA: ".to_vec());
        let mut most = 0;
        for _ in 0..1024 {
            connection.receive(NOW, &mut [b'a'; 2048]);
            most = most.max(memory(&connection));
        }
        assert!(most <= 2 * 16 * 1024, "{most}");
        assert_eq!(
            connection.closed,
            Some(Closed::Protocol(ProtocolError::HeadTooLarge))
        );
        assert_eq!(memory(&connection), 0);
    }

    #[test]
    fn memory_follows_what_arrived_and_not_what_was_announced() {
        for head in [
            &b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1099511627776\r\n\r\n"[..],
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000\r\n",
        ] {
            let mut connection = connection();
            let mut input = [head, b"abc"].concat();
            let taken = connection.receive(NOW, &mut input);
            connection.read_body(NOW, u64::MAX).unwrap();
            connection.receive(NOW, &mut input[taken..]);
            assert!(memory(&connection) < 64, "{}", memory(&connection));
        }
    }

    #[test]
    fn a_peer_that_reads_no_responses_is_not_read_either() {
        let mut connection = connection();
        let mut input = vec![];
        for _ in 0..100_000 {
            input.extend_from_slice(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        let mut at = 0;
        loop {
            let taken = connection.receive(NOW, &mut input[at..]);
            at += taken;
            while connection.poll_event().is_some() {
                connection
                    .respond(NOW, &ResponseHead::new(200), Body::Empty)
                    .unwrap();
            }
            if taken == 0 {
                break;
            }
        }
        assert!(connection.outbox.len() < connection.config.outbox_mark + 200);
        assert_eq!(connection.read_interest(), ReadInterest::Nothing);
    }
}
