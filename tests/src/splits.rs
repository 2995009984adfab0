//! Every way of cutting an input that the tests run through.

/// Calls `run` with `input` cut in each way: whole, byte by byte, and in two at every position.
///
/// Inputs over 4 KiB are cut in two at 512 positions spread over them instead of at every one.
pub fn for_each_split(input: &[u8], mut run: impl FnMut(&[&[u8]])) {
    run(&[input]);
    run(&input.chunks(1).collect::<Vec<_>>());
    let step = (input.len() / 512)
        .max(usize::from(input.len() <= 4096))
        .max(1);
    for cut in (1..input.len()).step_by(step) {
        let (head, tail) = input.split_at(cut);
        run(&[head, tail]);
    }
}
