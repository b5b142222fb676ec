//! The hash chain, on the contract's own samples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use ilock_events::{CallId, Commit, Personal};
use ilock_log::{History, LogError};
use ilock_proof::{commit_hash, first_prev, salt_personal};
use proptest::prelude::*;
use serde_json::Value;

/// The first call of the samples, in order.
fn commits() -> Vec<Commit> {
    ["place", "alert", "accept", "hang_up"].map(|kind| sample(&format!("stored.commit.{kind}.json"))).to_vec()
}

fn sample<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/../../events/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

fn load(commits: &[Commit]) -> Result<History, LogError> {
    let mut history = History::unplaced(commits[0].call_id.clone());
    commits.iter().try_for_each(|commit| history.push(commit.clone()))?;
    Ok(history)
}

#[test]
fn the_samples_chain_from_the_call_id_on() {
    let commits = commits();
    assert_eq!(commits[0].prev, first_prev(&commits[0].call_id));
    for commit in &commits {
        assert_eq!(commit_hash(commit).unwrap(), commit.hash, "commit {}", commit.n);
    }
    assert_eq!(load(&commits).unwrap().commits, commits);
}

#[test]
fn the_first_commit_chains_to_its_call_and_no_other() {
    assert_eq!(
        first_prev(&CallId::new("abc").unwrap()),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "SHA-256 of the id, FIPS 180-2 example B.1"
    );
}

#[test]
fn personal_text_is_bound_by_its_salted_digest() {
    let personal: Personal = sample("stored.personal.place.json");
    let mut salt = [0; 16];
    for (byte, pair) in salt.iter_mut().zip(personal.salt.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    assert_eq!(salt_personal(personal.text.clone(), salt).unwrap().unwrap(), personal);
    let other_salt = salt_personal(personal.text.clone(), [1; 16]).unwrap().unwrap();
    assert_ne!(other_salt.digest, personal.digest, "the same text twice does not show");
    assert!(salt_personal(ilock_events::PersonalText::default(), salt).unwrap().is_none(), "nothing to keep");
}

/// Every leaf of a commit's JSON.
fn leaves(value: &Value, path: String, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, format!("{path}/{name}"), all)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| leaves(value, format!("{path}/{n}"), all));
        }
        _ => all.push(path),
    }
}

#[test]
fn a_change_of_any_field_of_any_commit_shows() {
    for at in 0..4 {
        let form = serde_json::to_value(&commits()[at]).unwrap();
        let mut paths = vec![];
        leaves(&form, String::new(), &mut paths);
        assert!(paths.len() >= 10);
        for path in paths {
            let mut changed = form.clone();
            let field = changed.pointer_mut(&path).unwrap();
            *field = match &*field {
                Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
                Value::Bool(yes) => (!yes).into(),
                Value::String(text) => format!("{}x", text.get(..text.len() - 1).unwrap_or_default()).into(),
                other => panic!("{path} is {other}"),
            };
            // What no longer reads as a commit shows as well.
            let Ok(changed) = serde_json::from_value::<Commit>(changed) else { continue };
            let mut commits = commits();
            commits[at] = changed;
            assert!(load(&commits).is_err(), "{path} of commit {} was changed unseen", at + 1);
        }
    }
}

proptest! {
    #[test]
    fn dropping_doubling_or_moving_a_commit_shows(from in 0_usize..3, to in 0_usize..4) {
        let mut missing = commits();
        missing.remove(from);
        prop_assert!(load(&missing).is_err());
        let mut doubled = commits();
        doubled.insert(to, doubled[from].clone());
        prop_assert!(load(&doubled).is_err());
        prop_assume!(from != to);
        let mut moved = commits();
        moved.swap(from, to);
        prop_assert!(load(&moved).is_err());
    }
}
