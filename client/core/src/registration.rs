//! Registering, renewing, logging in and out.

use std::ops::Range;

use ilock_events::ClientRegistered;
use serde_json::{Map, Value};

use crate::calls::{Call, CallPhase};
use crate::client::Client;
use crate::config::Role;
use crate::input::PushTokens;
use crate::link::{Link, LinkPhase};
use crate::output::{Command, Ending, Event, LogoutReason, Method, Problem};
use crate::requests::{Act, Purpose, Request, Stage};

/// A password is renewed this long before it ends, or earlier by up to as much again.
const RENEW_BEFORE_MS: u64 = 600_000;
/// The same for passwords that live for less than an hour.
const RENEW_SHORT_BEFORE_MS: u64 = 60_000;
/// However short a password lives, it is not renewed sooner than this.
const SOONEST_MS: u64 = 30_000;
const HOUR_MS: u64 = 3_600_000;
/// The bounds of the wait after a registration that failed by a fault of the backend's.
const FAULT_WAIT_MS: (u64, u64) = (60_000, 120_000);
/// The codes that say that the request is wrong: the same one is refused again. The others are faults of the backend's.
const LASTING_REFUSALS: Range<u32> = 40_000..50_000;
/// How long a logout is tried.
const LOGOUT_WORTH_MS: u64 = 600_000;

impl Client {
    pub(crate) fn start(&mut self) {
        match self.link.phase {
            LinkPhase::LoggedOut(why) => {
                self.link.shown_logged_out = true;
                self.emit(Event::LoggedOut { why });
            }
            LinkPhase::Idle | LinkPhase::TakenOver | LinkPhase::Refused => {
                // What was on the screen before a restart.
                for call_id in self.calls.to_ask() {
                    self.ask_about(&call_id);
                }
                let is_known = self.link.registered.is_some() && self.link.registered_as == self.registration();
                if is_known && self.link.phase != LinkPhase::Refused {
                    self.connect();
                } else {
                    self.link.phase = LinkPhase::Registering;
                    self.register();
                }
            }
            LinkPhase::Waiting { .. } => self.try_now(),
            _ => {}
        }
    }

    pub(crate) fn logged_in(&mut self) {
        let tokens = self.link.tokens.clone();
        let connection = self.link.connection;
        // Whoever logs in now may be somebody else: nobody is called in their name.
        let placing = |call: &Call| call.phase == CallPhase::Placing;
        while let Some(index) = self.calls.0.iter().position(placing) {
            self.over(index, Ending::LoggedOut, None, None);
        }
        self.requests.only_ends_calls(Stage::Waiting { at: self.now, for_network: false });
        self.link = Link { tokens, connection, phase: LinkPhase::Registering, ..Link::default() };
        self.register();
    }

    /// What this client says of itself when it registers.
    fn registration(&self) -> String {
        let config = &self.config;
        let device_type = match config.role {
            Role::Phone => "mobile".to_owned(),
            Role::Door => "door".to_owned(),
        };
        let tokens = &self.link.tokens;
        let fields = [
            ("client_id", Some(&config.client_id)),
            ("device_type", Some(&device_type)),
            ("platform", config.platform.as_ref()),
            ("app_version", config.app_version.as_ref()),
            ("language", config.language.as_ref()),
            ("push_token", tokens.push_token.as_ref()),
            ("voip_token", tokens.voip_token.as_ref()),
            ("environment", tokens.environment.as_ref()),
        ];
        let there =
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?.clone()))));
        Value::Object(there.collect::<Map<String, Value>>()).to_string()
    }

    /// Registers, unless that is under way.
    pub(crate) fn register(&mut self) {
        if self.requests.has(&Purpose::Register) {
            return;
        }
        self.link.renew_at = None;
        self.send(Request {
            purpose: Purpose::Register,
            method: Method::Post,
            path: "/api/mqtt/clients/register".into(),
            body: Some(self.registration()),
            key: None,
            worth_ms: None,
        });
    }

    pub(crate) fn registered(&mut self, registered: ClientRegistered, body: Option<&str>) {
        self.link.registered = Some(registered);
        body.unwrap_or_default().clone_into(&mut self.link.registered_as);
        self.requests.told_registering_fails = false;
        self.plan_renewal();
        // Tokens that came meanwhile.
        if self.link.registered_as != self.registration() {
            self.register();
        }
        self.status.registered();
        if !self.link.is_off() || self.link.phase == LinkPhase::Refused {
            self.connect();
        }
        for (call_id, act) in self.calls.once_registered() {
            self.act(&call_id, act, None);
        }
    }

    /// A problem was reported. What the client may not do, or says wrongly, stays so until the app is changed or somebody
    /// else logs in; a fault of the backend's passes.
    pub(crate) fn registration_refused(&mut self, problem: Problem) {
        if self.link.phase != LinkPhase::Registering {
            self.link.renew_at = Some(self.now.saturating_add(RENEW_BEFORE_MS));
        } else if LASTING_REFUSALS.contains(&problem.code) {
            self.link.phase = LinkPhase::Refused;
            self.emit(Event::RegistrationRefused { problem });
        } else {
            self.link.phase = LinkPhase::Waiting { until: self.after(FAULT_WAIT_MS), register: true };
        }
    }

    /// Sets the time of the renewal, once the backend's time is known.
    pub(crate) fn plan_renewal(&mut self) {
        let Some(registered) = &self.link.registered else { return };
        let ends = self.time.steady(registered.mqtt_credentials.expires_at.0).filter(|_| self.time.is_known());
        let Some(ends) = ends else { return };
        let left = ends.saturating_sub(self.now);
        let before = if left > HOUR_MS { RENEW_BEFORE_MS } else { RENEW_SHORT_BEFORE_MS };
        let earlier = before.saturating_add(self.random.below(before));
        let soonest = self.now.saturating_add((left / 2).max(SOONEST_MS));
        self.link.renew_at = Some(ends.saturating_sub(earlier).max(soonest));
    }

    pub(crate) fn push_tokens(&mut self, tokens: PushTokens) {
        let before = self.link.tokens.clone();
        let kept = &mut self.link.tokens;
        kept.push_token = tokens.push_token.or(kept.push_token.take());
        kept.voip_token = tokens.voip_token.or(kept.voip_token.take());
        kept.environment = tokens.environment.or(kept.environment.take());
        // The token before may be what was refused.
        if self.link.phase == LinkPhase::Refused && self.link.tokens != before {
            return self.start();
        }
        let is_news = self.link.registered.is_some() && self.link.registered_as != self.registration();
        if is_news && !self.link.is_off() {
            self.register();
        }
    }

    /// Logs out on this client, by the person's wish: at once here, and at the backend as soon as the calls are ended that the
    /// person has placed or answered here.
    pub(crate) fn log_out(&mut self) {
        if self.is_logged_out() {
            return;
        }
        let client_id = self.link.client_id().unwrap_or(&self.config.client_id).to_owned();
        self.logged_out(LogoutReason::ByUser);
        self.send(Request {
            purpose: Purpose::LogOut,
            method: Method::Delete,
            path: format!("/api/mqtt/clients/{client_id}"),
            body: None,
            key: None,
            worth_ms: Some(LOGOUT_WORTH_MS),
        });
    }

    /// Nobody is logged in here any more: everything ends, and nothing is tried again but what ends a call. After the
    /// person's own logout that is sent with the token that there is; else it waits for the next login.
    pub(crate) fn logged_out(&mut self, why: LogoutReason) {
        self.link.phase = LinkPhase::LoggedOut(why);
        for index in 0..self.calls.0.len() {
            self.leave(index, why);
        }
        if why == LogoutReason::ByUser {
            let given_up = |press: &str| {
                let call = self.calls.pressed(press).and_then(|index| self.calls.0.get(index));
                call.is_some_and(|call| call.given_up.is_some())
            };
            self.requests.keep(|purpose| match purpose {
                Purpose::Act { act, .. } => act.ends(),
                Purpose::Place { press } => given_up(press),
                _ => false,
            });
        } else {
            self.requests.only_ends_calls(Stage::Held);
        }
        self.early.clear();
        let connection = self.link.connection;
        let left_as = self.link.client_id().map(str::to_owned);
        self.link = Link {
            phase: LinkPhase::LoggedOut(why),
            logged_out: Some(why),
            left_as,
            shown_logged_out: true,
            tokens: self.link.tokens.clone(),
            connection,
            ..Link::default()
        };
        self.emit(Command::Disconnect);
        self.emit(Event::LoggedOut { why });
    }

    /// Ends a call because nobody is logged in here any more. What only rings here goes on ringing elsewhere.
    fn leave(&mut self, index: usize, why: LogoutReason) {
        let Some(call) = self.calls.0.get(index) else { return };
        match call.phase {
            CallPhase::Placing if call.given_up.is_none() => self.give_up_placing(index, None, Ending::LoggedOut),
            CallPhase::Active | CallPhase::Calling => self.end(index, None, Some(Ending::LoggedOut)),
            CallPhase::Answering if why == LogoutReason::ByUser => self.end(index, None, Some(Ending::LoggedOut)),
            // The answer may have counted before the login ended.
            CallPhase::Answering => {
                let call_id = call.name();
                self.act(&call_id, Act::HangUp, None);
            }
            _ => {}
        }
        self.over(index, Ending::LoggedOut, None, None);
    }
}
