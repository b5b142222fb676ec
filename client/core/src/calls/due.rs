//! What time alone does to a call.

use crate::calls::call::{ANSWER_GRACE_MS, Call, CallPhase};
use crate::classify::Refused;
use crate::client::Client;
use crate::codes::ANSWER_TOO_LATE;
use crate::link::LinkPhase;
use crate::output::Ending;
use crate::requests::{Act, Purpose};

/// How often the backend is asked what became of a call whose outcome does not come.
const CHECKS: u32 = 3;
/// How long after each other it is asked about a call that goes on here, while another connection hears of it.
const WATCH_MS: u64 = 5_000;

impl Client {
    pub(crate) fn calls_due(&mut self) {
        for index in 0..self.calls.0.len() {
            let Some(call) = self.calls.0.get(index) else { continue };
            if call.due(&self.time).is_none_or(|at| at > self.now) {
                continue;
            }
            let over = call.deadline(&self.time).is_some_and(|end| end <= self.now);
            match call.phase {
                // Every phone knows the deadline: it waits for no message.
                CallPhase::Ringing | CallPhase::Silenced | CallPhase::Asking if over => {
                    self.over(index, Ending::Missed, Some("timer".into()), None);
                }
                CallPhase::Asking => self.ring(index),
                CallPhase::Calling => self.check_outcome(index),
                CallPhase::Answering => self.check_answer(index),
                _ => {}
            }
        }
    }

    /// The deadline is over, and nobody has said what became of the call.
    fn check_outcome(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        if call.checks >= CHECKS {
            // Nobody has said that it was not answered.
            let call_id = call.name();
            self.act(&call_id, Act::CallerHangUp, None);
            return self.over(index, Ending::Missed, Some("timer".into()), None);
        }
        call.checks = call.checks.saturating_add(1);
        let call_id = call.name();
        self.plan_check(index);
        self.ask_about(&call_id);
    }

    /// It is too late for an answer. One that waited for the client to be registered again has not been taken.
    fn check_answer(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        let purpose = Purpose::Act { call_id: call.name(), act: Act::Accepted };
        if self.requests.has(&purpose) {
            // Its own end tells what became of it.
            call.answer_by = Some(self.now.saturating_add(ANSWER_GRACE_MS));
            return;
        }
        let message = "the backend took no answer in time".to_owned();
        self.report_refusal(&purpose, &Refused { code: ANSWER_TOO_LATE, message, ..Refused::default() });
        self.over(index, Ending::Failed, None, None);
    }

    /// Another connection has this client's name. What rings, rings there; what was placed or answered here goes on.
    pub(crate) fn others_ring(&mut self) {
        let rings = |call: &Call| matches!(call.phase, CallPhase::Ringing | CallPhase::Silenced | CallPhase::Asking);
        while let Some(index) = self.calls.0.iter().position(rings) {
            self.over(index, Ending::TakenOver, None, None);
            // Should this client come back, the call is news.
            self.calls.0.remove(index);
        }
    }

    /// Asks what became of the calls here, of which no message says anything any more.
    pub(crate) fn watch_due(&mut self) {
        let hears_nothing = matches!(self.link.phase, LinkPhase::TakenOver | LinkPhase::Refused);
        let asked = if hears_nothing { self.calls.to_ask() } else { vec![] };
        if asked.is_empty() {
            self.link.watch_at = None;
            return;
        }
        match self.link.watch_at {
            Some(at) if at > self.now => return,
            Some(_) => asked.iter().for_each(|call_id| self.ask_about(call_id)),
            None => {}
        }
        self.link.watch_at = Some(self.now.saturating_add(WATCH_MS));
    }

    /// Nobody could say whether the call still rings.
    pub(crate) fn not_viewed(&mut self, call_id: &str) {
        let Some(index) = self.calls.position(call_id) else { return };
        if self.calls.0.get(index).is_some_and(|call| call.phase == CallPhase::Asking && call.ask_until.is_none()) {
            self.over(index, Ending::Missed, None, None);
        }
    }
}
