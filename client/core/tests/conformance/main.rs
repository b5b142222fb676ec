//! The cases of client/conformance, run on the core. The last line that it prints says how many of them hold.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod case;
mod matching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use case::{Case, Step};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> T {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_case_holds() {
    let given: BTreeMap<String, Vec<Step>> = read(&folder().join("given.json"));
    let entries = std::fs::read_dir(folder().join("cases")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut all, mut failed) = (0, vec![]);
    for file in files {
        let cases: Vec<Case> = read(&file);
        assert!(!cases.is_empty(), "{} has no case", file.display());
        for case in cases {
            all += 1;
            if let Err(why) = case.run(&given) {
                let scene = file.file_stem().unwrap().to_string_lossy().into_owned();
                failed.push(format!("{scene}: {}\n  {why}", case.name));
            }
        }
    }
    for failure in &failed {
        println!("{failure}");
    }
    println!("conformance: {} of {all}", all - failed.len());
    assert!(all >= 100, "only {all} cases were found");
    assert!(failed.is_empty(), "{} of {all} cases do not hold", failed.len());
}
