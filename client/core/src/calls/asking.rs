//! The requests about a call: what the backend is told of it, and asked.

use serde_json::{Map, Value, json};

use crate::calls::call::{ANSWER_GRACE_MS, Call, CallPhase};
use crate::client::Client;
use crate::output::Method;
use crate::requests::{Act, Pending, Purpose, Request};

/// How long ending a call is tried that is answered, or may be by then: the other side waits for it.
const HANG_UP_WORTH_MS: u64 = 600_000;
/// How long a call rings of which the deadline is not known.
const RING_MS: u64 = 120_000;
/// How long the backend is asked about a call that only rings here.
const GET_WORTH_MS: u64 = 30_000;

/// `request` without this client's name, where it has the name and can do without.
fn unnamed(request: &Request) -> Option<Request> {
    match request.purpose {
        Purpose::Get { preview: false, .. } => {
            let (path, _) = request.path.split_once('?')?;
            Some(Request { path: path.to_owned(), ..request.clone() })
        }
        Purpose::Act { act, .. } if !matches!(act, Act::Ringing | Act::Accepted | Act::Declined) => {
            let mut body: Map<String, Value> = serde_json::from_str(request.body.as_deref()?).ok()?;
            body.remove("client_id")?;
            Some(Request { body: Some(Value::Object(body).to_string()), ..request.clone() })
        }
        _ => None,
    }
}

impl Client {
    /// Sends an action on a call. What is about the ringing alone is tried until that is over.
    pub(crate) fn act(&mut self, call_id: &str, act: Act, reason: Option<&str>) {
        let purpose = Purpose::Act { call_id: call_id.into(), act };
        if self.requests.has(&purpose) {
            return;
        }
        let mut body = json!({ "call_id": call_id, "action": act.word() });
        // Without its name a phone cannot be told from the person's others; before the registration it has none.
        if let Some(client_id) = self.link.client_id() {
            body["client_id"] = client_id.into();
        }
        if let Some(reason) = reason {
            body["reason"] = reason.into();
        }
        let worth_ms = match act {
            // Somebody may have answered before it gets through: then the call is to be hung up.
            Act::HangUp | Act::CallerHangUp | Act::Cancelled => HANG_UP_WORTH_MS,
            Act::Rejected if self.is_answering(call_id) => HANG_UP_WORTH_MS,
            Act::Accepted => self.ring_left(call_id).saturating_add(ANSWER_GRACE_MS),
            Act::Ringing | Act::Rejected | Act::Declined => self.ring_left(call_id),
        };
        let key = self.random.key();
        self.send(Request {
            purpose,
            method: Method::Post,
            path: act.path().into(),
            body: Some(body.to_string()),
            key: Some(key),
            worth_ms: Some(worth_ms),
        });
    }

    /// The backend does not know this client any more, and takes what a person may do or ask without naming one: it is sent
    /// once more without the name. Whether it is.
    pub(crate) fn sent_unnamed(&mut self, pending: &Pending) -> bool {
        let Some(request) = unnamed(&pending.request) else { return false };
        let key = request.key.is_some().then(|| self.random.key());
        let worth_ms = pending.give_up_at.map(|end| end.saturating_sub(self.now));
        self.send(Request { key, worth_ms, ..request });
        self.client_unknown();
        true
    }

    /// The same, of what the backend takes only from a phone that it knows: it is sent once more after the registration.
    pub(crate) fn acts_once_registered(&mut self, call_id: &str, act: Act) {
        if let Some(call) = self.calls.position(call_id).and_then(|index| self.calls.0.get_mut(index)) {
            call.once_registered = Some(act);
        }
    }

    fn is_answering(&self, call_id: &str) -> bool {
        let call = self.calls.by_id(call_id);
        call.is_some_and(|call| call.phase == CallPhase::Answering)
    }

    pub(crate) fn ring_left(&self, call_id: &str) -> u64 {
        let call = self.calls.by_id(call_id);
        let end = call.and_then(|call| call.deadline(&self.time));
        end.map_or(RING_MS, |end| end.saturating_sub(self.now))
    }

    /// Asks the backend about a call.
    pub(crate) fn ask_about(&mut self, call_id: &str) {
        self.get(call_id, false);
    }

    pub(crate) fn get(&mut self, call_id: &str, preview: bool) {
        let purpose = Purpose::Get { call_id: call_id.into(), preview };
        if self.requests.has(&purpose) {
            return;
        }
        // Of a call that this client is in nothing else may tell that it is over, or bring the way back into its room.
        let is_in = |call: &Call| matches!(call.phase, CallPhase::Answering | CallPhase::Active | CallPhase::Calling);
        let call = self.calls.by_id(call_id);
        let worth_ms = Some(GET_WORTH_MS).filter(|_| preview || !call.is_some_and(is_in));
        let path = self.path_of(call_id);
        self.send(Request { purpose, method: Method::Get, path, body: None, key: None, worth_ms });
    }

    /// Only the phone that is named is told whether it is to ring itself, and given a way in of its own before the answer.
    fn path_of(&self, call_id: &str) -> String {
        let call = self.calls.by_id(call_id);
        let client_id = self.link.client_id().filter(|_| call.is_some_and(|call| !call.is_outgoing()));
        let named = client_id.map(|client_id| format!("?client_id={client_id}"));
        format!("/api/calls/{call_id}{}", named.unwrap_or_default())
    }
}
