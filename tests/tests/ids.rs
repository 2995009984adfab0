//! No row without a test: every section is claimed by a test file.

use std::fs;
use std::path::Path;

#[test]
fn every_section_is_run_by_some_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources: String = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|path| {
            fs::read_to_string(path)
                .unwrap()
                .chars()
                .collect::<Vec<_>>()
        })
        .filter(|c| !c.is_whitespace())
        .collect();
    for (section, ids) in tests::ids::sections() {
        assert!(!ids.is_empty(), "section {section} is empty");
        assert!(
            sources.contains(&format!("ids::check(\"{section}\"")),
            "section {section} has no test"
        );
    }
}
