//! Connecting, subscribing, and coming back.

use crate::client::Client;
use crate::input::{Lost, Refusal};
use crate::link::LinkPhase;
use crate::output::{Command, Event, Secret};
use crate::requests::{Purpose, Stage};

/// How long CONNECT and SUBSCRIBE may take.
const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// Without a network an attempt is made this seldom: the system may be wrong.
const NO_NETWORK_WAIT_MS: u64 = 30_000;

impl Client {
    /// Opens a connection with the registration's credentials, in place of the one there is.
    pub(crate) fn connect(&mut self) {
        let Some(registered) = &self.link.registered else { return };
        let credentials = registered.mqtt_credentials.clone();
        self.link.connection = self.link.connection.saturating_add(1);
        self.link.phase = LinkPhase::Connecting(self.now.saturating_add(CONNECT_TIMEOUT_MS));
        self.emit(Command::Connect {
            connection: self.link.connection,
            broker_url: credentials.broker_url,
            websocket_url: credentials.websocket_url,
            client_id: credentials.client_id.to_string(),
            username: credentials.username,
            password: Secret(credentials.password),
        });
    }

    /// Subscribes, unless the session has it already: a session that the broker has lost has nothing.
    pub(crate) fn connected(&mut self, connection: u64, session_present: bool) {
        if connection != self.link.connection || !matches!(self.link.phase, LinkPhase::Connecting(_)) {
            return;
        }
        if !session_present {
            self.link.subscribed.clear();
        }
        let topics = self.link.topics();
        self.link.resumed_at = session_present.then_some(self.now);
        if self.link.subscribed == topics {
            return self.online();
        }
        self.link.phase = LinkPhase::Subscribing(self.now.saturating_add(CONNECT_TIMEOUT_MS));
        self.emit(Command::Subscribe { connection, topics });
    }

    pub(crate) fn subscribed(&mut self, connection: u64, granted: bool) {
        if connection != self.link.connection || !matches!(self.link.phase, LinkPhase::Subscribing(_)) {
            return;
        }
        if granted {
            self.link.subscribed = self.link.topics();
            return self.online();
        }
        self.emit(Command::Disconnect);
        self.password_refused();
    }

    /// Messages arrive from now on; what happened before is asked for.
    fn online(&mut self) {
        self.link.phase = LinkPhase::Online(self.now);
        self.link.refusals = 0;
        self.link.no_network = false;
        if !self.link.shown_online {
            self.link.shown_online = true;
            let client_id = self.link.client_id().unwrap_or_default().to_owned();
            self.emit(Event::Online { client_id });
        }
        self.retry_now();
        self.fetch_state();
    }

    /// Requests that failed for want of a network are made again, and so is the one for a token.
    fn retry_now(&mut self) {
        self.requests.ask_token_at = self.requests.ask_token_at.map(|at| at.min(self.now));
        for pending in &mut self.requests.pending {
            if let Stage::Waiting { for_network: true, .. } = pending.stage {
                pending.stage = Stage::Waiting { at: self.now, for_network: false };
            }
        }
    }

    pub(crate) fn refused_by_broker(&mut self, connection: u64, reason: Refusal) {
        if connection != self.link.connection || !matches!(self.link.phase, LinkPhase::Connecting(_)) {
            return;
        }
        match reason {
            Refusal::NotAuthorized => self.password_refused(),
            Refusal::Other => self.lost(),
        }
    }

    /// The password has run out, or this client was logged out: registering tells which.
    fn password_refused(&mut self) {
        self.went_offline();
        self.link.refusals = self.link.refusals.saturating_add(1);
        if self.link.refusals == 1 {
            self.link.phase = LinkPhase::Registering;
            return self.register();
        }
        let bounds = self.link.refused_wait_ms();
        self.link.phase = LinkPhase::Waiting { until: self.after(bounds), register: true };
    }

    pub(crate) fn disconnected(&mut self, connection: u64, reason: Lost) {
        if connection != self.link.connection {
            return;
        }
        let is_connected =
            matches!(self.link.phase, LinkPhase::Connecting(_) | LinkPhase::Subscribing(_) | LinkPhase::Online(_));
        match reason {
            // While it waits, too: a connection that was kept without a network may have lived on.
            Lost::TakenOver if is_connected || matches!(self.link.phase, LinkPhase::Waiting { .. }) => {
                self.went_offline();
                self.link.phase = LinkPhase::TakenOver;
                self.emit(Event::TakenOver);
                self.others_ring();
            }
            Lost::Network if is_connected => self.lost(),
            Lost::TakenOver | Lost::Network => {}
        }
    }

    fn went_offline(&mut self) {
        if std::mem::take(&mut self.link.shown_online) {
            self.emit(Event::Offline);
        }
    }

    /// Comes back after a random wait, so that many who were cut together do not come back together.
    fn lost(&mut self) {
        self.went_offline();
        self.link.broke(self.now);
        let until = if self.link.no_network {
            self.now.saturating_add(NO_NETWORK_WAIT_MS)
        } else {
            let bounds = self.link.wait_ms(self.now);
            self.after(bounds)
        };
        self.link.phase = LinkPhase::Waiting { until, register: false };
    }

    pub(crate) fn network(&mut self, online: bool) {
        let was_away = std::mem::replace(&mut self.link.no_network, !online);
        if !online {
            return self.network_gone();
        }
        if was_away {
            // From now on attempts are quick again.
            self.link.lost_at = None;
        }
        self.retry_now();
        match self.link.phase {
            LinkPhase::Waiting { .. } => self.try_now(),
            // It was begun on the network before.
            LinkPhase::Connecting(_) | LinkPhase::Subscribing(_) if was_away => self.connect(),
            _ => {}
        }
    }

    /// The system says that there is no network. That is told at once, and not only when a ping stays without an
    /// answer. The connection is kept until the next attempt: the system may be wrong, and then calls still ring.
    fn network_gone(&mut self) {
        match self.link.phase {
            LinkPhase::Online(_) => self.lost(),
            // The attempt that is under way shows what holds.
            LinkPhase::Connecting(_) | LinkPhase::Subscribing(_) => self.went_offline(),
            _ => {}
        }
    }

    pub(crate) fn woken(&mut self) {
        self.retry_now();
        match self.link.phase {
            LinkPhase::Waiting { .. } => self.try_now(),
            LinkPhase::Connecting(_) | LinkPhase::Subscribing(_) | LinkPhase::Online(_) => self.connect(),
            _ => {}
        }
    }

    /// Ends the wait for the next attempt.
    pub(crate) fn try_now(&mut self) {
        let LinkPhase::Waiting { register, .. } = self.link.phase else { return };
        let ended = |end: i64| self.time.has_passed(end, self.now);
        let expired = self.link.registered.as_ref().is_none_or(|known| ended(known.mqtt_credentials.expires_at.0));
        if register || expired {
            self.link.phase = LinkPhase::Registering;
            self.register();
        } else {
            self.connect();
        }
    }

    pub(crate) fn link_due(&mut self) {
        match self.link.phase {
            LinkPhase::Waiting { until, .. } if until <= self.now => self.try_now(),
            LinkPhase::Connecting(until) | LinkPhase::Subscribing(until) if until <= self.now => {
                self.emit(Command::Disconnect);
                self.lost();
            }
            _ => {}
        }
        if self.link.is_off() || self.link.registered.is_none() || self.requests.has(&Purpose::Register) {
            return;
        }
        match self.link.renew_at {
            None => self.plan_renewal(),
            Some(at) if at <= self.now => self.register(),
            Some(_) => {}
        }
    }
}
