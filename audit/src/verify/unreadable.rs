//! Items of a call that cannot be read: what is named of them, while all else of the call is judged.

use ilock_proof::StoredCall;

use crate::{Finding, Findings, Kind};

/// What of `call` cannot be read.
#[must_use]
pub fn unreadable(call: &StoredCall) -> Vec<Finding> {
    let mut findings = Findings::of_a_call();
    findings.extend(call.unreadable.iter().map(|item| Finding::new(Kind::Unreadable, item.to_string())));
    let of_call = |finding| Finding { call_id: Some(call.call_id.clone()), ..finding };
    findings.told().into_iter().map(of_call).collect()
}
