//! Messages: which are dropped, and what the others are about.

use crate::calls::{Call, News, over_at};
use crate::client::Client;
use crate::output::Event;
use crate::wire::{Action, Message};

/// The longest payload that is looked at: IoT Core carries no longer one.
const LONGEST: usize = 128 * 1_024;

impl Client {
    /// A message of the broker's. What is late, repeated, out of order or about nobody here is dropped.
    pub(crate) fn message(&mut self, topic: &str, payload: &str) {
        if self.link.is_off() || payload.len() > LONGEST {
            return;
        }
        let Ok(message) = serde_json::from_str::<Message>(payload) else { return };
        let Some(topics) = self.link.registered.as_ref().map(|registered| registered.topics.clone()) else { return };
        if !self.is_news(&message) {
            return;
        }
        if topics.incoming_calls.as_deref() == Some(topic) {
            self.incoming(message);
        } else if topics.device_sync.as_deref() == Some(topic) {
            self.sync(message);
        } else if topics.call_control == topic {
            self.control(message);
        }
    }

    /// The three rules of what to drop.
    fn is_news(&mut self, message: &Message) -> bool {
        if let Some(sent) = message.sent_at.or(message.timestamp) {
            self.time.sent_at(sent, self.now);
        }
        if message.expires_at.is_some_and(|end| self.time.has_passed(end, self.now)) {
            return false;
        }
        if message.id.as_deref().is_some_and(|id| !self.seen.insert(id)) {
            return false;
        }
        let known = message.call_id.as_deref().and_then(|id| self.calls.position(id));
        let call = known.and_then(|index| self.calls.0.get(index));
        call.is_none_or(|call| !call.is_older(message.seq))
    }

    /// What became of a call. One that is not known may be the one that is just being placed.
    pub(crate) fn control(&mut self, message: Message) {
        let Some(action) = message.action else { return };
        let Some(index) = self.call_of(&message) else { return self.keep_early(message) };
        if let Some(call) = self.calls.0.get_mut(index) {
            if call.is_older(message.seq) {
                return;
            }
            call.seq = call.seq.max(message.seq.unwrap_or(0));
            if action == Action::Accepted {
                call.answered_at = call.answered_at.or(message.timestamp);
            }
        }
        if matches!(action, Action::Ringing | Action::Alerted | Action::Unreachable) {
            return self.progress(index, action);
        }
        let news = News { state: message.state, by: message.device_id, reason: message.reason, room: None };
        self.settle(index, news);
        // Whoever called may have given up before the call was shown here. A phone that does not know who that was is told by
        // push, or finds it in the list of calls.
        let placed_at = self.calls.0.get(index).filter(|call| !call.is_outgoing()).and_then(|call| call.placed_at);
        if let Some(placed_at) = placed_at.filter(|_| action == Action::Cancelled) {
            self.missed(index, placed_at);
        }
    }

    /// What ends a call may overtake what announces it: a call that comes later does not ring then.
    pub(crate) fn over_before_it_was_known(&mut self, message: &Message) {
        if let Some(call_id) = message.call_id.as_deref() {
            self.calls.add(Call::over(call_id, message.seq.unwrap_or(0), over_at(message.state)));
        }
    }

    /// What another client of this person did; or this one, which is told the same.
    fn sync(&mut self, message: Message) {
        let Some(action) = message.action else { return };
        let own = message.device_id.as_deref().is_some_and(|device| self.is_own(device));
        if action == Action::ClientAdded {
            if let Some(client_id) = message.device_id.filter(|_| !own) {
                self.emit(Event::ClientAdded { client_id });
            }
            return;
        }
        let Some(index) = message.call_id.as_deref().and_then(|id| self.calls.position(id)) else {
            if action != Action::Declined || own {
                self.over_before_it_was_known(&message);
            }
            return;
        };
        if let Some(call) = self.calls.0.get_mut(index) {
            call.seq = call.seq.max(message.seq.unwrap_or(0));
        }
        match action {
            // One phone's decline concerns no other.
            Action::Declined if own => self.silence(index),
            Action::Declined => {}
            Action::Rejected => self.rejected(index, message.device_id, message.reason),
            _ => {
                let news = News { state: message.state, by: message.device_id, reason: message.reason, room: None };
                self.settle(index, news);
            }
        }
    }
}
