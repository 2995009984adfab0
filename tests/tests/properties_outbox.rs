//! An outbox gives out what was put in, in order, whatever the mix of calls.

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use websocket_proto::Outbox;

#[derive(Clone, Debug)]
enum Call {
    Append(usize),
    Push(usize),
    /// Moves another outbox with a small and a large piece behind this one.
    Join(usize, usize),
    /// Writes this share of what waits, in percent.
    Advance(usize),
    Copy(usize),
    Clear,
    Lend,
    Reclaim,
}

fn call() -> impl Strategy<Value = Call> {
    let len = || select(vec![0, 1, 100, 4096, 4097, 20_000]);
    prop_oneof![
        6 => len().prop_map(Call::Append),
        6 => len().prop_map(Call::Push),
        2 => (len(), len()).prop_map(|(small, large)| Call::Join(small, large)),
        6 => (0..=100usize).prop_map(Call::Advance),
        3 => (0..=100usize).prop_map(Call::Copy),
        1 => Just(Call::Clear),
        2 => Just(Call::Lend),
        2 => Just(Call::Reclaim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(80) })]

    #[test]
    fn bytes_leave_as_they_came(calls in vec(call(), 0..60)) {
        let mut outbox = Outbox::new();
        let mut model: Vec<u8> = Vec::new();
        let (mut written, mut next) = (0_u64, 0_u32);
        let mut lent = false;
        let mut fresh = |len: usize| -> Vec<u8> {
            let byte = |_| {
                next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                next.to_be_bytes()[0]
            };
            (0..len).map(byte).collect()
        };
        for call in calls {
            match call {
                Call::Append(len) => {
                    let bytes = fresh(len);
                    outbox.append(&bytes);
                    model.extend(bytes);
                }
                Call::Push(len) => {
                    let bytes = fresh(len);
                    model.extend(&bytes);
                    outbox.push(bytes.into());
                }
                Call::Join(small, large) => {
                    let (small, large) = (fresh(small), fresh(large));
                    model.extend(small.iter().chain(&large));
                    let mut other = Outbox::new();
                    other.append(&small);
                    other.push(Bytes::from(large));
                    outbox.append_outbox(&mut other);
                    prop_assert!(other.is_empty());
                }
                Call::Advance(share) => {
                    let n = outbox.len() * share / 100;
                    outbox.advance(n);
                    written += n as u64;
                    model.drain(..n);
                }
                Call::Copy(share) => {
                    let n = outbox.len() * share / 100;
                    let bytes = outbox.copy_to_bytes(n);
                    written += n as u64;
                    prop_assert!(bytes.iter().copied().eq(model.drain(..n)));
                }
                Call::Clear => {
                    outbox.clear();
                    model.clear();
                }
                Call::Lend => {
                    lent |= outbox.is_empty();
                    outbox.lend(b"what was in it is dropped".to_vec());
                }
                Call::Reclaim => {
                    let buffer = outbox.reclaim();
                    prop_assert_eq!(buffer.map(|buffer| buffer.len()), lent.then_some(0));
                    lent = false;
                }
            }
            prop_assert_eq!((outbox.len(), outbox.remaining()), (model.len(), model.len()));
            prop_assert_eq!(outbox.written(), written);
            prop_assert_eq!(outbox.is_empty(), outbox.chunk().is_empty());
            prop_assert!(model.starts_with(outbox.chunk()));
            let mut slices = [IoSlice::new(&[]); 200];
            let used = outbox.chunks_vectored(&mut slices);
            prop_assert!(slices[..used].iter().all(|slice| !slice.is_empty()));
            let all: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
            prop_assert!(all == model);
            let few = outbox.chunks_vectored(&mut slices[..3]);
            prop_assert!(few <= 3);
        }
    }
}
