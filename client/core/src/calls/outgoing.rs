//! Calls that are placed here.

use ilock_events::CallState;
use serde_json::{Map, Value, json};

use crate::calls::call::{Call, CallPhase, GivenUp};
use crate::client::Client;
use crate::codes::NO_OBJECT;
use crate::output::{Ending, Event, Method, Progress};
use crate::requests::{Purpose, Request};
use crate::wire::{Action, Message, View};

/// How long somebody who pressed a button waits for the call to be placed.
pub(crate) const PLACE_WORTH_MS: u64 = 30_000;
/// How many messages are kept while a press is under way.
const MOST_EARLY: usize = 32;
/// The outcome of a call comes at most so long after its deadline; then the backend is asked.
const OUTCOME_MS: u64 = 4_000;
/// The deadline of a call of which none is known.
const LONGEST_RING_MS: u64 = 125_000;

/// A JSON object, or none.
pub(crate) fn object(text: Option<&str>) -> Option<Map<String, Value>> {
    serde_json::from_str(text?).ok()
}

impl Client {
    /// Places a call. A press while the one before is still under way is the same press; one after a call that is just being
    /// ended waits until that is through.
    pub(crate) fn press(
        &mut self,
        callees: &[String],
        caller_info: Option<&str>,
        ring_seconds: Option<u32>,
        invitation_data: Option<&str>,
    ) {
        if let Some(index) = self.calls.0.iter().position(|call| call.is_being_placed_for(callees)) {
            return self.tell_progress(index, Progress::Placing);
        }
        let press = self.random.key();
        for (field, text) in [("caller_info", caller_info), ("invitation_data", invitation_data)] {
            if text.is_some() && object(text).is_none() {
                return self.report_misuse(&press, NO_OBJECT, &format!("{field} is no JSON object"));
            }
        }
        let mut body = match callees {
            [one] => json!({ "callee_id": one }),
            several => json!({ "callee_ids": several }),
        };
        // The backend takes the name of a registered client only, and a press does not wait for the registration.
        if let Some(client_id) = self.link.client_id() {
            body["client_id"] = client_id.into();
        }
        if let Some(info) = object(caller_info) {
            body["caller_info"] = Value::Object(info);
        }
        if let Some(seconds) = ring_seconds {
            body["ring_seconds"] = seconds.into();
        }
        if let Some(data) = object(invitation_data) {
            body["invitation_data"] = Value::Object(data);
        }
        let mut call = Call::new(CallPhase::Placing);
        call.press = Some(press.clone());
        call.callees = callees.to_vec();
        call.place_by = Some(self.now.saturating_add(PLACE_WORTH_MS));
        call.shown = true;
        let index = self.calls.add(call);
        self.tell_progress(index, Progress::Placing);
        self.send(Request {
            purpose: Purpose::Place { press: press.clone() },
            method: Method::Post,
            path: "/api/calls".into(),
            body: Some(body.to_string()),
            key: Some(press),
            worth_ms: Some(PLACE_WORTH_MS),
        });
    }

    /// The backend has the call. What was heard of it before this answer follows.
    pub(crate) fn placed(&mut self, press: &str, request: &Request, view: View) {
        let pressed = self.calls.pressed(press);
        if let Some(index) = pressed.and_then(|index| self.answered_with(index, request, &view)) {
            let is_over = view.state.is_some_and(CallState::is_final);
            self.name(index, &view.call_id);
            self.apply_view(index, view);
            self.plan_check(index);
            if !is_over {
                self.end_given_up(index);
            }
            // The caller is there before anybody answers.
            self.enter(index);
        }
        self.release_early();
    }

    /// Gives a call that was placed here its id.
    pub(crate) fn name(&mut self, index: usize, call_id: &str) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        call.id = Some(call_id.into());
        call.info.call_id = call_id.into();
        if call.phase != CallPhase::Placing {
            return;
        }
        call.phase = CallPhase::Calling;
        if call.shown {
            self.tell_progress(index, Progress::Placed);
        }
        self.plan_check(index);
    }

    pub(crate) fn not_placed(&mut self, press: &str) {
        if let Some(index) = self.calls.pressed(press) {
            // Where a message has named the call, or names it later, it is not to ring for nobody.
            self.end(index, None, Some(Ending::Failed));
            self.over(index, Ending::Failed, None, None);
            if let Some(call) = self.calls.0.get_mut(index).filter(|call| call.id.is_none()) {
                call.given_up.get_or_insert(GivenUp { reason: None });
            }
        }
        self.release_early();
    }

    /// Keeps a message about a call that is not known, while the answer that will name the call is under way.
    pub(crate) fn keep_early(&mut self, message: Message) {
        if self.requests.is_placing() {
            if self.early.len() < MOST_EARLY {
                self.early.push(message);
            }
        } else if message.state.is_some_and(CallState::is_final) {
            self.over_before_it_was_known(&message);
        }
    }

    pub(crate) fn release_early(&mut self) {
        let still_placing = self.requests.is_placing();
        for message in std::mem::take(&mut self.early) {
            let known = message.call_id.as_deref().is_some_and(|id| self.calls.position(id).is_some());
            if known {
                self.control(message);
            } else if still_placing {
                self.early.push(message);
            } else {
                self.keep_early(message);
            }
        }
    }

    /// Finds the call that a message to the caller is about: by its id, or by the press that it repeats.
    pub(crate) fn call_of(&mut self, message: &Message) -> Option<usize> {
        let call_id = message.call_id.as_deref()?;
        if let Some(index) = self.calls.position(call_id) {
            return Some(index);
        }
        let index = self.calls.pressed(message.request_id.as_deref()?)?;
        self.calls.0.get(index).filter(|call| call.id.is_none())?;
        self.name(index, call_id);
        self.end_given_up(index);
        Some(index)
    }

    /// What a message tells the caller while the call rings. `ringing` and `unreachable` come in either order, and the second
    /// is what the caller is to know: the broker has the message, and no phone is there to get it.
    pub(crate) fn progress(&mut self, index: usize, action: Action) {
        let calls = |call: &&mut Call| call.phase == CallPhase::Calling && call.shown;
        let Some(call) = self.calls.0.get_mut(index).filter(calls) else { return };
        let progress = match action {
            Action::Ringing if call.progress == Some(Progress::Unreachable) => return,
            Action::Ringing => Progress::Ringing,
            Action::Alerted => Progress::Alerted,
            Action::Unreachable if call.progress == Some(Progress::Alerted) => return,
            Action::Unreachable => Progress::Unreachable,
            _ => return,
        };
        call.progress = Some(progress);
        self.tell_progress(index, progress);
    }

    /// Tells the app how far a call that was placed here has come.
    pub(crate) fn tell_progress(&mut self, index: usize, progress: Progress) {
        let Some(call) = self.calls.0.get(index) else { return };
        let (press, call_id) = (call.press.clone().unwrap_or_default(), call.id.clone());
        let answered_ms_ago = self.answered_ms_ago(call).filter(|_| progress == Progress::Accepted);
        self.emit(Event::Progress { press, call_id, progress, answered_ms_ago });
    }

    /// Sets when the backend is asked what became of the call, should no message tell.
    pub(crate) fn plan_check(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let waits = OUTCOME_MS.saturating_mul(u64::from(call.checks).saturating_add(1));
        let end = call.deadline(&self.time).unwrap_or(self.now.saturating_add(LONGEST_RING_MS));
        call.check_at = Some(end.max(self.now).saturating_add(waits));
    }
}
