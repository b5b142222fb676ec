//! What the person does to a call.

use serde_json::{Map, Value, json};

use crate::calls::call::{ANSWER_GRACE_MS, Call, CallPhase, GivenUp};
use crate::client::Client;
use crate::codes::{CALL_IS_OVER, NOT_RINGING, OWN_CALL, UNKNOWN_CALL};
use crate::output::{Ending, Event, Method};
use crate::requests::{Act, Pending, Purpose, Request, Stage};
use crate::wire::View;

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
    /// Sends an action on a call. On one that rings it is tried until the ringing is over.
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
        let call = self.calls.position(call_id).and_then(|index| self.calls.0.get_mut(index));
        if let Some(call) = call {
            call.once_registered = Some(act);
        }
    }

    fn is_answering(&self, call_id: &str) -> bool {
        let call = self.calls.position(call_id).and_then(|index| self.calls.0.get(index));
        call.is_some_and(|call| call.phase == CallPhase::Answering)
    }

    fn ring_left(&self, call_id: &str) -> u64 {
        let call = self.calls.position(call_id).and_then(|index| self.calls.0.get(index));
        let end = call.and_then(|call| call.deadline(&self.time));
        end.map_or(RING_MS, |end| end.saturating_sub(self.now))
    }

    /// Asks the backend about a call.
    pub(crate) fn ask_about(&mut self, call_id: &str) {
        self.get(call_id, false);
    }

    fn get(&mut self, call_id: &str, preview: bool) {
        let purpose = Purpose::Get { call_id: call_id.into(), preview };
        if self.requests.has(&purpose) {
            return;
        }
        // Of a call that this client is in nothing else may tell that it is over, or bring the way back into its room.
        let is_in = |call: &Call| matches!(call.phase, CallPhase::Answering | CallPhase::Active | CallPhase::Calling);
        let call = self.calls.position(call_id).and_then(|index| self.calls.0.get(index));
        let worth_ms = Some(GET_WORTH_MS).filter(|_| preview || !call.is_some_and(is_in));
        let path = self.path_of(call_id);
        self.send(Request { purpose, method: Method::Get, path, body: None, key: None, worth_ms });
    }

    /// Only the phone that is named is told whether it is to ring itself, and given a way in of its own before the answer.
    fn path_of(&self, call_id: &str) -> String {
        let call = self.calls.position(call_id).and_then(|index| self.calls.0.get(index));
        let client_id = self.link.client_id().filter(|_| call.is_some_and(|call| !call.is_outgoing()));
        let named = client_id.map(|client_id| format!("?client_id={client_id}"));
        format!("/api/calls/{call_id}{}", named.unwrap_or_default())
    }

    pub(crate) fn answer(&mut self, call_id: &str) {
        let Some(index) = self.found(call_id) else { return };
        let ring_left = self.ring_left(call_id);
        let Some(call) = self.calls.0.get_mut(index) else { return };
        match call.phase {
            CallPhase::Asking | CallPhase::Ringing | CallPhase::Silenced => {
                call.answer_by = Some(self.now.saturating_add(ring_left).saturating_add(ANSWER_GRACE_MS));
                let was = std::mem::replace(&mut call.phase, CallPhase::Answering);
                call.shown = true;
                if was == CallPhase::Ringing {
                    self.emit(Event::StopRinging { call_id: call_id.into(), why: Ending::AnsweredHere });
                }
                self.act(call_id, Act::Accepted, None);
            }
            // Tapped twice.
            CallPhase::Answering | CallPhase::Active => {}
            CallPhase::Placing | CallPhase::Calling => {
                self.report_misuse(call_id, OWN_CALL, "this client placed the call itself");
            }
            CallPhase::Over => self.report_misuse(call_id, CALL_IS_OVER, "the call is over"),
        }
    }

    /// What the backend says to an action that it carried out.
    pub(crate) fn acted(&mut self, call_id: &str, act: Act, view: View) {
        let Some(index) = self.calls.position(call_id) else { return };
        if act == Act::Ringing {
            // One that was made before a restart holds for the ringing after it.
            if let Some(call) = self.calls.0.get_mut(index) {
                call.reported = true;
            }
            // The report changes nothing; what it answers is the call as it is, and this phone's look at the caller.
            return self.previewed(call_id, view, false);
        }
        let Some(call) = self.calls.0.get_mut(index) else { return };
        if call.phase == CallPhase::Over {
            call.seq = call.seq.max(view.seq);
        } else if act == Act::Accepted || act.ends() {
            self.apply_view(index, view);
        }
    }

    /// The answer failed. `may_count` where the backend may have taken it: then the call is ended.
    pub(crate) fn not_answered(&mut self, call_id: &str, may_count: bool) {
        let Some(index) = self.calls.position(call_id) else { return };
        if may_count || self.calls.0.get(index).is_some_and(|call| call.phase == CallPhase::Active) {
            self.act(call_id, Act::HangUp, None);
        }
        self.over(index, Ending::Failed, None, None);
    }

    /// This phone falls silent. The call is not over: it may still be answered here.
    pub(crate) fn decline(&mut self, call_id: &str) {
        let Some(index) = self.found(call_id) else { return };
        let Some(call) = self.calls.0.get(index) else { return };
        match call.phase {
            CallPhase::Asking | CallPhase::Ringing => {
                self.act(call_id, Act::Declined, None);
                self.silence(index);
            }
            CallPhase::Over => self.over_again(index, call_id),
            _ => {}
        }
    }

    pub(crate) fn silence(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        if !matches!(call.phase, CallPhase::Asking | CallPhase::Ringing) {
            return;
        }
        let was = std::mem::replace(&mut call.phase, CallPhase::Silenced);
        let call_id = call.name();
        let shown = std::mem::take(&mut call.shown);
        (call.noticed, call.ending) = (true, Some(Ending::DeclinedHere));
        if was == CallPhase::Ringing {
            self.emit(Event::StopRinging { call_id: call_id.clone(), why: Ending::DeclinedHere });
        }
        if shown {
            self.emit(Event::CallOver { call_id, why: Ending::DeclinedHere, by: None, reason: None });
        }
    }

    /// The way in for a look before the answer: this client's own, which came with the answer to its report that it rings;
    /// else the backend is asked for it.
    pub(crate) fn preview(&mut self, call_id: &str) {
        let Some(index) = self.found(call_id) else { return };
        let Some(call) = self.calls.0.get(index) else { return };
        if !matches!(call.phase, CallPhase::Asking | CallPhase::Ringing) {
            return self.report_misuse(call_id, NOT_RINGING, "only a call that rings can be previewed");
        }
        match call.preview.clone().filter(|_| call.phase == CallPhase::Ringing) {
            Some(room) => self.emit(Event::Preview { call_id: call_id.into(), room }),
            None => self.get(call_id, true),
        }
    }

    /// An answer that may have the way in before the answer. `asked` where the person wants to look.
    pub(crate) fn previewed(&mut self, call_id: &str, view: View, asked: bool) {
        let room = view.room_info.clone().and_then(crate::wire::RoomInfo::preview);
        self.viewed(view);
        let Some(call) = self.calls.position(call_id).and_then(|index| self.calls.0.get_mut(index)) else { return };
        if call.phase == CallPhase::Ringing
            && let Some(room) = room
        {
            call.preview = Some(room.clone());
            let call_id = call_id.to_owned();
            self.emit(if asked { Event::Preview { call_id, room } } else { Event::CanPreview { call_id, room } });
        }
    }

    /// Ends the call, whatever it is by now. What rings is rejected, for all of the person's phones.
    pub(crate) fn hang_up(&mut self, name: &str, reason: Option<&str>) {
        let Some(index) = self.found(name) else { return };
        let Some(call) = self.calls.0.get(index) else { return };
        match call.phase {
            CallPhase::Placing if call.given_up.is_none() => self.give_up_placing(index, reason, Ending::Cancelled),
            CallPhase::Placing | CallPhase::Over => self.over_again(index, name),
            _ => {
                let callees = call.callees.clone();
                self.end(index, reason, None);
                self.give_up_presses(&callees, reason);
            }
        }
    }

    /// Ends the call at the backend and here; none of `why` where it is what the person does to it.
    pub(crate) fn end(&mut self, index: usize, reason: Option<&str>, why: Option<Ending>) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let Some((act, ending)) = call.ends_by() else { return };
        call.ended_here = true;
        let call_id = call.name();
        self.act(&call_id, act, reason);
        self.over(index, why.unwrap_or(ending), None, None);
    }

    /// The app still shows a call that is over, as `name`: it is told once more.
    fn over_again(&mut self, index: usize, name: &str) {
        let Some(call) = self.calls.0.get(index) else { return };
        let why = call.ending.unwrap_or(if call.is_outgoing() { Ending::Cancelled } else { Ending::Ended });
        self.emit(Event::CallOver { call_id: name.into(), why, by: None, reason: None });
    }

    /// A press for the people of a call that was placed here already is for that call: it ends with it.
    fn give_up_presses(&mut self, callees: &[String], reason: Option<&str>) {
        for index in 0..self.calls.0.len() {
            let is_same =
                |call: &Call| call.phase == CallPhase::Placing && call.given_up.is_none() && call.is_for(callees);
            if self.calls.0.get(index).is_some_and(is_same) {
                self.give_up_placing(index, reason, Ending::Cancelled);
            }
        }
    }

    /// A press that certainly was not carried out is taken back; else the call is cancelled as soon as it has an id.
    pub(crate) fn give_up_placing(&mut self, index: usize, reason: Option<&str>, why: Ending) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let press = call.press.clone().unwrap_or_default();
        let place = Purpose::Place { press: press.clone() };
        let pending = self.requests.pending.iter().find(|pending| pending.request.purpose == place);
        let untouched = pending.is_none_or(|pending| !pending.uncertain && !matches!(pending.stage, Stage::Sent(_)));
        if untouched {
            self.requests.drop_where(|purpose| *purpose == place);
            return self.over(index, why, None, None);
        }
        call.given_up = Some(GivenUp { reason: reason.map(str::to_owned) });
        if std::mem::take(&mut call.shown) {
            self.emit(Event::CallOver { call_id: press, why, by: None, reason: None });
        }
    }

    /// Cancels a call that was given up before it had an id, now that it has one.
    pub(crate) fn end_given_up(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let Some(GivenUp { reason }) = call.given_up.take() else { return };
        call.ended_here = true;
        // Somebody may have logged out since.
        let is_over = call.phase == CallPhase::Over;
        let call_id = call.name();
        if is_over {
            self.act(&call_id, Act::Cancelled, reason.as_deref());
        } else {
            self.end(index, reason.as_deref(), None);
        }
    }

    /// The call that the app names, by its id or its press.
    fn found(&mut self, name: &str) -> Option<usize> {
        let index = self.calls.named(name);
        if index.is_none() {
            self.report_misuse(name, UNKNOWN_CALL, "this client knows no such call");
        }
        index
    }
}
