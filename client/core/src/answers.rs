//! Answers to requests: what was done, what is tried again, what is given up.

use ilock_events::{CallState, ClientRegistered};
use serde_json::Value;

use crate::classify::{Refused, Verdict, classify, is_ours};
use crate::client::Client;
use crate::codes::{BACKEND_FAULT, UNREADABLE};
use crate::output::{Event, LogoutReason};
use crate::problems::refusal;
use crate::requests::{Act, Pending, Purpose, Stage};
use crate::wire::View;

/// Added to the wait that the backend asks for, so that those who were refused together do not return together.
const RETRY_AFTER_SPREAD_MS: u64 = 1_000;

impl Client {
    pub(crate) fn note_date(&mut self, date: Option<&str>, body: &str) {
        if let Some(date) = date.filter(|_| is_ours(body)) {
            self.time.date(date, self.now);
        }
    }

    pub(crate) fn answered(&mut self, id: u64, status: u16, retry_after: Option<&str>, body: &str) {
        let Some(index) = self.requests.position(id) else { return };
        match classify(status, retry_after, body) {
            Verdict::Done(data) => {
                let pending = self.requests.pending.remove(index);
                self.done(&pending, data);
            }
            Verdict::Refused(refused) if refused.code == BACKEND_FAULT && self.outlasts_a_fault(index) => {
                self.again(index, None, BACKEND_FAULT, true);
            }
            Verdict::Refused(refused) => {
                let pending = self.requests.pending.remove(index);
                let repeated = refused.client_unknown && self.sent_unnamed(&pending);
                if !repeated {
                    self.refused(&pending.request.purpose, &refused);
                }
            }
            Verdict::Again { after_ms, code } => {
                // Whoever is told to come back later was not served.
                self.again(index, after_ms, code, status != 429);
            }
            Verdict::Token => self.token_refused(index),
            Verdict::LoggedOut => self.login_ended(index),
        }
    }

    pub(crate) fn request_failed(&mut self, id: u64) {
        if let Some(index) = self.requests.position(id) {
            self.again(index, None, 0, true);
        }
    }

    /// Whether the request is made again after a fault of the backend's. What a person waits for is not: they are told.
    fn outlasts_a_fault(&self, index: usize) -> bool {
        self.requests.pending.get(index).is_some_and(|pending| match &pending.request.purpose {
            Purpose::Act { act, .. } => act.ends(),
            Purpose::LogOut | Purpose::List | Purpose::Get { preview: false, .. } => true,
            _ => false,
        })
    }

    /// The same request once more, under the same key, after a random wait; unless it is of no use by then.
    fn again(&mut self, index: usize, after_ms: Option<u64>, code: u32, uncertain: bool) {
        let Some(pending) = self.requests.pending.get_mut(index) else { return };
        pending.uncertain |= uncertain;
        // By the next attempt the token that was fresh may have ended.
        pending.renewed = false;
        let registering = pending.request.purpose == Purpose::Register;
        let bounds = match after_ms {
            Some(ms) => (ms, ms.saturating_add(RETRY_AFTER_SPREAD_MS)),
            None => (0, pending.spread_ms()),
        };
        let give_up_at = pending.give_up_at;
        if registering {
            self.registering_fails(code, after_ms);
        }
        let at = self.after(bounds);
        if give_up_at.is_some_and(|end| end <= at) {
            return self.give_up(index, code, after_ms);
        }
        if let Some(pending) = self.requests.pending.get_mut(index) {
            pending.stage = Stage::Waiting { at, for_network: code == 0 && after_ms.is_none() };
        }
    }

    /// The login that the request's token comes from was ended. A logout wanted that: the answer to it was lost, or it came
    /// before what should have ended a call.
    fn login_ended(&mut self, index: usize) {
        if self.is_logged_out() {
            self.requests.pending.remove(index);
        } else {
            self.logged_out(LogoutReason::Removed);
        }
    }

    fn done(&mut self, pending: &Pending, data: Value) {
        match &pending.request.purpose {
            Purpose::Register => match serde_json::from_value::<ClientRegistered>(data) {
                Ok(registered) => self.registered(registered, pending.request.body.as_deref()),
                Err(error) => self.unreadable(&pending.request.purpose, &error),
            },
            Purpose::Status | Purpose::LogOut => {}
            Purpose::List => self.listed(data),
            Purpose::Seen { until } => self.emit(Event::CallsSeen { until: *until }),
            Purpose::Place { press } => match serde_json::from_value::<View>(data) {
                Ok(view) => self.placed(press, &pending.request, view),
                Err(error) => self.unreadable(&pending.request.purpose, &error),
            },
            Purpose::Act { call_id, act } => match serde_json::from_value::<View>(data) {
                Ok(view) => self.acted(call_id, *act, view),
                Err(error) => self.unreadable(&pending.request.purpose, &error),
            },
            Purpose::Get { call_id, preview } => match serde_json::from_value::<View>(data) {
                Ok(view) if *preview => self.previewed(call_id, view, true),
                Ok(view) => self.viewed(view),
                Err(error) => self.unreadable(&pending.request.purpose, &error),
            },
        }
    }

    fn unreadable(&mut self, purpose: &Purpose, error: &serde_json::Error) {
        let message = format!("its answer cannot be read: {error}");
        let refused = Refused { code: UNREADABLE, message, ..Refused::default() };
        self.refused(purpose, &refused);
    }

    fn refused(&mut self, purpose: &Purpose, refused: &Refused) {
        match purpose {
            Purpose::Register => {
                self.report_refusal(purpose, refused);
                self.registration_refused(refusal(purpose, refused));
            }
            Purpose::LogOut if refused.code == 40402 => {}
            Purpose::Status if refused.code == 40402 => self.client_unknown(),
            Purpose::Place { press } => {
                if refused.client_unknown {
                    self.client_unknown();
                }
                self.report_refusal(purpose, refused);
                self.not_placed(press);
            }
            Purpose::Act { call_id, act } => self.act_refused(call_id, *act, refused),
            Purpose::Get { call_id, .. } if refused.code == 40401 => self.gone(call_id),
            Purpose::Status | Purpose::LogOut | Purpose::List | Purpose::Seen { .. } | Purpose::Get { .. } => {
                self.report_refusal(purpose, refused);
            }
        }
    }

    /// An action came too late, or the wrong one was asked for.
    fn act_refused(&mut self, call_id: &str, act: Act, refused: &Refused) {
        let is_active = refused.state == Some(CallState::Active);
        let is_ours = refused.winner.as_deref().is_some_and(|winner| self.is_own(winner));
        let unknown = refused.code == 40402 || refused.client_unknown;
        if unknown && matches!(act, Act::Accepted | Act::Declined) && self.registers_again() {
            return self.acts_once_registered(call_id, act);
        }
        match (act, refused.code) {
            // The person wanted to end a call that was answered at that moment.
            (Act::Cancelled, 40901) if is_active => self.act(call_id, Act::CallerHangUp, None),
            (Act::CallerHangUp, 40902) => self.act(call_id, Act::Cancelled, None),
            (Act::Rejected, 40901) if is_active && is_ours => self.act(call_id, Act::HangUp, None),
            (Act::HangUp, 40902) if self.calls.was_ended_here(call_id) => self.act(call_id, Act::Rejected, None),
            // An answer that was given up has not counted; or that of another one of the household has.
            (Act::HangUp, 40902 | 40301) => {}
            (_, 40901) => self.settle_by_id(call_id, refused.state, refused.winner.as_deref()),
            (_, 40401) => self.gone(call_id),
            (Act::Accepted, _) => {
                self.report_refusal(&Purpose::Act { call_id: call_id.into(), act }, refused);
                // A fault of the backend's, or an answer that cannot be read, does not say that it was not taken.
                self.not_answered(call_id, matches!(refused.code, UNREADABLE | BACKEND_FAULT));
            }
            (_, 40402) => self.client_unknown(),
            _ => {
                if refused.client_unknown {
                    self.client_unknown();
                }
                // Whoever has logged out was told that the call is over.
                if !self.is_logged_out() {
                    self.report_refusal(&Purpose::Act { call_id: call_id.into(), act }, refused);
                }
            }
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn give_up(&mut self, index: usize, code: u32, after_ms: Option<u64>) {
        let pending = self.requests.pending.remove(index);
        let purpose = &pending.request.purpose;
        match purpose {
            // Nobody waits for these.
            Purpose::Act { act: Act::Ringing, .. } | Purpose::Status | Purpose::List => {}
            Purpose::Place { press } => {
                self.report_failure(purpose, code, after_ms);
                self.not_placed(press);
            }
            Purpose::Act { call_id, act: Act::Accepted } => {
                self.report_failure(purpose, code, after_ms);
                self.not_answered(call_id, pending.uncertain);
            }
            Purpose::Get { call_id, preview: false } => self.not_viewed(call_id),
            Purpose::Act { .. } if self.is_logged_out() => {}
            _ => self.report_failure(purpose, code, after_ms),
        }
    }
}
