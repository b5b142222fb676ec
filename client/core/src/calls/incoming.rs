//! Calls that come in: whether to ring, and for how long.

use ilock_events::CallState;

use crate::calls::call::{Call, CallPhase, LONGEST_RING_MS};
use crate::calls::settle::News;
use crate::client::Client;
use crate::jwe::{self, Opened};
use crate::output::{Ending, Event, Secret};
use crate::requests::Act;
use crate::wire::{Message, View};

/// A message that comes so soon after the broker resumed the session may have waited in it.
const RESUMED_MS: u64 = 5_000;
/// How long the backend is asked before a phone rings without an answer.
const ASK_MS: u64 = 2_000;
/// A deadline that lies further ahead than this has not passed: by so much the backend's time may be known wrongly.
const TIME_ERROR_MS: u64 = 5_000;

impl Client {
    /// Somebody calls. A message that may have waited may be about a call that is over: then the backend is asked first.
    pub(crate) fn incoming(&mut self, message: Message) {
        let Some(call_id) = message.call_id.clone() else { return };
        let known = self.calls.position(&call_id);
        let index = known.unwrap_or_else(|| self.announced(&call_id));
        self.describe(index, message);
        if !self.is_asking(index) {
            return;
        }
        if !self.may_be_late() {
            self.ring(index);
        } else if known.is_none() {
            self.ask_first(index);
        }
    }

    /// A call that comes in and was not known. It is over at once where what ended it came first, and is held because of a
    /// press.
    pub(crate) fn announced(&mut self, call_id: &str) -> usize {
        let index = self.calls.add(Call::incoming(call_id));
        self.release_early();
        // Calls that are over may have made room for others.
        self.calls.position(call_id).unwrap_or(index)
    }

    /// Whether the backend is to say if the call still rings.
    pub(crate) fn is_asking(&self, index: usize) -> bool {
        self.calls.0.get(index).is_some_and(|call| call.phase == CallPhase::Asking)
    }

    fn may_be_late(&self) -> bool {
        self.link.resumed_at.is_some_and(|at| self.now.saturating_sub(at) < RESUMED_MS)
    }

    /// Takes over what a message says of the call.
    fn describe(&mut self, index: usize, message: Message) {
        let busy = self.calls.is_busy();
        let secondary = message.primary.as_deref().is_some_and(|primary| !self.is_own(primary));
        let rings_for = message.remaining_ms.unwrap_or(LONGEST_RING_MS).clamp(0, LONGEST_RING_MS);
        let by = self.now.saturating_add(u64::try_from(rings_for).unwrap_or(0));
        let Some(call) = self.calls.0.get_mut(index) else { return };
        call.seq = call.seq.max(message.seq.unwrap_or(0));
        call.expires_at = message.expires_at.or(call.expires_at);
        call.placed_at = message.timestamp.or(call.placed_at);
        call.ring_by = Some(call.ring_by.map_or(by, |known| known.min(by)));
        let caller = message.caller_id.as_deref().unwrap_or_default();
        call.describe(caller, message.caller_info.as_ref(), message.invitation_data.as_ref());
        call.info.waiting |= busy || message.waiting == Some(true);
        call.info.secondary |= secondary;
        let room = message.room_info.and_then(crate::wire::RoomInfo::room);
        let Some(mut room) = room else { return };
        let key = self.link.registered.as_ref().and_then(|registered| registered.payload_key.as_ref());
        match jwe::open(&room.user_sig.0, key) {
            Opened::Plain(user_sig) => {
                room.user_sig = Secret(user_sig);
                call.info.room = Some(room);
            }
            Opened::OtherKey if !self.link.is_off() => self.register(),
            Opened::OtherKey | Opened::Unreadable => {}
        }
    }

    /// Asks the backend whether the call still rings, and rings without an answer after two seconds.
    pub(crate) fn ask_first(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        call.ask_until = Some(self.now.saturating_add(ASK_MS));
        let call_id = call.name();
        self.ask_about(&call_id);
    }

    /// Shows the call and rings, unless its time is certainly over.
    pub(crate) fn ring(&mut self, index: usize) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        if call.deadline(&self.time).is_some_and(|end| end <= self.now) {
            return self.calls_due();
        }
        call.phase = CallPhase::Ringing;
        call.shown = true;
        call.ask_until = None;
        if call.ring_by.is_none() {
            // Nobody has said for how long: no call rings longer than this.
            call.ring_by = Some(self.now.saturating_add(LONGEST_RING_MS.unsigned_abs()));
        }
        let reported = std::mem::replace(&mut call.reported, true);
        let (call_id, info) = (call.name(), call.info.clone());
        self.emit(Event::Ring { call: info });
        if !reported {
            self.act(&call_id, Act::Ringing, None);
        }
    }

    /// What the backend answers about a call: the truth, unless something newer has been heard.
    pub(crate) fn viewed(&mut self, view: View) {
        let Some(index) = self.calls.position(&view.call_id) else { return };
        self.apply_view(index, view);
    }

    pub(crate) fn apply_view(&mut self, index: usize, view: View) {
        let now = self.now;
        let secondary = view.primary.as_deref().is_some_and(|primary| !self.is_own(primary));
        let silent = view.state == Some(CallState::Ringing) && view.remaining_ms.is_some_and(|left| left <= 0);
        let Some(call) = self.calls.0.get_mut(index) else { return };
        call.info.secondary |= secondary;
        let older = call.is_older(Some(view.seq));
        call.seq = call.seq.max(view.seq);
        call.expires_at = Some(view.expires_at);
        call.answered_at = view.answered_at.or(call.answered_at);
        if let Some(left) = view.remaining_ms {
            // A phone that has declined does not ring, and may answer as long as others do.
            let left = if silent && call.phase == CallPhase::Silenced { LONGEST_RING_MS } else { left };
            let by = now.saturating_add(u64::try_from(left.clamp(0, LONGEST_RING_MS)).unwrap_or(0));
            call.ring_by = Some(call.ring_by.map_or(by, |known| known.min(by)));
        }
        call.describe(&view.caller_id, view.caller_info.as_ref(), view.invitation_data.as_ref());
        if silent && matches!(call.phase, CallPhase::Asking | CallPhase::Ringing) {
            return self.rings_no_more(index);
        }
        // One that is older rings, too: what is newer has not ended it.
        if view.state == Some(CallState::Ringing) && call.phase == CallPhase::Asking {
            self.ring(index);
        }
        let room = view.room_info.and_then(crate::wire::RoomInfo::room);
        let state = view.state.filter(|_| !older);
        self.settle(index, News { state, by: view.answered_by, reason: view.reason, room });
        // One that was placed before a restart: the callee may be looking at the caller already.
        if self.calls.0.get(index).is_some_and(|call| call.phase == CallPhase::Calling && call.check_at.is_none()) {
            self.plan_check(index);
            self.enter(index);
        }
    }

    /// A call does not ring here any more that may still ring for others: before its deadline because the person has rejected
    /// it on another phone, or this phone had declined it; else because its time is up.
    fn rings_no_more(&mut self, index: usize) {
        let expires_at = self.calls.0.get(index).and_then(|call| call.expires_at).filter(|_| self.time.is_known());
        let end = expires_at.and_then(|at| self.time.steady(at));
        if end.is_some_and(|end| end > self.now.saturating_add(TIME_ERROR_MS)) {
            self.over(index, Ending::Rejected, None, None);
        } else {
            self.over(index, Ending::Missed, Some("timer".into()), None);
        }
    }
}
