//! What a request for a call asks for, checked.

use std::collections::BTreeSet;

use ilock_call::{CALLEES, RING_SECONDS, Refusal};
use ilock_events::{CallerInfo, PartyId, PartyKind, PlaceCall};

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::{shallow, short};

/// The most that `caller_info` and `invitation_data` may take, as JSON. So the item beside the commit stays small, and so
/// does every message and push that is made of it.
const MAX_TEXT: usize = 4 * 1024;

/// The people that a request asks for, each once.
pub struct AskedFor {
    pub callees: Vec<PartyId>,
    pub own: Option<PartyId>,
}

/// Whom `caller` asks for.
///
/// # Errors
/// 400.
pub fn callees_asked_for(ask: &PlaceCall, caller: &Caller) -> Result<AskedFor, ApiError> {
    let mut callees = match (&ask.callee_id, &ask.callee_ids) {
        (Some(one), None) => vec![one.clone()],
        (None, Some(several)) => several.clone(),
        (None, None) => return Err(ApiError::field("callee_id", "must be there, or callee_ids")),
        (Some(_), Some(_)) => return Err(ApiError::field("callee_ids", "must not be there beside callee_id")),
    };
    let mut seen = BTreeSet::new();
    callees.retain(|callee| seen.insert(callee.clone()));
    if !CALLEES.contains(&callees.len()) {
        return Err(Refusal::Callees.into());
    }
    let own = callees.iter().position(|callee| caller.party.kind == PartyKind::User && *callee == caller.party.id);
    let own = own.map(|at| callees.remove(at));
    if callees.is_empty() {
        let field = if ask.callee_ids.is_some() { "callee_ids" } else { "callee_id" };
        return Err(ApiError::CallsSelf { field });
    }
    Ok(AskedFor { callees, own })
}

/// Whether what is asked for keeps the rules.
///
/// # Errors
/// 400.
pub fn check(ask: &PlaceCall, ring_seconds: u32) -> Result<(), ApiError> {
    if !RING_SECONDS.contains(&ring_seconds) {
        return Err(Refusal::RingSeconds.into());
    }
    if let Some(info) = &ask.caller_info {
        let CallerInfo { name, location, more } = info;
        short("caller_info.name", name.as_ref(), MAX_TEXT)?;
        short("caller_info.location", location.as_ref(), MAX_TEXT)?;
        shallow("caller_info", Some(more))?;
    }
    shallow("invitation_data", ask.invitation_data.as_ref())?;
    for (field, json) in [
        ("caller_info", serde_json::to_string(&ask.caller_info)),
        ("invitation_data", serde_json::to_string(&ask.invitation_data)),
    ] {
        let json = json.map_err(|error| ApiError::Internal(error.to_string()))?;
        if json.len() > MAX_TEXT {
            return Err(ApiError::field(field, format!("must have at most {MAX_TEXT} bytes as JSON")));
        }
    }
    Ok(())
}
