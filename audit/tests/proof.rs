//! A proof in which each item holds by itself, and all of them cannot: whoever has the ledger's key signed two histories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::HashMap;

use common::{LATER, MIDNIGHT, a_call};
use ilock_audit::{Kind, check_proof};
use ilock_events::{Millis, ProofFile};
use ilock_proof::{
    Checkpoint, Entry, Hour, MadeProofs, Node, Note, SignKey, StoredCall, TlogProof, Tree, TreeHead, checkpoint_text,
    leaf_hash, proof_file,
};

const ORIGIN: &str = "example.org/ledger";

fn root(leaves: &[Node]) -> Node {
    let mut tree = Tree::default();
    for leaf in leaves {
        tree.push_hash(*leaf);
    }
    tree.root()
}

/// PATH of RFC 6962.
fn path(index: usize, leaves: &[Node]) -> Vec<Node> {
    if leaves.len() < 2 {
        return vec![];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut hashes, sibling) =
        if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    hashes.push(root(sibling));
    hashes
}

/// The proof of the entry at `index` of a ledger that the key signed.
fn proof(index: usize, ledger: &[Entry]) -> TlogProof {
    let leaves: Vec<Node> = ledger.iter().map(|entry| leaf_hash(&entry.to_bytes())).collect();
    let head = TreeHead { size: leaves.len() as u64, root: root(&leaves) };
    let text = checkpoint_text(ORIGIN, &head);
    let signature = SignKey::new(ORIGIN, &[7; 32]).unwrap().sign(&text);
    let checkpoint = Checkpoint { origin: ORIGIN.into(), head, note: Note::new(text, vec![signature]).unwrap() };
    TlogProof { index: index as u64, hashes: path(index, &leaves), checkpoint }
}

/// A call, the ledger of its entries behind an hour, and the file that proves it.
fn proven() -> (StoredCall, Vec<Entry>, ProofFile) {
    let call = a_call(0, Millis(MIDNIGHT));
    let mut ledger = vec![Entry::of_hour(Hour::of(Millis(MIDNIGHT)))];
    ledger.extend(call.entries());
    let proofs: HashMap<Entry, TlogProof> =
        (0..).zip(&ledger).map(|(index, entry)| (*entry, proof(index, &ledger))).collect();
    let keys = vec![SignKey::new(ORIGIN, &[7; 32]).unwrap().verify_key().to_string()];
    let file = proof_file(&call, &MadeProofs { origin: ORIGIN.into(), keys, proofs }).unwrap();
    (call, ledger, file)
}

fn found(file: &ProofFile) -> Vec<(Kind, Option<u32>)> {
    check_proof(file, None, LATER).findings.into_iter().map(|finding| (finding.kind, finding.n)).collect()
}

#[test]
fn two_signed_trees_of_one_size_are_a_fork() {
    let (call, mut ledger, mut file) = proven();
    assert_eq!(found(&file), []);
    // A tree of its own for the second commit: something before it is another entry.
    ledger[0] = Entry::of_hour(Hour::of(Millis(MIDNIGHT)).next());
    let second = call.entries()[1];
    let index = ledger.iter().position(|entry| *entry == second).unwrap();
    file.commits[1].proof = proof(index, &ledger).to_string();
    assert_eq!(found(&file)[0], (Kind::Forked, Some(2)));
}

#[test]
fn two_entries_at_one_index_are_a_fork() {
    let (call, mut ledger, mut file) = proven();
    // The second commit stands where the first does, in a smaller tree.
    ledger[1] = call.entries()[1];
    file.commits[1].proof = proof(1, &ledger[..2]).to_string();
    assert_eq!(found(&file), [(Kind::Forked, Some(2))]);
}

#[test]
fn the_order_in_which_a_call_was_entered_proves_nothing() {
    let (call, mut ledger, mut file) = proven();
    // What waits for the sequencer in one minute is entered in any order.
    ledger.push(call.entries()[0]);
    file.commits[0].proof = proof(ledger.len() - 1, &ledger).to_string();
    assert_eq!(found(&file), []);
}
