//! Load, decide, append, deliver: the one way in which a command runs.

use std::sync::Arc;

use ilock_call::{Placed, Refusal, decide};
use ilock_events::{
    Act, Actor, CallId, CallState, Command, CommandId, Commit, CommitNo, Party, Personal, PersonalText, TenantId,
};
use ilock_log::{EventLog, History, Ran, salted};
use ilock_notify::RingTimer;
use tracing::Span;

use crate::answer::ApiError;
use crate::metrics;
use crate::telling::Telling;
use ilock_env::{Clock, random};

/// The longest reason that is kept, in bytes.
pub const MAX_REASON: usize = 1000;

/// The key under which a call expires: the same at every try, so that a repeated alarm is one command.
const EXPIRE_KEY: &str = "expire";

/// Commands, and the calls that they are given to.
#[derive(Clone)]
pub struct Calls {
    /// The log.
    pub log: EventLog,
    /// Who tells what follows.
    pub telling: Telling,
    /// What ends the ringing.
    pub timer: Arc<dyn RingTimer>,
    /// The time.
    pub clock: Clock,
}

/// One command, before its personal text has a digest.
pub struct Order {
    /// Whose call it is.
    pub tenant: TenantId,
    /// Whose hand.
    pub actor: Actor,
    /// Under which key.
    pub key: CommandId,
    /// What.
    pub act: Act,
    /// Text that goes beside the commit.
    pub words: Words,
}

/// Personal text of an order.
pub enum Words {
    /// To be kept once it is clear that the order is worth it.
    ToKeep(PersonalText),
    /// Kept already, while something else had to be waited for; dropped again if no commit comes to name it.
    Kept(Option<Personal>),
}

impl Calls {
    /// Runs `order` on the call that `history` has, and tells what follows from it. `history` is up to date afterwards.
    ///
    /// # Errors
    /// A refusal, or what the log says.
    pub async fn run(&self, history: &mut History, order: Order) -> Result<(), ApiError> {
        self.run_at(history, order, &self.clock).await
    }

    /// As [`Calls::run`], at the time that `clock` tells.
    ///
    /// # Errors
    /// As [`Calls::run`].
    pub async fn run_at(&self, history: &mut History, order: Order, clock: &Clock) -> Result<(), ApiError> {
        let Order { tenant, actor, key, act, words } = order;
        let call_id = history.call.id.clone();
        Span::current().record("call_id", call_id.as_str());
        let (personal, kept) = match words {
            Words::ToKeep(words) => (salted(words, random()?)?, false),
            Words::Kept(personal) => (personal, true),
        };
        let act = act.with_personal(personal.as_ref().map(|personal| personal.digest.clone()));
        let command = Command { id: key, actor, act };
        // What would be refused anyway leaves nothing behind.
        let worth_writing = decide(&history.call, &command, clock.now()).is_ok_and(|events| !events.is_empty());
        if let Some(personal) = personal.as_ref().filter(|_| worth_writing) {
            if !kept {
                self.log.keep_personal(&call_id, personal).await?;
            }
            history.personal.push(personal.clone());
        }
        let known = history.commits.len();
        let ran = self.log.run(history, &tenant, &command, clock).await?;
        count_lost(&ran, history.commits.len() - known.min(history.commits.len()));
        let named = matches!(&ran, Ran::Committed(commit) if commit.cmd == command.stored());
        if (worth_writing || kept) && !named {
            self.drop_words(&call_id, personal).await;
        }
        match ran {
            Ran::Committed(commit) => {
                self.committed(history, &commit).await;
                Ok(())
            }
            Ran::DoneBefore => {
                if worth_writing {
                    // The same request was quicker; what it said lies beside its commit.
                    *history = self.log.load(&call_id).await?;
                }
                Ok(())
            }
            Ran::Refused(Refusal::TooLate { state: CallState::Missed, .. })
                if history.call.state() == Some(CallState::Ringing) =>
            {
                // Nobody has written down yet that time is up, and somebody who was quicker may still be on the way
                // to the log: "missed" is only true once it stands there.
                self.expire(history, clock).await?;
                Err(decide(&history.call, &command, clock.now()).err().map_or(ApiError::Busy, ApiError::from))
            }
            Ran::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Keeps `words` beside a call that is about to get them; what becomes of the call, [`Words::Kept`] or
    /// [`Calls::drop_words`] must follow.
    ///
    /// # Errors
    /// What the log says.
    pub async fn keep_words(&self, call_id: &CallId, words: PersonalText) -> Result<Option<Personal>, ApiError> {
        let personal = salted(words, random()?)?;
        if let Some(personal) = &personal {
            self.log.keep_personal(call_id, personal).await?;
        }
        Ok(personal)
    }

    /// Drops words that no commit names.
    pub async fn drop_words(&self, call_id: &CallId, personal: Option<Personal>) {
        if let Some(personal) = personal
            && let Err(error) = self.log.drop_personal(call_id, &personal).await
        {
            tracing::warn!(%call_id, %error, "unused personal text stays until the call's is forgotten");
        }
    }

    /// Ends the ringing, if its time is up and nobody was quicker.
    ///
    /// # Errors
    /// [`Refusal::StillRinging`], or what the log says.
    pub async fn expire(&self, history: &mut History, clock: &Clock) -> Result<(), ApiError> {
        let tenant = placed(history)?.tenant.clone();
        let id = CommandId::new(EXPIRE_KEY).map_err(|bad| ApiError::Internal(bad.to_string()))?;
        let command = Command { id, actor: Actor::Timer, act: Act::Expire {} };
        match self.log.run(history, &tenant, &command, clock).await? {
            Ran::Committed(commit) => {
                self.committed(history, &commit).await;
                Ok(())
            }
            Ran::Refused(still @ Refusal::StillRinging { .. }) => Err(still.into()),
            Ran::DoneBefore | Ran::Refused(_) => Ok(()),
        }
    }

    async fn committed(&self, history: &History, commit: &Commit) {
        Span::current().record("n", commit.n.0);
        tracing::info!(call_id = %commit.call_id, n = %commit.n, kind = commit.cmd.kind, state = commit.state.word(), "committed");
        if commit.n == CommitNo::FIRST {
            ::metrics::counter!(metrics::CALLS_PLACED).increment(1);
        }
        self.telling.at_once(history, commit).await;
    }
}

/// Counts the commits that somebody else was quicker with.
fn count_lost(ran: &Ran, seen: usize) {
    let own = usize::from(matches!(ran, Ran::Committed(_)));
    ::metrics::counter!(metrics::RACES_LOST).increment(metrics::count(seen.saturating_sub(own)));
}

/// The history of `call_id`, for one of its parties. To everybody else the call does not exist.
///
/// # Errors
/// 404, or what the log says.
pub async fn of_party(log: &EventLog, call_id: &CallId, tenant: &TenantId, party: &Party) -> Result<History, ApiError> {
    Span::current().record("call_id", call_id.as_str());
    let history = log.load(call_id).await?;
    match &history.call.placed {
        Some(placed) if placed.tenant == *tenant && placed.involves(party) => Ok(history),
        _ => Err(ApiError::NotFound("call")),
    }
}

/// The call that `history` has. It is known to be placed wherever this is asked.
///
/// # Errors
/// 404 when it is not.
pub fn placed(history: &History) -> Result<&Placed, ApiError> {
    history.call.placed.as_ref().ok_or(ApiError::NotFound("call"))
}
