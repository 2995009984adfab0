//! No row without a test, and no test without its row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tests::ids::security::{Row, SOCKJS, WEBSOCKET};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The test files of the workshop: names without `.rs`, and texts.
fn files() -> BTreeMap<String, String> {
    let folder = workspace().join("tests/tests");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The names of the functions of `source` that are run as tests: with `#[test]` or the like above
/// them, or handed to the macro that runs each on every runtime.
fn tests_of(source: &str) -> BTreeSet<&str> {
    let mut tests = BTreeSet::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        let line = line.strip_prefix("async ").unwrap_or(line);
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            let end = rest.find(['(', '<']).unwrap_or(rest.len());
            if marked {
                tests.insert(&rest[..end]);
            }
            marked = false;
        }
    }
    tests
}

fn rows() -> impl Iterator<Item = &'static Row> {
    WEBSOCKET.iter().chain(SOCKJS)
}

#[test]
fn every_section_is_run_by_some_test() {
    let sources: String = files()
        .values()
        .flat_map(|source| source.chars())
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

#[test]
fn every_known_failure_is_tried_by_tests_that_are_there() {
    let numbered: Vec<String> = (1..=40).map(|nth| format!("S{nth}")).collect();
    let ids: Vec<&str> = WEBSOCKET.iter().map(|row| row.id).collect();
    assert_eq!(ids, numbered);
    let different: BTreeSet<&str> = rows().map(|row| row.id).collect();
    assert_eq!(different.len(), rows().count(), "ids are unique");
    let files = files();
    for row in rows() {
        assert!(
            !row.failure.is_empty() && !row.tests.is_empty(),
            "{}",
            row.id
        );
        for test in row.tests {
            let (file, function) = test.rsplit_once("::").expect("file::function");
            let source = match file.contains('/') {
                true => fs::read_to_string(workspace().join(file)).ok(),
                false => files.get(file).cloned(),
            };
            let source = source.unwrap_or_else(|| panic!("{}: there is no {file}", row.id));
            assert!(
                tests_of(&source).contains(function),
                "{}: {test} is no test",
                row.id
            );
        }
    }
}

#[test]
fn every_test_that_claims_a_known_failure_is_named_by_its_row() {
    let mut sources: Vec<(String, String)> = files().into_iter().collect();
    for file in ["security", "tls", "serving", "sockjs"] {
        let file = format!("server/tests/{file}.rs");
        let source = fs::read_to_string(workspace().join(&file)).unwrap();
        sources.push((file, source));
    }
    let (mut claimed, mut all) = (0, 0);
    for (file, source) in &sources {
        for function in tests_of(source) {
            let test = format!("{file}::{function}");
            let names_it = |row: &&Row| row.tests.contains(&test.as_str());
            // `s07_s31_...` claims S7 and S31.
            let claims = function.split('_').map_while(|word| {
                let digits = word.strip_prefix('s').filter(|rest| rest.len() == 2)?;
                digits.parse::<u8>().ok()
            });
            for number in claims {
                claimed += 1;
                let id = format!("S{number}");
                let row = WEBSOCKET.iter().find(|row| row.id == id);
                let row = row.unwrap_or_else(|| panic!("{test}: there is no row {id}"));
                assert!(names_it(&row), "{test} is not named by row {id}");
            }
            if file.starts_with("security_") {
                all += 1;
                let known = rows().any(|row| names_it(&row));
                assert!(known, "{test} is named by no row");
            }
        }
    }
    assert!(claimed >= 30 && all >= 25, "{claimed} {all}");
}
