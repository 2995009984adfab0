//! Any interleaving of what browsers, networks and applications do to sessions.

use checks::world::{Step, World};
use proptest::prelude::*;
use sockjs_proto::{Admit, AfterCut};

fn step() -> impl Strategy<Value = Step> {
    let nth = any::<u8>();
    prop_oneof![
        6 => (0..3u8, any::<bool>()).prop_map(|(id, streaming)| Step::Attach { id, streaming }),
        6 => nth.prop_map(Step::Flush),
        1 => nth.prop_map(Step::Abort),
        1 => nth.prop_map(Step::CutUnseen),
        1 => nth.prop_map(Step::Choke),
        1 => nth.prop_map(Step::End),
        6 => (nth, any::<bool>()).prop_map(|(session, long)| Step::Send { session, long }),
        1 => nth.prop_map(Step::Close),
        1 => nth.prop_map(Step::Release),
        4 => (nth, 0..8u8).prop_map(|(session, most)| Step::Drain { session, most }),
        4 => (0..3u8, 0..6u8).prop_map(|(id, messages)| Step::Post { id, messages }),
        1 => nth.prop_map(Step::Abandon),
        3 => (nth, nth).prop_map(|(admission, verdict)| Step::Decide { admission, verdict }),
        3 => (0..6000u16).prop_map(|millis| Step::Pass { millis }),
        1 => (0..12_000u16).prop_map(|millis| Step::Stall { millis }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_stuck(
        steps in proptest::collection::vec(step(), 0..150),
        ask: bool,
        reopen: bool,
    ) {
        let admit = if ask { Admit::Ask } else { Admit::All };
        let after_cut = if reopen { AfterCut::Open } else { AfterCut::Interrupted };
        let mut world = World::new(admit, after_cut);
        for step in &steps {
            world.run(step);
        }
        world.finish();
    }
}
