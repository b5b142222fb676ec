//! The access token: the backend refuses it, and there is another one, none any more, or none at the moment.

use crate::client::Client;
use crate::codes::TOKEN_REFUSED;
use crate::link::LinkPhase;
use crate::output::{Command, Event, LogoutReason};
use crate::requests::{Purpose, Stage, spread_ms};

impl Client {
    /// The backend does not accept the token of this request. A fresh one that is refused, too, ends the login.
    pub(crate) fn token_refused(&mut self, index: usize) {
        let asked = self.requests.needs_token() && self.requests.ask_token_at.is_none();
        let Some(pending) = self.requests.pending.get_mut(index) else { return };
        if pending.renewed {
            if self.is_logged_out() {
                self.requests.pending.remove(index);
            } else {
                self.logged_out(LogoutReason::TokenRefused);
            }
            return;
        }
        pending.stage = Stage::NeedsToken;
        if !asked {
            self.ask_for_token();
        }
    }

    fn ask_for_token(&mut self) {
        self.requests.ask_token_at = None;
        self.emit(Command::NeedToken);
    }

    pub(crate) fn token_renewed(&mut self) {
        self.requests.ask_token_at = None;
        self.requests.token_failures = 0;
        for pending in &mut self.requests.pending {
            if matches!(pending.stage, Stage::NeedsToken) {
                pending.renewed = true;
                pending.stage = Stage::Waiting { at: self.now, for_network: false };
            }
        }
    }

    /// The login service could not be asked, which says nothing about the login: it is asked again after a random wait.
    pub(crate) fn token_failed(&mut self) {
        if !self.requests.needs_token() {
            return;
        }
        self.requests.token_failures = self.requests.token_failures.saturating_add(1);
        let failures = self.requests.token_failures;
        if self.requests.has(&Purpose::Register) {
            self.registering_fails(TOKEN_REFUSED, None);
        }
        let most = spread_ms(failures);
        self.requests.ask_token_at = Some(self.after((most / 2, most)));
    }

    /// Asks for a token again, once the wait is over.
    pub(crate) fn token_due(&mut self) {
        if self.requests.ask_token_at.is_none_or(|at| at > self.now) {
            return;
        }
        if self.requests.needs_token() {
            self.ask_for_token();
        } else {
            self.requests.ask_token_at = None;
        }
    }

    /// The person must log in.
    pub(crate) fn token_unavailable(&mut self) {
        let LinkPhase::LoggedOut(why) = self.link.phase else { return self.logged_out(LogoutReason::TokenRefused) };
        // A logout that no token is to be had for has nothing to end any more.
        self.requests.pending.retain(|pending| !matches!(pending.stage, Stage::NeedsToken));
        // After a restart nobody has told the app yet.
        if !std::mem::replace(&mut self.link.shown_logged_out, true) {
            self.emit(Event::LoggedOut { why });
        }
    }

    /// A login that gave no token. The app waits for what becomes of it, whatever it was told before; a logout that is still
    /// to be made goes on.
    pub(crate) fn login_failed(&mut self) {
        let LinkPhase::LoggedOut(why) = self.link.phase else { return self.logged_out(LogoutReason::TokenRefused) };
        self.link.shown_logged_out = true;
        self.emit(Event::LoggedOut { why });
    }
}
