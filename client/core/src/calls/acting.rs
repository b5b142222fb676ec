//! What the person does to a call.

use crate::calls::call::{ANSWER_GRACE_MS, CallPhase, GivenUp};
use crate::client::Client;
use crate::codes::{CALL_IS_OVER, NOT_RINGING, OWN_CALL, UNKNOWN_CALL};
use crate::output::{Ending, Event};
use crate::requests::{Act, Purpose, Stage};
use crate::wire::View;

impl Client {
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
            if self.calls.0.get(index).is_some_and(|call| call.is_being_placed_for(callees)) {
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
