//! Where a call stands, whoever says so: a message, a push, an answer, or a refusal.

use ilock_events::CallState;

use crate::calls::call::{Call, CallPhase};
use crate::client::Client;
use crate::output::{CallInfo, Ending, Event, Progress, Room};
use crate::requests::{Act, Purpose};

/// What was heard of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    pub state: Option<CallState>,
    /// Who brought it there.
    pub by: Option<String>,
    pub reason: Option<String>,
    pub room: Option<Room>,
}

/// Why a call is over that is not known here, and of which it is said that it is over here and stands so.
pub(crate) fn over_at(state: Option<CallState>) -> Ending {
    match state {
        // For this person, in a call that rings on for others.
        Some(CallState::Ringing) => Ending::Rejected,
        Some(CallState::Active) => Ending::AnsweredElsewhere,
        Some(state) => ending(state).unwrap_or(Ending::Ended),
        None => Ending::Ended,
    }
}

fn ending(state: CallState) -> Option<Ending> {
    match state {
        CallState::Ringing | CallState::Active => None,
        CallState::Rejected => Some(Ending::Rejected),
        CallState::Cancelled => Some(Ending::Cancelled),
        CallState::Missed => Some(Ending::Missed),
        CallState::Ended => Some(Ending::Ended),
        CallState::Failed => Some(Ending::Failed),
    }
}

impl Client {
    /// Brings the call to where it stands. That it rings starts no ringing: what says so may be about somebody who rings no
    /// more, in a call that rings on for others.
    pub(crate) fn settle(&mut self, index: usize, news: News) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        if call.phase == CallPhase::Over {
            let was_ours = call.is_outgoing() || news.by.as_deref().is_some_and(|by| self.is_own(by));
            // It was given up here before anybody knew that it was answered.
            if was_ours && news.state == Some(CallState::Active) {
                self.end_what_lasts(index, CallState::Active);
            }
            return;
        }
        let (phase, outgoing) = (call.phase, call.is_outgoing());
        // A callee is not let in to talk before the answer: a room that is known earlier lacks the key.
        let may_talk = outgoing || news.state == Some(CallState::Active);
        // Whoever enters again after a restart does so under the same name: then TRTC puts out what the killed process
        // left in the room. The answer to a question that named no client has another name.
        let keeps_room = call.room.is_some() && (outgoing || phase == CallPhase::Active);
        if news.room.is_some() && may_talk && !keeps_room {
            call.room = news.room;
        }
        match news.state {
            None | Some(CallState::Ringing) => {}
            Some(CallState::Active) if outgoing => self.accepted(index),
            Some(CallState::Active) => {
                let own = news.by.as_deref().is_some_and(|by| self.is_own(by));
                if own || phase == CallPhase::Active {
                    self.answered_here(index);
                } else {
                    self.over(index, Ending::AnsweredElsewhere, news.by, news.reason);
                }
            }
            Some(state) => {
                if let Some(why) = ending(state) {
                    self.over(index, why, news.by, news.reason);
                }
            }
        }
    }

    /// The backend has a call that rings or lasts, and is over here: nobody here is in it, so it is ended there, unless that is
    /// under way.
    pub(crate) fn end_what_lasts(&mut self, index: usize, state: CallState) {
        let Some(call) = self.calls.0.get(index) else { return };
        let (call_id, outgoing) = (call.name(), call.is_outgoing());
        let act = match state {
            CallState::Active if outgoing => Act::CallerHangUp,
            CallState::Active => Act::HangUp,
            CallState::Ringing => Act::Cancelled,
            _ => return,
        };
        if !self.requests.pending.iter().any(|pending| pending.request.purpose.ends(&call_id)) {
            self.act(&call_id, act, None);
        }
    }

    pub(crate) fn settle_by_id(&mut self, call_id: &str, state: Option<CallState>, by: Option<&str>) {
        if let Some(index) = self.calls.position(call_id) {
            self.settle(index, News { state, by: by.map(str::to_owned), ..News::default() });
        }
    }

    /// Somebody answered a call that was placed here.
    fn accepted(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let was = std::mem::replace(&mut call.phase, CallPhase::Active);
        if was != CallPhase::Active && call.shown {
            self.tell_progress(index, Progress::Accepted);
        }
        self.enter(index);
    }

    /// This phone is the one that answered.
    fn answered_here(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let was = std::mem::replace(&mut call.phase, CallPhase::Active);
        call.shown = true;
        let call_id = call.name();
        let has_room = call.room.is_some();
        if was == CallPhase::Ringing {
            self.emit(Event::StopRinging { call_id: call_id.clone(), why: Ending::AnsweredHere });
        }
        let accepting = self.requests.has(&Purpose::Act { call_id: call_id.clone(), act: Act::Accepted });
        if has_room {
            self.enter(index);
        } else if was != CallPhase::Active && !accepting {
            self.ask_about(&call_id);
        }
    }

    /// Enters the room, once.
    pub(crate) fn enter(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let Some(room) = call.room.clone().filter(|_| call.given_up.is_none() && call.phase != CallPhase::Over) else {
            return;
        };
        if !std::mem::replace(&mut call.entered, true) {
            let call_id = call.name();
            let answered_ms_ago = self.calls.0.get(index).and_then(|call| self.answered_ms_ago(call));
            self.emit(Event::EnterRoom { call_id, room, answered_ms_ago });
        }
    }

    /// How long the call has lasted, as far as the backend's time is known.
    pub(crate) fn answered_ms_ago(&self, call: &Call) -> Option<u64> {
        let at = call.answered_at.filter(|_| call.phase == CallPhase::Active)?;
        Some(u64::try_from(self.time.now(self.now)?.saturating_sub(at)).unwrap_or(0))
    }

    /// Ends the call here: it falls silent, the room is left, the screen is cleared.
    pub(crate) fn over(&mut self, index: usize, why: Ending, by: Option<String>, reason: Option<String>) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let was = std::mem::replace(&mut call.phase, CallPhase::Over);
        if was == CallPhase::Over {
            return;
        }
        let call_id = call.name();
        let entered = std::mem::take(&mut call.entered);
        let shown = std::mem::take(&mut call.shown);
        call.noticed |= shown || why.was_dealt_with();
        // Whoever declined it here has not missed it, whatever became of it.
        if was != CallPhase::Silenced || why.was_dealt_with() {
            call.ending = Some(why);
        }
        call.room = None;
        call.preview = None;
        if was == CallPhase::Ringing {
            self.emit(Event::StopRinging { call_id: call_id.clone(), why });
        }
        if entered {
            self.emit(Event::LeaveRoom { call_id: call_id.clone() });
        }
        if shown {
            self.emit(Event::CallOver { call_id: call_id.clone(), why, by, reason });
        }
        self.requests.drop_where(|purpose| match purpose {
            Purpose::Get { call_id: of, .. } => *of == call_id,
            Purpose::Act { call_id: of, act } => *of == call_id && matches!(act, Act::Ringing | Act::Accepted),
            _ => false,
        });
    }

    /// The person has rejected it, on this phone or another. It may still ring for others of a household.
    pub(crate) fn rejected(&mut self, index: usize, by: Option<String>, reason: Option<String>) {
        let own = by.as_deref().is_some_and(|by| self.is_own(by));
        let why = if own { Ending::RejectedHere } else { Ending::Rejected };
        self.over(index, why, by, reason);
    }

    /// Tells that the person missed a call which is over, unless they know: one that was shown here ended on the screen.
    pub(crate) fn missed(&mut self, index: usize, timestamp: i64) {
        let Some(call) = self.calls.0.get_mut(index).filter(|call| call.phase == CallPhase::Over) else { return };
        if !std::mem::replace(&mut call.noticed, true) {
            let CallInfo { call_id, caller_id, caller_name, .. } = call.info.clone();
            self.emit(Event::MissedCall { call_id, caller_id, caller_name, timestamp });
        }
    }

    pub(crate) fn over_by_id(&mut self, call_id: &str, why: Ending) {
        if let Some(index) = self.calls.named(call_id) {
            self.over(index, why, None, None);
        }
    }

    /// The backend knows no such call.
    pub(crate) fn gone(&mut self, call_id: &str) {
        self.over_by_id(call_id, Ending::Gone);
    }
}
