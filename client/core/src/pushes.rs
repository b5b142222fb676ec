//! Pushes: the same calls that messages are about, over another way.

use ilock_events::CallState;
use serde::Deserialize;

use crate::calls::{Call, CallPhase, LONGEST_RING_MS, News, object, over_at};
use crate::client::Client;
use crate::link::LinkPhase;
use crate::output::{CallInfo, Ending, Event};
use crate::wire::known;

/// The app's part of a push. All fields are strings.
#[derive(Debug, Clone, Deserialize)]
struct Push {
    #[serde(rename = "type")]
    kind: String,
    call_id: String,
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    seq: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    /// When it was handed to the push service, and for how long the call still rang then.
    #[serde(default)]
    sent_at: Option<String>,
    #[serde(default)]
    remaining_ms: Option<String>,
    /// `true` where the person is in another call.
    #[serde(default)]
    waiting: Option<String>,
    /// The phone that rings first, while the person's others wait a moment with their sound.
    #[serde(default)]
    primary: Option<String>,
    #[serde(default)]
    caller_id: String,
    #[serde(default)]
    caller_name: String,
    #[serde(default)]
    invitation_data: Option<String>,
    #[serde(default, deserialize_with = "known")]
    state: Option<CallState>,
    #[serde(default)]
    device_id: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

impl Push {
    /// The caller's name, else the caller's id.
    fn shown_name(&self) -> String {
        let name = self.caller_name.trim();
        if name.is_empty() { self.caller_id.clone() } else { name.to_owned() }
    }

    /// Tells the call who calls. A name that is known already stays: it may be longer than one in a push.
    fn describe(&self, call: &mut Call) {
        let name = self.caller_name.trim();
        let is_known = !call.info.caller_name.is_empty() && call.info.caller_name != call.info.caller_id;
        if !is_known && !name.is_empty() {
            name.clone_into(&mut call.info.caller_name);
        }
        call.describe(&self.caller_id, None, object(self.invitation_data.as_deref()).as_ref());
    }
}

fn number<T: std::str::FromStr>(text: Option<&String>) -> Option<T> {
    text.and_then(|text| text.parse().ok())
}

impl Client {
    /// A push, and so a sign that the app runs: it connects. Where the system demands it, a call is shown whatever comes
    /// of it.
    pub(crate) fn push(&mut self, data: &str, must_show: bool) {
        let push = serde_json::from_str::<Push>(data).ok();
        if self.is_logged_out() {
            return self.show_and_end(push.as_ref(), must_show);
        }
        if matches!(self.link.phase, LinkPhase::Idle) {
            self.start();
        }
        let Some(push) = push else { return self.show_and_end(None, must_show) };
        if let Some(sent_at) = number(push.sent_at.as_ref()) {
            self.time.sent_at(sent_at, self.now);
        }
        let ended = number(push.remaining_ms.as_ref()).is_some_and(|left: i64| left <= 0);
        let expired = ended || number(push.expires_at.as_ref()).is_some_and(|end| self.time.has_passed(end, self.now));
        let seen = push.message_id.as_deref().is_some_and(|id| !self.seen.insert(id));
        match push.kind.as_str() {
            "VIDEO_CALL" if !expired => return self.call_by_push(&push, must_show),
            "CALL_ENDED" if !seen && !expired => self.ended_by_push(&push),
            "MISSED_CALL" if !seen => self.missed_by_push(&push),
            _ => {}
        }
        // No other push than a call demands it today. Should one, the system does not ask which it was.
        self.show_and_end(Some(&push), must_show);
    }

    fn call_by_push(&mut self, push: &Push, must_show: bool) {
        if let Some(index) = self.calls.position(&push.call_id) {
            let phase = self.calls.0.get(index).map(|call| call.phase);
            if !matches!(phase, Some(CallPhase::Ringing | CallPhase::Asking)) {
                self.show_and_end(Some(push), must_show);
            } else if must_show {
                self.ring(index);
                // Its time may be up by what was heard of it before.
                let is_over = self.calls.0.get(index).is_none_or(|call| call.phase == CallPhase::Over);
                self.show_and_end(Some(push), is_over);
            }
            return;
        }
        let index = self.announced(&push.call_id);
        let secondary = push.primary.as_deref().is_some_and(|primary| !self.is_own(primary));
        let busy = self.calls.is_busy() || push.waiting.as_deref() == Some("true");
        let rings_for = number(push.remaining_ms.as_ref()).unwrap_or(LONGEST_RING_MS).clamp(0, LONGEST_RING_MS);
        let ring_by = self.now.saturating_add(rings_for.unsigned_abs());
        if let Some(call) = self.calls.0.get_mut(index) {
            call.ring_by = Some(ring_by);
            call.seq = call.seq.max(number(push.seq.as_ref()).unwrap_or(0));
            call.expires_at = number(push.expires_at.as_ref());
            call.info.waiting = busy;
            call.info.secondary = secondary;
            push.describe(call);
        }
        if !self.is_asking(index) {
            return self.show_and_end(Some(push), must_show);
        }
        // A push may have waited for the phone: the backend knows whether the call still rings.
        self.ask_first(index);
        if must_show {
            self.ring(index);
        }
    }

    fn ended_by_push(&mut self, push: &Push) {
        let Some(index) = self.call_that_is_over(push, push.state) else { return };
        let Some(phase) = self.calls.0.get(index).map(|call| call.phase) else { return };
        match (push.state, push.device_id.clone()) {
            // A phone that is answering is told by its own answer whether it was the one.
            (Some(CallState::Active), None) if phase == CallPhase::Answering => {}
            (Some(CallState::Ringing), by) => self.rejected(index, by, None),
            // A word of a later backend: whatever it says, the call rings here no more.
            (None, by) if matches!(phase, CallPhase::Asking | CallPhase::Ringing | CallPhase::Silenced) => {
                self.over(index, Ending::Ended, by, None);
            }
            (state, by) => self.settle(index, News { state, by, ..News::default() }),
        }
        if push.state == Some(CallState::Cancelled) {
            self.missed_by(index, push);
        }
    }

    fn missed_by_push(&mut self, push: &Push) {
        let Some(index) = self.call_that_is_over(push, Some(CallState::Missed)) else { return };
        self.over(index, Ending::Missed, None, None);
        self.missed_by(index, push);
    }

    /// The call of a push that says that it is over. One that is not known is remembered as over: what announces it may come
    /// later. None where something newer is known.
    fn call_that_is_over(&mut self, push: &Push, state: Option<CallState>) -> Option<usize> {
        let seq = number(push.seq.as_ref());
        let known = self.calls.position(&push.call_id);
        let index =
            known.unwrap_or_else(|| self.calls.add(Call::over(&push.call_id, seq.unwrap_or(0), over_at(state))));
        let call = self.calls.0.get_mut(index).filter(|call| !call.is_older(seq))?;
        call.seq = call.seq.max(seq.unwrap_or(0));
        Some(index)
    }

    fn missed_by(&mut self, index: usize, push: &Push) {
        let Some(call) = self.calls.0.get_mut(index) else { return };
        push.describe(call);
        let timestamp = number(push.timestamp.as_ref()).or(call.placed_at).unwrap_or(0);
        self.missed(index, timestamp);
    }

    /// Shows a call that does not ring, and ends it at once: the system ends an app that shows nothing.
    fn show_and_end(&mut self, push: Option<&Push>, must_show: bool) {
        if !must_show {
            return;
        }
        let known =
            push.and_then(|push| self.calls.position(&push.call_id)).and_then(|index| self.calls.0.get_mut(index));
        let mut why = Ending::Missed;
        if let Some(call) = known {
            if !matches!(call.phase, CallPhase::Over | CallPhase::Silenced | CallPhase::Asking) {
                // It is on the screen, and ends by itself. One that was answered or placed here does not ring.
                let (call, rings) = (call.info.clone(), call.phase == CallPhase::Ringing);
                return self.show_again(call, rings);
            }
            // Whoever gave up has called, and was missed.
            why = call.ending.filter(|why| *why != Ending::Cancelled).unwrap_or(why);
            call.noticed = true;
        }
        let text = |read: fn(&Push) -> &String| push.map(read).cloned().unwrap_or_default();
        let call = CallInfo {
            call_id: text(|push| &push.call_id),
            caller_id: text(|push| &push.caller_id),
            caller_name: push.map(Push::shown_name).unwrap_or_default(),
            caller_info: "{}".into(),
            ..CallInfo::default()
        };
        let call_id = call.call_id.clone();
        self.emit(Event::Ring { call });
        self.emit(Event::StopRinging { call_id: call_id.clone(), why });
        self.emit(Event::CallOver { call_id, why, by: None, reason: None });
    }

    fn show_again(&mut self, call: CallInfo, rings: bool) {
        let call_id = call.call_id.clone();
        self.emit(Event::Ring { call });
        if !rings {
            self.emit(Event::StopRinging { call_id, why: Ending::AnsweredHere });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Role};
    use crate::input::Input;
    use crate::output::Output;

    #[test]
    fn what_must_be_shown_is_shown_after_the_machine_slept_over_the_deadline() {
        let push = |id: &str, remaining_ms: &str, must_show| Input::Push {
            data: format!(
                r#"{{"type":"VIDEO_CALL","call_id":"c","message_id":"{id}","remaining_ms":"{remaining_ms}"}}"#
            ),
            must_show,
        };
        let mut client = Client::new(Config::new(Role::Phone, "phone".into()), vec![7; 16]).unwrap();
        client.handle(0, push("m1", "30000", false));
        // No tick came in time. A push that was sent again may have been longer under way, and does not know.
        let outputs = client.handle(31_000, push("m2", "5000", true));
        let events = outputs.into_iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            Output::Do(_) => None,
        });
        let events: Vec<Event> = events.collect();
        let is_shown_and_ended = matches!(
            events[..],
            [Event::Ring { .. }, Event::StopRinging { .. }, Event::CallOver { why: Ending::Missed, .. }, ..]
        );
        assert!(is_shown_and_ended, "{events:?}");
    }
}
