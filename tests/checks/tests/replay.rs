//! Every check over its corpus, and over each entry cut short: what the fuzzers once found stays
//! found.

use std::fs;
use std::path::Path;

use checks::TARGETS;

#[test]
fn corpora() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, check) in TARGETS {
        let entries = fs::read_dir(root.join(name)).expect(name);
        let mut count = 0;
        for entry in entries {
            let path = entry.expect("readable").path();
            let data = fs::read(&path).expect("readable");
            // Shown when the check panics.
            println!("{}", path.display());
            check(&data);
            check(&data[..data.len() / 2]);
            count += 1;
        }
        assert!(count > 0, "{name} has seeds");
    }
    let known = fs::read_dir(root).expect("corpora");
    for entry in known {
        let name = entry.expect("readable").file_name();
        let name = name.to_str().expect("text");
        assert!(
            TARGETS.iter().any(|target| target.0 == name),
            "{name} is checked"
        );
    }
}
