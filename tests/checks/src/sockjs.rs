//! An endpoint, with any order of what browsers, networks and applications do.

use arbitrary::{Arbitrary, Unstructured};
use sockjs_proto::{Admit, AfterCut};

use crate::world::{Step, World};

/// What the bytes choose happens, and the lists of [`World`] agree.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let (Ok(ask), Ok(reopen)) = (bool::arbitrary(&mut input), bool::arbitrary(&mut input)) else {
        return;
    };
    let admit = if ask { Admit::Ask } else { Admit::All };
    let after_cut = if reopen {
        AfterCut::Open
    } else {
        AfterCut::Interrupted
    };
    let mut world = World::new(admit, after_cut);
    let steps = input.arbitrary_iter::<Step>().into_iter().flatten();
    for step in steps.map_while(Result::ok).take(300) {
        world.run(&step);
    }
    world.finish();
}
