//! Twice the input is twice the work, however slowly it comes.
//!
//! What is looked at is counted where it is, in `websocket_proto::work`; what is allocated, and so
//! what is copied to a larger place, here; every instruction by `tests/linearity.sh`.

use std::env;

use tests::heap::{Counting, Meter};
use tests::linearity::{CASES, Case};

#[global_allocator]
static HEAP: Counting = Counting;

/// Bytes allocated for an input of that length, those included that were given back.
fn taken(case: &Case, len: usize) -> usize {
    let meter = Meter::start();
    (case.feed)(len);
    meter.taken()
}

#[test]
fn twice_the_input_is_twice_the_memory_taken() {
    for case in CASES {
        let (half, whole) = (taken(case, case.longest / 2), taken(case, case.longest));
        println!(
            "{}: {half} bytes allocated for half, {whole} for all",
            case.name
        );
        assert!(
            whole <= half * 5 / 2 + SLACK,
            "{}: {half} then {whole} bytes",
            case.name
        );
        assert!(
            whole <= case.longest * MOST + SLACK,
            "{}: {whole} bytes for {}",
            case.name,
            case.longest
        );
    }
}

/// The case that the environment names, for the script; or the list of them.
#[test]
#[ignore = "counted by tests/linearity.sh, under valgrind"]
fn one_case() {
    let Ok(name) = env::var("CASE") else {
        for case in CASES {
            println!("case {} {}", case.name, case.longest);
        }
        return;
    };
    let case = CASES.iter().find(|case| case.name == name).expect("a case");
    let len = env::var("LEN").expect("LEN");
    (case.feed)(len.parse().expect("a length"));
}

/// A few tables and queues, and a codec that is made anew.
const SLACK: usize = 64 * 1024;
/// Bytes allocated for each byte of input, that input and its making included.
const MOST: usize = 64;
