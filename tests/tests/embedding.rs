//! The code of `docs/EMBEDDING.md` stands, line for line, in the programs that it names.

use std::fs;
use std::path::Path;

#[test]
fn every_block_is_an_excerpt_of_the_program_named_before_it() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().expect("a workspace");
    let document = fs::read_to_string(root.join("docs/EMBEDDING.md")).expect("the document");
    let (mut program, mut block, mut blocks) = (String::new(), None::<Vec<&str>>, 0);
    for line in document.lines() {
        match (&mut block, line) {
            (None, "```rust") => block = Some(Vec::new()),
            (Some(lines), "```") => {
                let text = lines.join("\n");
                assert!(stands_in(lines, &program), "not in the program:\n{text}");
                blocks += 1;
                block = None;
            }
            (Some(lines), line) => lines.push(line.trim()),
            (None, line) => {
                for name in line.split('`').filter(|name| name.contains("examples/")) {
                    program = fs::read_to_string(root.join(name)).expect(name);
                }
            }
        }
    }
    assert!(block.is_none() && blocks > 10, "{blocks} blocks");
}

fn stands_in(lines: &[&str], program: &str) -> bool {
    let program: Vec<&str> = program.lines().map(str::trim).collect();
    let mut windows = program.windows(lines.len());
    windows.any(|window| window == lines)
}
