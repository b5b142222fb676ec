//! The digests of what stands beside the commits: receipts, alerts, marks of forgetting, accesses. A commit has a hash of
//! its own.

use ilock_events::{CallId, CommitNo, TenantId};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::commit_hash::canonical;
use crate::entry::{Entry, EntryKind};
use crate::tree::Node;

/// The digest of an item beside a call's commits: SHA-256 over the RFC 8785 form of its fields and `call_id`, without the
/// table's own attributes (`pk`, `sk`, `day`, `ttl`).
///
/// # Errors
/// What serialising says: a number that RFC 8785 has no form for.
pub fn item_digest(call_id: &CallId, body: &Value) -> Result<Node, serde_json::Error> {
    with(body, [("call_id", call_id.as_str())])
}

/// The digest of an auditor's access: SHA-256 over the RFC 8785 form of its fields, `tenant`, and `salt`, the random end of
/// its sort key. Without that salt whoever reads the log could guess who looked at what.
///
/// # Errors
/// As [`item_digest`].
pub fn access_digest(tenant: &TenantId, salt: &str, body: &Value) -> Result<Node, serde_json::Error> {
    with(body, [("tenant", tenant.as_str()), ("salt", salt)])
}

/// The entry of an item of a call: of a commit with the hash that it names, of everything else with its digest. A commit that
/// names no hash is entered with its digest: it was there, and does not fit, which is what an auditor has to be shown.
#[must_use]
pub fn entry_of_item(kind: EntryKind, call_id: &CallId, body: &Value) -> Option<Entry> {
    let named = || {
        let hash = body["hash"].as_str().filter(|_| kind == EntryKind::Commit)?;
        hex::decode(hash).ok()?.try_into().ok()
    };
    let hash = match named() {
        Some(hash) => hash,
        None => item_digest(call_id, body).ok()?,
    };
    Some(Entry::of_call(kind, call_id, number(body), hash))
}

/// The same by what the item holds: the hash that a commit names may be that of another text.
#[must_use]
pub fn entry_of_content(kind: EntryKind, call_id: &CallId, body: &Value) -> Option<Entry> {
    let text = hashed_text(kind, call_id, body).ok()?;
    Some(Entry::of_call(kind, call_id, number(body), Sha256::digest(text).into()))
}

/// The text of an item that is hashed: all of it in RFC 8785 form, of a commit without its hash, of all else with its call.
pub(crate) fn hashed_text(kind: EntryKind, call_id: &CallId, body: &Value) -> Result<Vec<u8>, serde_json::Error> {
    let mut form = body.clone();
    if let Some(fields) = form.as_object_mut() {
        fields.remove("sk");
        if kind == EntryKind::Commit {
            fields.remove("hash");
            fields.entry("call_id").or_insert_with(|| call_id.as_str().into());
        } else {
            fields.insert("call_id".into(), call_id.as_str().into());
        }
    }
    canonical(&form)
}

fn number(body: &Value) -> CommitNo {
    CommitNo(body["n"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default())
}

fn with<const N: usize>(body: &Value, more: [(&str, &str); N]) -> Result<Node, serde_json::Error> {
    let mut form = body.clone();
    if let Some(fields) = form.as_object_mut() {
        for key in ["pk", "sk", "day", "ttl"] {
            fields.remove(key);
        }
        fields.extend(more.map(|(name, value)| (name.to_owned(), value.into())));
    }
    Ok(Sha256::digest(canonical(&form)?).into())
}
