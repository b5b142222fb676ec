//! Checks a proof in the hand. It needs nothing but the file, and the keys of those whom one believes.

use std::collections::HashMap;

use ilock_events::{CallId, CommitNo, Millis, ProofFile, ProofItem};
use ilock_proof::{
    BadNote, Checkpoint, Entry, EntryKind, Policy, StoredCall, TlogProof, TreeHead, VerifyKey, canonical, digest,
    entry_of_item, own_key,
};
use serde_json::Value;

use crate::json_error::said;
use crate::verify;
use crate::{CallLine, Counts, Finding, Kind};

/// How many findings of a file's texts and proofs are named. Those of the call that they make are bounded by themselves.
const MOST_FINDINGS: u64 = 100;

/// What a file was found to prove.
#[derive(Debug, Clone, Default)]
pub struct CheckedProof {
    pub findings: Vec<Finding>,
    pub counts: Counts,
    /// How many entries are proven to be in the ledger.
    pub entries: u64,
    /// The size of the largest checkpoint in it.
    pub size: u64,
    /// Who vouches: the policy, or, without one, nobody for this key.
    pub unvouched: Option<String>,
    /// The call, as far as its items can be read.
    pub stored: StoredCall,
    /// What holds: an entry, its index, and the tree that it is in.
    proven: Vec<(Entry, u64, TreeHead)>,
}

/// Reads a file.
///
/// # Errors
/// What it is refused with.
pub fn read_proof(text: &str) -> Result<ProofFile, String> {
    let read: ProofFile =
        serde_json::from_str(text).map_err(|error| format!("it is no proof of ilock: {}", said(&error)))?;
    if read.ilock_proof == ProofFile::VERSION {
        Ok(read)
    } else {
        Err(format!("it is of version {}", read.ilock_proof))
    }
}

/// Checks all of it: that each text is in the ledger, that the checkpoints are signed as `policy` asks, and that the
/// commits make a call which could have happened. Without a policy the keys in the file are believed.
#[must_use]
pub fn check_proof(file: &ProofFile, policy: Option<&Policy>, as_of: Millis) -> CheckedProof {
    let mut checked = CheckedProof::default();
    let Ok(call_id) = CallId::new(file.call_id.as_str()) else {
        checked.found(Kind::Unreadable, None, format!("{:?} is no call id", file.call_id));
        return checked;
    };
    let keys = keys_in(file);
    if policy.is_none_or(|policy| policy.logs.is_empty()) {
        checked.unvouched = Some(file.keys.join(", "));
    }
    if file.commits.is_empty() {
        checked.found(Kind::Missing, None, "it has no commit".into());
    }
    let believed = Believed { policy, keys: &keys, origin: &file.origin };
    let mut whole = StoredCall { call_id: file.call_id.clone(), ..StoredCall::default() };
    for (kind, items) in [
        (EntryKind::Commit, &file.commits),
        (EntryKind::Receipt, &file.receipts),
        (EntryKind::Forgotten, &file.forgotten),
        (EntryKind::Alert, &file.alerts),
    ] {
        for item in items {
            if let Some(body) = checked.item(kind, &call_id, item, &believed) {
                whole.place(&place_of(kind, &body), without_call(kind, body));
            }
        }
    }
    checked.one_ledger();
    checked.call(&whole, as_of);
    checked.stored = whole;
    checked
}

/// Whether every checkpoint in a file is signed as `policy` asks. What is proven under them is left to [`check_proof`].
///
/// # Errors
/// Why one of them is not.
pub fn check_signatures(file: &ProofFile, policy: &Policy) -> Result<(), BadNote> {
    let believed = Believed { policy: Some(policy), keys: &keys_in(file), origin: &file.origin };
    let mut items = [&file.commits, &file.receipts, &file.forgotten, &file.alerts].into_iter().flatten();
    items.try_for_each(|item| believed.verify(&TlogProof::read(&item.proof)?.checkpoint))
}

/// The keys that a file says sign the ledger, as far as they can be read.
fn keys_in(file: &ProofFile) -> Vec<VerifyKey> {
    file.keys.iter().filter_map(|key| VerifyKey::read(key).ok()).collect()
}

/// Whom one believes.
struct Believed<'a> {
    policy: Option<&'a Policy>,
    keys: &'a [VerifyKey],
    origin: &'a str,
}

impl Believed<'_> {
    fn verify(&self, checkpoint: &Checkpoint) -> Result<(), BadNote> {
        if checkpoint.origin != self.origin {
            return Err(BadNote("it is of another ledger"));
        }
        match self.policy {
            Some(policy) if !policy.logs.is_empty() => policy.verify(checkpoint),
            Some(policy) => checkpoint.verify(self.keys).and_then(|()| policy.verify(checkpoint)),
            None => checkpoint.verify(self.keys),
        }
    }
}

/// The sort key under which an item stands, as far as [`StoredCall::place`] looks at it.
fn place_of(kind: EntryKind, body: &Value) -> String {
    match own_key(kind.word(), body) {
        // A proof does not say of which round: any will do.
        Some(own) if kind == EntryKind::Receipt => format!("{own}0000"),
        Some(own) => own,
        None => kind.word().to_owned(),
    }
}

/// An item as it is stored: all but a commit stand under their call's key only.
fn without_call(kind: EntryKind, mut body: Value) -> Value {
    if kind != EntryKind::Commit
        && let Some(fields) = body.as_object_mut()
    {
        fields.remove("call_id");
    }
    body
}

impl CheckedProof {
    fn found(&mut self, kind: Kind, n: Option<u32>, why: String) {
        self.counts.findings += 1;
        let more = self.counts.findings.saturating_sub(MOST_FINDINGS);
        if more == 0 {
            return self.findings.push(Finding { n, ..Finding::new(kind, why) });
        }
        // The first are named, and the others counted: of a crafted file every text is one.
        let first = if more == 1 { kind } else { self.findings.pop().map_or(kind, |counted| counted.kind) };
        self.findings.push(Finding::new(first, format!("and {more} more, which are left out")));
    }

    /// Checks one text and its proof. Answers the item, a commit with its hash.
    fn item(&mut self, kind: EntryKind, call_id: &CallId, item: &ProofItem, believed: &Believed<'_>) -> Option<Value> {
        let what = kind.word();
        let mut body: Value = match serde_json::from_str(&item.text) {
            Ok(body) => body,
            Err(error) => {
                self.found(Kind::Unreadable, None, format!("a {what}: {}", said(&error)));
                return None;
            }
        };
        let n = body["n"].as_u64().and_then(|n| u32::try_from(n).ok());
        if canonical(&body).ok().as_deref() != Some(item.text.as_bytes()) {
            self.found(Kind::Changed, n, format!("the text of the {what} is not in the form of RFC 8785"));
        }
        if body["call_id"].as_str() != Some(call_id.as_str()) {
            self.found(Kind::Changed, n, format!("the {what} is of another call"));
        }
        if let Some(fields) = body.as_object_mut().filter(|_| kind == EntryKind::Commit) {
            fields.insert("hash".into(), digest(item.text.as_bytes()).into());
        }
        let entry = entry_of_item(kind, call_id, &body)?;
        self.proof(&entry, item, n.map(CommitNo), believed);
        Some(body)
    }

    fn proof(&mut self, entry: &Entry, item: &ProofItem, n: Option<CommitNo>, believed: &Believed<'_>) {
        let (what, n) = (entry.kind.word(), n.map(|n| n.0));
        let proof = match TlogProof::read(&item.proof) {
            Ok(proof) => proof,
            Err(bad) => return self.found(Kind::Unreadable, n, format!("the proof of the {what}: {bad}")),
        };
        let before = self.counts.findings;
        if let Err(bad) = proof.verify(&entry.to_bytes()) {
            self.found(Kind::Changed, n, format!("the {what} is not the one in the ledger: {bad}"));
        }
        if let Err(bad) = believed.verify(&proof.checkpoint) {
            self.found(Kind::Changed, n, format!("the checkpoint in the proof of the {what}: {bad}"));
        }
        if self.counts.findings == before {
            self.entries += 1;
            self.size = self.size.max(proof.checkpoint.head.size);
            self.proven.push((*entry, proof.index, proof.checkpoint.head));
        }
    }

    /// Whether what was proven can be of one ledger: it has one tree of each size, and one entry at each index. The order of a call's
    /// entries proves nothing: what waits for the sequencer is entered in any.
    fn one_ledger(&mut self) {
        let (mut roots, mut entries) = (HashMap::new(), HashMap::new());
        for (entry, index, TreeHead { size, root }) in std::mem::take(&mut self.proven) {
            let (what, n) = (entry.kind.word(), (entry.n > 0).then_some(entry.n));
            if *roots.entry(size).or_insert(root) != root {
                let why = format!("the {what} is in another tree of {size} entries than what stands before it");
                self.found(Kind::Forked, n, why);
            }
            if *entries.entry(index).or_insert(entry) != entry {
                let why = format!("the {what} is entry {index} of the ledger, and so is another item of the call");
                self.found(Kind::Forked, n, why);
            }
        }
    }

    /// Judges the call that the proven texts make.
    fn call(&mut self, call: &StoredCall, as_of: Millis) {
        let texts = |items: &[Value]| -> Vec<String> {
            items.iter().filter_map(|item| String::from_utf8(canonical(item).ok()?).ok()).collect()
        };
        let (commits, receipts, forgotten) = (texts(&call.commits), texts(&call.receipts), texts(&call.forgotten));
        let alerts = texts(&call.alerts);
        let line = CallLine {
            call_id: call.call_id.as_str().into(),
            at: Millis(call.commits.first().and_then(|commit| commit["at"].as_i64()).unwrap_or_default()),
            last: None,
            commits: commits.iter().map(String::as_str).collect(),
            alerts: alerts.iter().map(String::as_str).collect(),
            receipts: receipts.iter().map(String::as_str).collect(),
            personal: None,
            forgotten: forgotten.iter().map(String::as_str).collect(),
        };
        let judged = verify::call(&line, as_of);
        self.findings.extend(judged.findings);
        self.counts = judged.counts;
        self.counts.findings = u64::try_from(self.findings.len()).unwrap_or(u64::MAX);
    }
}
