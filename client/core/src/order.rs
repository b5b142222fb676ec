//! Which request waits for which. Requests are made at once and side by side, and the backend may get them in any order:
//! where the order matters, the later one is held back until the earlier one is through.
//!
//! | this | waits for |
//! |---|---|
//! | a press | what ends an earlier call of the same people: until then the backend answers the press with that call |
//! | a logout | what ends any call: after the logout the backend takes nothing of this login any more |
//! | an action that ends a call, where the backend ended the login | the next login |

use crate::calls::Call;
use crate::client::Client;
use crate::link::LinkPhase;
use crate::output::LogoutReason;
use crate::requests::{Pending, Purpose, Stage};

/// A request that the backend has put off for longer than this is not waited for.
const PATIENCE_MS: u64 = 5_000;

impl Client {
    /// Whether a request for `purpose` has to wait for another one.
    pub(crate) fn is_held(&self, purpose: &Purpose) -> bool {
        let login_ended = matches!(self.link.phase, LinkPhase::LoggedOut(why) if why != LogoutReason::ByUser);
        match purpose {
            Purpose::Place { press } => {
                let call = self.calls.pressed(press).and_then(|index| self.calls.0.get(index));
                let Some(call) = call else { return false };
                // One that was given up is made again for the call's id alone, so that the call can be cancelled.
                call.given_up.is_none() && self.ends_under_way(|other| other.is_for(&call.callees))
            }
            Purpose::LogOut => self.ends_under_way(|_| true),
            Purpose::Act { act, .. } => login_ended && act.ends(),
            _ => false,
        }
    }

    /// Whether one of these calls is just being ended: by an action, or by a press that was given up and whose answer will say
    /// which call is to be cancelled.
    fn ends_under_way(&self, is_meant: impl Fn(&Call) -> bool) -> bool {
        let ended = |pending: &Pending| match &pending.request.purpose {
            Purpose::Act { call_id, act } if act.ends() => self.calls.0.get(self.calls.position(call_id)?),
            Purpose::Place { press } => {
                self.calls.0.get(self.calls.pressed(press)?).filter(|call| call.given_up.is_some())
            }
            _ => None,
        };
        let under_way = self.requests.pending.iter().filter(|pending| self.is_under_way(pending));
        under_way.filter_map(ended).any(is_meant)
    }

    /// Whether it was made, or comes soon. Without a network nothing else gets through either.
    fn is_under_way(&self, pending: &Pending) -> bool {
        match pending.stage {
            Stage::Sent(_) | Stage::NeedsToken => true,
            Stage::Waiting { at, for_network } => for_network || at <= self.now.saturating_add(PATIENCE_MS),
            Stage::Held => false,
        }
    }

    /// Makes the requests that need not wait any longer.
    pub(crate) fn release_requests(&mut self) {
        let held = self.requests.pending.iter().filter(|pending| matches!(pending.stage, Stage::Held));
        let ids: Vec<u64> = held.map(|pending| pending.id).collect();
        for id in ids {
            self.attempt(id);
        }
    }
}
