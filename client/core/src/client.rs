//! The client: what it knows, and who deals with which input.

use std::fmt;

use crate::calls::Calls;
use crate::codes::{NO_ANSWER, TOKEN_REFUSED};
use crate::config::Config;
use crate::input::Input;
use crate::link::{Link, LinkPhase};
use crate::output::{Method, Output};
use crate::random::Random;
use crate::requests::{Pending, Purpose, Request, Requests, Stage};
use crate::seen::Seen;
use crate::status_report::StatusReport;
use crate::time::ServerTime;
use crate::wire::Message;

/// A phone or a door station, as rules. See the crate's page for how to drive it.
#[derive(Clone)]
pub struct Client {
    pub(crate) config: Config,
    /// The steady clock's milliseconds.
    pub(crate) now: u64,
    pub(crate) time: ServerTime,
    pub(crate) random: Random,
    pub(crate) seen: Seen,
    pub(crate) requests: Requests,
    pub(crate) link: Link,
    pub(crate) calls: Calls,
    pub(crate) status: StatusReport,
    /// Messages about calls that have no name yet, because the answer to a press is still under way.
    pub(crate) early: Vec<Message>,
    pub(crate) outputs: Vec<Output>,
}

impl fmt::Debug for Client {
    /// Its name alone: what it knows contains secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("client_id", &self.config.client_id).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn empty(config: Config, seed: Vec<u8>) -> Self {
        Self {
            config,
            now: 0,
            time: ServerTime::default(),
            random: Random::new(seed),
            seen: Seen::default(),
            requests: Requests::default(),
            link: Link::default(),
            calls: Calls::default(),
            status: StatusReport::default(),
            early: vec![],
            outputs: vec![],
        }
    }

    /// Takes an input and returns what is to be done, in this order. `now_ms` is the time of a steady clock: any start,
    /// never set back. It may stand still while the machine sleeps.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Output> {
        self.now = self.now.max(now_ms);
        self.take(input);
        self.token_due();
        self.requests_due();
        self.release_requests();
        self.link_due();
        self.calls_due();
        self.watch_due();
        self.status_due();
        std::mem::take(&mut self.outputs)
    }

    /// When to call [`Self::handle`] with [`Input::Tick`] at the latest, by the same clock. To be read after each call.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let requests = self.requests.pending.iter().filter_map(Pending::due);
        let link = match self.link.phase {
            LinkPhase::Connecting(at) | LinkPhase::Subscribing(at) | LinkPhase::Waiting { until: at, .. } => Some(at),
            _ => None,
        };
        let renewal = self.link.renew_at.filter(|_| !self.link.is_off());
        let calls = self.calls.0.iter().filter_map(|call| call.due(&self.time)).chain(self.link.watch_at);
        requests.chain(self.requests.ask_token_at).chain(link).chain(renewal).chain(calls).min()
    }

    /// Whether something that was done here is still to reach the backend: an action on a call, a press, or a logout.
    #[must_use]
    pub fn is_acting(&self) -> bool {
        let acts = |pending: &Pending| pending.request.key.is_some() || pending.request.method == Method::Delete;
        self.requests.pending.iter().any(acts)
    }

    /// The client's name, by which messages and answers call it; none before the first registration.
    #[must_use]
    pub fn client_id(&self) -> Option<String> {
        self.link.client_id().map(str::to_owned)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Start => self.start(),
            Input::LoggedIn => self.logged_in(),
            Input::TokenRenewed => self.token_renewed(),
            Input::TokenFailed => self.token_failed(),
            Input::TokenUnavailable => self.token_unavailable(),
            Input::LoginFailed => self.login_failed(),
            Input::LogOut => self.log_out(),
            Input::HttpAnswer { id, status, retry_after, date, body } => {
                self.note_date(date.as_deref(), &body);
                self.answered(id, status, retry_after.as_deref(), &body);
            }
            Input::HttpFailed { id } => self.request_failed(id),
            Input::Push { data, must_show } => self.push(&data, must_show),
            Input::PushTokens { tokens } => self.push_tokens(tokens),
            Input::Status { status, priority } => self.status.set(status, priority, self.now),
            Input::Tick => {}
            input => self.take_connection(input),
        }
    }

    fn take_connection(&mut self, input: Input) {
        match input {
            Input::Connected { connection, session_present } => self.connected(connection, session_present),
            Input::Subscribed { connection, granted } => self.subscribed(connection, granted),
            Input::Refused { connection, reason } => self.refused_by_broker(connection, reason),
            Input::Disconnected { connection, reason } => self.disconnected(connection, reason),
            Input::Message { topic, payload } => self.message(&topic, &payload),
            Input::Network { online } => self.network(online),
            Input::Woken => self.woken(),
            input => self.take_tap(input),
        }
    }

    fn take_tap(&mut self, input: Input) {
        if self.is_logged_out() {
            return;
        }
        match input {
            Input::Press { callees, caller_info, ring_seconds, invitation_data } => {
                self.press(&callees, caller_info.as_deref(), ring_seconds, invitation_data.as_deref());
            }
            Input::Answer { call_id } => self.answer(&call_id),
            Input::Decline { call_id } => self.decline(&call_id),
            Input::Preview { call_id } => self.preview(&call_id),
            Input::Reject { call_id, reason } | Input::HangUp { call_id, reason } => {
                self.hang_up(&call_id, reason.as_deref());
            }
            Input::CallsSeen { until } => self.calls_seen(until),
            _ => {}
        }
    }

    pub(crate) fn emit(&mut self, output: impl Into<Output>) {
        self.outputs.push(output.into());
    }

    /// Makes a request now, or as soon as it may be made.
    pub(crate) fn send(&mut self, request: Request) {
        let id = self.requests.next_id();
        self.requests.pending.push(Pending::new(id, request, self.now));
        self.attempt(id);
    }

    /// Makes the request, unless it waits for another one.
    pub(crate) fn attempt(&mut self, id: u64) {
        let Some(index) = self.requests.position(id) else { return };
        let waits = self.requests.pending.get(index).is_some_and(|pending| self.is_held(&pending.request.purpose));
        let Some(pending) = self.requests.pending.get_mut(index) else { return };
        if waits {
            pending.hold(self.now);
        } else {
            let command = pending.send(self.now);
            self.outputs.push(command.into());
        }
    }

    /// A time between the two bounds from now.
    pub(crate) fn after(&mut self, (least, most): (u64, u64)) -> u64 {
        let jitter = self.random.below(most.saturating_sub(least));
        self.now.saturating_add(least).saturating_add(jitter)
    }

    pub(crate) fn is_logged_out(&self) -> bool {
        matches!(self.link.phase, LinkPhase::LoggedOut(_))
    }

    /// Whether `client_id` is this client's name.
    pub(crate) fn is_own(&self, client_id: &str) -> bool {
        let known_as = self.link.client_id().or(self.link.left_as.as_deref());
        client_id == known_as.unwrap_or(&self.config.client_id)
    }

    fn requests_due(&mut self) {
        let due = |pending: &Pending, now: u64| pending.due().is_some_and(|at| at <= now);
        let ids: Vec<u64> =
            self.requests.pending.iter().filter(|pending| due(pending, self.now)).map(|p| p.id).collect();
        for id in ids {
            let Some(index) = self.requests.position(id) else { continue };
            let Some(pending) = self.requests.pending.get(index) else { continue };
            let stage = pending.stage;
            // Where the machine slept, the time has passed without a tick: nobody waits at the door any more.
            let late_press = matches!(pending.request.purpose, Purpose::Place { .. }) && pending.is_late(self.now);
            match stage {
                Stage::NeedsToken => self.give_up(index, TOKEN_REFUSED, None),
                Stage::Sent(_) => self.request_failed(id),
                Stage::Held => self.give_up(index, NO_ANSWER, None),
                Stage::Waiting { .. } if late_press => self.give_up(index, NO_ANSWER, None),
                Stage::Waiting { .. } => self.attempt(id),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::output::{Command, Ending, Event};

    #[test]
    fn a_press_that_the_machine_slept_over_is_not_placed() {
        let mut client = Client::new(Config::new(Role::Door, "panel".into()), vec![7; 16]).unwrap();
        let callees = vec!["user456".to_owned()];
        client.handle(0, Input::Press { callees, caller_info: None, ring_seconds: None, invitation_data: None });
        client.handle(0, Input::HttpFailed { id: 1 });
        let outputs = client.handle(3_600_000, Input::Tick);
        let is_sent = |output: &Output| matches!(output, Output::Do(Command::Request { .. }));
        assert!(!outputs.iter().any(is_sent), "{outputs:?}");
        let is_over = |output: &Output| matches!(output, Output::Event(Event::CallOver { why: Ending::Failed, .. }));
        assert!(outputs.iter().any(is_over), "{outputs:?}");
    }
}
