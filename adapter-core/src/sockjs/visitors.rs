//! How many sessions an address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use websocket_proto::Instant;

use crate::Address;
use crate::sync::{Mutex, lock};

/// How many sessions one client address may have and begin. An IPv6 address counts as its network of
/// 64 bits, which is what one client gets. Clients without an IP address are not limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AddressLimits {
    /// Sessions at a time. Default 1000: whole companies share an address.
    pub sessions: Option<u32>,
    /// New sessions per second, in the long run; ten seconds' worth may come at once. Default 100.
    pub per_second: Option<u32>,
}

impl AddressLimits {
    /// No limits.
    pub const NONE: Self = Self {
        sessions: None,
        per_second: None,
    };
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            sessions: Some(1000),
            per_second: Some(100),
        }
    }
}

/// The addresses that have sessions, or had some a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Visitors(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    known: HashMap<IpAddr, Visitor>,
    /// With so many entries, those that say nothing are looked for.
    sweep_at: usize,
}

#[derive(Debug)]
struct Visitor {
    sessions: u32,
    /// When the credit for new sessions is full again.
    full_at: Instant,
}

/// A session's place among those of its address.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    _seat: Arc<Seat>,
}

#[derive(Debug)]
struct Seat {
    visitors: Arc<Visitors>,
    address: IpAddr,
}

/// The address has enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooMany;

impl Visitors {
    /// Counts a new session of `address`.
    pub(crate) fn enter(
        self: &Arc<Self>,
        now: Instant,
        address: &Address,
        limits: AddressLimits,
    ) -> Result<Option<Visit>, TooMany> {
        if limits == AddressLimits::NONE {
            return Ok(None);
        }
        let Address::Tcp(address) = address else {
            return Ok(None);
        };
        let address = network(address.ip());
        let mut table = lock(&self.0);
        table.sweep(now);
        let visitor = table.known.entry(address).or_insert(Visitor {
            sessions: 0,
            full_at: now,
        });
        if limits.sessions.is_some_and(|most| visitor.sessions >= most) {
            return Err(TooMany);
        }
        if let Some(rate) = limits.per_second {
            let full_at = visitor.full_at.max(now) + Duration::from_secs(1) / rate.max(1);
            if rate == 0 || full_at > now + BURST {
                return Err(TooMany);
            }
            visitor.full_at = full_at;
        }
        visitor.sessions += 1;
        drop(table);
        Ok(Some(Visit {
            _seat: Arc::new(Seat {
                visitors: Arc::clone(self),
                address,
            }),
        }))
    }
}

impl Table {
    /// Forgets addresses without sessions and debts, now and then.
    fn sweep(&mut self, now: Instant) {
        if self.known.len() < self.sweep_at.max(SWEEP) {
            return;
        }
        self.known
            .retain(|_, visitor| visitor.sessions > 0 || visitor.full_at > now);
        self.sweep_at = 2 * self.known.len();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = lock(&self.visitors.0);
        if let Some(visitor) = table.known.get_mut(&self.address) {
            visitor.sessions -= 1;
        }
    }
}

/// What one client has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// So much of the rate may be used at once.
const BURST: Duration = Duration::from_secs(10);
const SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn address(text: &str) -> Address {
        Address::Tcp(SocketAddr::new(text.parse().unwrap(), 1))
    }

    #[test]
    fn sessions_at_a_time() {
        let visitors = Arc::new(Visitors::default());
        let limits = AddressLimits {
            sessions: Some(2),
            per_second: None,
        };
        let enter = |text| visitors.enter(Instant::ZERO, &address(text), limits);
        let first = enter("10.0.0.1").unwrap();
        let second = enter("::ffff:10.0.0.1").unwrap();
        assert_eq!(enter("10.0.0.1").unwrap_err(), TooMany);
        assert!(enter("10.0.0.2").is_ok());
        drop(first);
        let third = enter("10.0.0.1").unwrap();
        assert!(enter("10.0.0.1").is_err());
        drop((second, third));

        let near = enter("2001:db8::1").unwrap();
        let nearer = enter("2001:db8::ffff:1").unwrap();
        assert!(enter("2001:db8::2").is_err() && enter("2001:db8:0:1::2").is_ok());
        drop((near, nearer));
        let unix = visitors.enter(Instant::ZERO, &Address::Unix(None), limits);
        assert!(unix.unwrap().is_none());
    }

    #[test]
    fn sessions_per_second() {
        let visitors = Arc::new(Visitors::default());
        let limits = AddressLimits {
            sessions: None,
            per_second: Some(2),
        };
        let enter =
            |millis| visitors.enter(Instant::from_millis(millis), &address("10.0.0.1"), limits);
        for _ in 0..20 {
            assert!(enter(0).is_ok());
        }
        assert!(enter(0).is_err() && enter(499).is_err());
        assert!(enter(500).is_ok() && enter(500).is_err());
        for _ in 0..20 {
            assert!(enter(60_000).is_ok());
        }
        assert!(enter(60_000).is_err());
    }

    #[test]
    fn addresses_are_forgotten() {
        let visitors = Arc::new(Visitors::default());
        let limits = AddressLimits::default();
        for n in 0..5000_u32 {
            let at = Instant::from_millis(u64::from(n));
            let address = Address::Tcp(SocketAddr::new(IpAddr::V4(n.into()), 1));
            assert!(visitors.enter(at, &address, limits).is_ok());
        }
        assert!(lock(&visitors.0).known.len() <= SWEEP);
    }
}
