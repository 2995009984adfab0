//! A TCP connection: two kernels, and a network between them that can fail.

use std::collections::VecDeque;
use std::time::Duration;

use websocket_proto::Instant;

use super::random::Random;

/// A connection, with both of its ends.
#[derive(Debug)]
pub(super) struct Link {
    /// Which client has made it.
    pub(super) client: usize,
    /// To which server.
    pub(super) server: usize,
    pub(super) to_server: Pipe,
    pub(super) to_client: Pipe,
    cut: Option<Cut>,
    /// Nothing arrives any more.
    down: bool,
    ends: [EndState; 2],
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Client,
    Server,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct EndState {
    /// When its kernel learns that the connection is no more.
    broken_at: Option<Instant>,
    told: bool,
    closed: bool,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Every byte that the sender's kernel ever took.
    pub(super) written: Vec<u8>,
    /// How many have reached the receiver's kernel, and how many the receiver has read.
    arrived: usize,
    pub(super) read: usize,
    flights: VecDeque<(Instant, usize)>,
    fin: Option<Instant>,
    ended: bool,
    /// The reader takes nothing until then.
    deaf_until: Instant,
    /// The sender had more than there was room for.
    full: bool,
    /// Up to which byte the sender's program had queued what at which time.
    pub(super) stamps: VecDeque<Stamp>,
    terms: Terms,
}

/// When bytes were queued by the program that sends them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) end: u64,
    pub(super) at: Instant,
    /// When it had last heard of its peer.
    pub(super) heard: Instant,
}

/// What one direction is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// In microseconds, from and to.
    pub(super) latency: (u64, u64),
    /// What both kernels hold together.
    pub(super) buffer: usize,
    /// The longest packet.
    pub(super) packet: usize,
}

/// A fault that comes when so many bytes have arrived in a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Who was to receive them.
    pub(super) reader: End,
    pub(super) offset: usize,
    pub(super) fault: Fault,
}

/// What may happen to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Both sides are told soon.
    Reset,
    /// Nobody is told until the kernels give up.
    Silence(Duration),
    /// The client's side of the stream ends; it reads on.
    HalfClose,
    /// The reader takes nothing for a while.
    Stall(Duration),
}

/// What a read finds.
#[derive(Debug)]
pub(super) enum Read {
    Bytes(Vec<u8>),
    Nothing,
    Eof,
    Broken,
}

/// Which ends have something to look at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    pub(super) client: bool,
    pub(super) server: bool,
    pub(super) fault: Option<Fault>,
}

impl Link {
    pub(super) fn new(client: usize, server: usize, terms: Terms, cut: Option<Cut>) -> Self {
        Self {
            client,
            server,
            to_server: Pipe::new(terms),
            to_client: Pipe::new(terms),
            cut,
            down: false,
            ends: [EndState::default(); 2],
        }
    }

    /// The next time at which something arrives or becomes known.
    pub(super) fn next(&self) -> Option<Instant> {
        let ends = self.ends.iter().filter(|end| !end.told && !end.closed);
        let ends = ends.filter_map(|end| end.broken_at);
        let pipes = [
            (&self.to_server, End::Server),
            (&self.to_client, End::Client),
        ];
        let pipes = pipes
            .into_iter()
            .filter(|(_, end)| !self.down && !self.end(*end).closed);
        pipes.filter_map(|(pipe, _)| pipe.next()).chain(ends).min()
    }

    /// Lets arrive what is due.
    pub(super) fn settle(&mut self, now: Instant, random: &mut Random) -> News {
        let mut news = News::default();
        if !self.down {
            let offset = |reader| {
                let cut = self.cut.filter(|cut| cut.reader == reader);
                cut.map_or(usize::MAX, |cut| cut.offset)
            };
            let (server, client) = (offset(End::Server), offset(End::Client));
            news.server = self.to_server.settle(now, server);
            news.client = self.to_client.settle(now, client);
            news.fault = self.strike(now, random);
        }
        for end in [End::Client, End::Server] {
            let state = &mut self.ends[end as usize];
            if !state.told && state.broken_at.is_some_and(|at| at <= now) {
                state.told = true;
                // A reset discards what the program has not read, or it was quicker.
                if random.one_in(2) {
                    let pipe = self.pipe_to(end);
                    pipe.arrived = pipe.read;
                }
                match end {
                    End::Client => news.client = true,
                    End::Server => news.server = true,
                }
            }
        }
        news
    }

    /// Lets the planned fault happen, if its byte has arrived.
    fn strike(&mut self, now: Instant, random: &mut Random) -> Option<Fault> {
        let cut = self.cut?;
        if self.pipe_to(cut.reader).arrived < cut.offset {
            return None;
        }
        self.cut = None;
        match cut.fault {
            Fault::Reset => self.break_within(now, Duration::ZERO, random),
            Fault::Silence(patience) => self.break_within(now, patience, random),
            Fault::HalfClose => {
                self.to_server.flights.clear();
                self.to_server.fin = Some(now);
                self.to_server.ended = true;
            }
            Fault::Stall(time) => self.pipe_to(cut.reader).deaf_until = now + time,
        }
        Some(cut.fault)
    }

    /// Nothing arrives from now on; both sides learn it some time after that much time.
    pub(super) fn break_within(&mut self, now: Instant, after: Duration, random: &mut Random) {
        self.down = true;
        for state in &mut self.ends {
            let delay = Duration::from_micros(random.between(1, 100_000));
            state.broken_at.get_or_insert(now + after + delay);
        }
    }

    pub(super) const fn is_down(&self) -> bool {
        self.down
    }

    pub(super) fn is_broken(&self, end: End) -> bool {
        self.end(end).told
    }

    /// At most so many bytes, and none beyond the next stamp.
    pub(super) fn read(&mut self, end: End, now: Instant, most: usize) -> Read {
        let told = self.end(end).told;
        let pipe = self.pipe_to(end);
        if pipe.deaf_until > now {
            return if told { Read::Broken } else { Read::Nothing };
        }
        let border = pipe.stamps.front().map_or(usize::MAX, |stamp| {
            usize::try_from(stamp.end).expect("a length")
        });
        let upto = pipe
            .arrived
            .min(pipe.read + most)
            .min(border.max(pipe.read));
        if upto > pipe.read {
            let bytes = pipe.written[pipe.read..upto].to_vec();
            pipe.read = upto;
            return Read::Bytes(bytes);
        }
        if told {
            Read::Broken
        } else if pipe.ended && pipe.read == pipe.arrived {
            Read::Eof
        } else {
            Read::Nothing
        }
    }

    /// When the bytes last read were queued.
    pub(super) fn stamp(&mut self, end: End) -> Option<Stamp> {
        let pipe = self.pipe_to(end);
        let stamp = *pipe.stamps.front()?;
        if stamp.end <= pipe.read as u64 {
            pipe.stamps.pop_front();
        }
        Some(stamp)
    }

    /// How many bytes the kernel takes; an error when the connection is no more.
    pub(super) fn write(
        &mut self,
        end: End,
        now: Instant,
        bytes: &[u8],
        random: &mut Random,
    ) -> Result<usize, ()> {
        if self.end(end).told {
            return Err(());
        }
        if self.end(end.other()).closed && !self.down {
            // Whoever writes to a socket that is closed is told so.
            self.break_within(now, Duration::from_micros(200), random);
        }
        let pipe = self.pipe_to(end.other());
        let n = bytes.len().min(pipe.room());
        pipe.full = n < bytes.len();
        pipe.send(&bytes[..n], now, random);
        Ok(n)
    }

    /// Whether the sender at `end` waits for room that there is now.
    pub(super) fn has_room_again(&mut self, end: End) -> bool {
        let pipe = self.pipe_to(end.other());
        pipe.full && pipe.room() > 0 && std::mem::take(&mut pipe.full)
    }

    /// The end's side of the stream is over.
    pub(super) fn shut(&mut self, end: End, now: Instant, random: &mut Random) {
        let pipe = self.pipe_to(end.other());
        let at = pipe.latest(now, random);
        pipe.fin.get_or_insert(at);
    }

    /// The end's program has closed its socket.
    pub(super) fn close(&mut self, end: End, now: Instant, random: &mut Random) {
        self.ends[end as usize].closed = true;
        if self.down {
            return;
        }
        let pipe = self.pipe_to(end);
        let unread = pipe.read < pipe.written.len();
        self.shut(end, now, random);
        if unread {
            self.break_within(now, Duration::from_micros(100), random);
        }
    }

    pub(super) fn is_closed(&self, end: End) -> bool {
        self.end(end).closed
    }

    fn end(&self, end: End) -> EndState {
        self.ends[end as usize]
    }

    pub(super) fn pipe_to(&mut self, end: End) -> &mut Pipe {
        match end {
            End::Client => &mut self.to_client,
            End::Server => &mut self.to_server,
        }
    }
}

impl Pipe {
    const fn new(terms: Terms) -> Self {
        Self {
            written: Vec::new(),
            arrived: 0,
            read: 0,
            flights: VecDeque::new(),
            fin: None,
            ended: false,
            deaf_until: Instant::ZERO,
            full: false,
            stamps: VecDeque::new(),
            terms,
        }
    }

    const fn room(&self) -> usize {
        self.terms
            .buffer
            .saturating_sub(self.written.len() - self.read)
    }

    fn latest(&self, now: Instant, random: &mut Random) -> Instant {
        let (low, high) = self.terms.latency;
        let at = now + Duration::from_micros(random.between(low, high));
        self.flights.back().map_or(at, |&(last, _)| last.max(at))
    }

    fn send(&mut self, bytes: &[u8], now: Instant, random: &mut Random) {
        if self.fin.is_some() {
            // The rest of a half-closed stream goes nowhere.
            self.written.extend_from_slice(bytes);
            return;
        }
        for packet in bytes.chunks(self.terms.packet) {
            let at = self.latest(now, random);
            self.written.extend_from_slice(packet);
            self.flights.push_back((at, self.written.len()));
        }
    }

    fn next(&self) -> Option<Instant> {
        let deaf = (self.deaf_until != Instant::ZERO).then_some(self.deaf_until);
        let fin = self.fin.filter(|_| !self.ended);
        let flight = self.flights.front().map(|&(at, _)| at);
        flight.into_iter().chain(fin).chain(deaf).min()
    }

    /// Whether the reader has something to look at.
    fn settle(&mut self, now: Instant, limit: usize) -> bool {
        let mut news = false;
        if self.deaf_until != Instant::ZERO && self.deaf_until <= now {
            self.deaf_until = Instant::ZERO;
            news = true;
        }
        while let Some(&(at, upto)) = self.flights.front()
            && at <= now
        {
            self.flights.pop_front();
            self.arrived = upto.min(limit).max(self.arrived);
            news = true;
        }
        if self.flights.is_empty() && !self.ended && self.fin.is_some_and(|at| at <= now) {
            self.ended = true;
            news = true;
        }
        news
    }
}
