//! Signed notes (C2SP signed-note) and what is said in them: checkpoints, cosignatures, policies, proofs.
//!
//! Written here, because the crate `signed_note` does not list a note's signatures, which have to be kept and counted, knows
//! no cosignatures, and brings a second Ed25519, SHA-256 and Base64 into every Lambda package. Ed25519 is AWS-LC's, which TLS
//! brings anyway.

pub(crate) mod checkpoint;
pub(crate) mod key;
pub(crate) mod policy;
pub(crate) mod signature;
pub(crate) mod signed;
pub(crate) mod tlog_proof;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Node;

/// A hash as notes write it.
pub(crate) fn node_of(text: &str) -> Option<Node> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// A number as notes write it: decimal, without leading zeros or sign.
pub(crate) fn number_of(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Whether a key may be called so: not empty, no space, no plus, no control character.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// What a witness signs at a time in seconds since 1970.
pub(crate) fn cosigned(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}
