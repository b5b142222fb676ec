//! Load, decide, append, deliver: the one way in which a command runs.

use std::sync::Arc;

use ilock_call::{Placed, Refusal, decide};
use ilock_events::{Act, Actor, CallId, CallState, Command, CommandId, Commit, Millis, Party, PersonalText, TenantId};
use ilock_log::{EventLog, History, Ran, salted};
use ilock_notify::RingTimer;

use crate::answer::ApiError;
use crate::clock::{Clock, random};
use crate::telling::Telling;

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
    pub words: PersonalText,
}

impl Calls {
    /// The history of `call_id`, for one of its parties. To everybody else the call does not exist.
    ///
    /// # Errors
    /// 404, or what the log says.
    pub async fn of_party(&self, call_id: &CallId, tenant: &TenantId, party: &Party) -> Result<History, ApiError> {
        let history = self.log.load(call_id).await?;
        match &history.call.placed {
            Some(placed) if placed.tenant == *tenant && placed.involves(party) => Ok(history),
            _ => Err(ApiError::NotFound("call")),
        }
    }

    /// Runs `order` on the call that `history` has, and tells what follows from it. `history` is up to date afterwards.
    ///
    /// # Errors
    /// A refusal, or what the log says.
    pub async fn run(&self, history: &mut History, order: Order) -> Result<(), ApiError> {
        let clock = self.clock.clone();
        self.run_at(history, order, &move || clock.now()).await
    }

    /// As [`Calls::run`], at the time that `clock` tells.
    ///
    /// # Errors
    /// As [`Calls::run`].
    pub async fn run_at(
        &self,
        history: &mut History,
        order: Order,
        clock: &(dyn Fn() -> Millis + Sync),
    ) -> Result<(), ApiError> {
        let Order { tenant, actor, key, act, words } = order;
        let call_id = history.call.id.clone();
        let personal = salted(words, random()?)?;
        let act = act.with_personal(personal.as_ref().map(|personal| personal.digest.clone()));
        let command = Command { id: key, actor, act };
        // What would be refused anyway leaves nothing behind.
        let worth_writing = decide(&history.call, &command, clock()).is_ok_and(|events| !events.is_empty());
        if let Some(personal) = personal.as_ref().filter(|_| worth_writing) {
            self.log.keep_personal(&call_id, personal).await?;
            history.personal.push(personal.clone());
        }
        let ran = self.log.run(history, &tenant, &command, clock).await?;
        if let Some(personal) = personal.filter(|_| worth_writing) {
            let named = matches!(&ran, Ran::Committed(commit) if commit.cmd == command.stored());
            if !named && let Err(error) = self.log.drop_personal(&call_id, &personal).await {
                tracing::warn!(%call_id, %error, "unused personal text stays until the call's is forgotten");
            }
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
                Err(decide(&history.call, &command, clock()).err().map_or(ApiError::Busy, ApiError::from))
            }
            Ran::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Ends the ringing, if its time is up and nobody was quicker.
    ///
    /// # Errors
    /// [`Refusal::StillRinging`], or what the log says.
    pub async fn expire(&self, history: &mut History, clock: &(dyn Fn() -> Millis + Sync)) -> Result<(), ApiError> {
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
        tracing::info!(call_id = %commit.call_id, n = %commit.n, kind = commit.cmd.kind, state = commit.state.word(), "committed");
        self.telling.at_once(history, commit).await;
    }
}

/// The call that `history` has. It is known to be placed wherever this is asked.
///
/// # Errors
/// 404 when it is not.
pub fn placed(history: &History) -> Result<&Placed, ApiError> {
    history.call.placed.as_ref().ok_or(ApiError::NotFound("call"))
}
