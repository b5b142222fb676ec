//! Load, decide, append, deliver: the one way in which a command becomes a commit.

use std::sync::Arc;

use futures::future::try_join_all;
use ilock_call::{GRACE_MS, Placed, Refusal, decide};
use ilock_directory::Directory;
use ilock_env::{Clock, random};
use ilock_events::{
    Act, Actor, Alert, CallId, CallState, ClientProof, Command, CommandId, Commit, CommitNo, Millis, Nonce, Party,
    PartyAddress, PartyId, PartyKind, Personal, PersonalText, Reason, TenantId,
};
use ilock_log::{CommandOutcome, EventLog, History, KeptText, NAMED_WITHIN_MS, Placing};
use ilock_notify::RingTimer;
use ilock_proof::salt_personal;
use tracing::Span;

use crate::error::ApiError;
use crate::metrics;
use crate::service::delivery::Notifier;
use crate::service::rung::{AtHand, Rung};

/// The longest reason that is kept, in characters.
pub const MAX_REASON: usize = 1000;

/// The key under which a call expires: the same at every try, so that a repeated alarm is one command.
const EXPIRE_KEY: &str = "expire";

/// The key under which a call that has lasted for as long as it may ends.
const LIMIT_KEY: &str = "limit";

/// Executes commands on calls.
#[derive(Clone)]
pub struct Calls {
    /// The event log.
    pub log: EventLog,
    /// Tells those whom a commit concerns.
    pub notifier: Notifier,
    /// Ends the ringing.
    pub timer: Arc<dyn RingTimer>,
    /// Knows who is in the rooms of calls.
    pub directory: Directory,
    /// Decides what is too late.
    pub clock: Clock,
}

/// A command as a function asks for it: its personal text has no digest yet.
pub struct CommandRequest {
    /// The tenant of the call.
    pub tenant: TenantId,
    pub actor: Actor,
    /// How it is known by which client of theirs.
    pub client_is: Option<ClientProof>,
    /// The idempotency key.
    pub key: CommandId,
    /// What is to be done.
    pub act: Act,
    /// Text that goes beside the commit.
    pub personal: PersonalData,
    /// What is known of those whom it rings: a command that rings nobody needs nothing.
    pub rung: Rung,
}

/// Personal text of a command.
pub enum PersonalData {
    /// Saved once it is clear that the command will lead to a commit.
    Unsaved(PersonalText),
    /// Saved already, while something else had to be waited for; dropped again if no commit comes to name it.
    Saved(Option<Personal>),
}

/// Whose work it is that a command which was not refused is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Execution {
    /// That of this request.
    Committed,
    /// An earlier one, or that of a copy of this request which was quicker: this request changed nothing.
    DoneBefore,
}

impl Calls {
    /// Executes `request` on the call that `history` has, at the time of `clock`, and tells whom it concerns. `history` is
    /// up to date afterwards.
    ///
    /// # Errors
    /// A refusal, or what the log reports.
    pub async fn execute(
        &self,
        history: &mut History,
        request: CommandRequest,
        clock: &Clock,
    ) -> Result<Execution, ApiError> {
        let CommandRequest { tenant, actor, client_is, key, act, personal, rung } = request;
        let call_id = history.call.id.clone();
        Span::current().record("call_id", call_id.as_str());
        let (personal, saved) = match personal {
            PersonalData::Unsaved(text) => (salted(text)?, false),
            PersonalData::Saved(personal) => (personal, true),
        };
        let act = act.with_personal(personal.as_ref().map(|personal| personal.digest.clone()));
        let command = Command { id: key, nonce: Nonce::of(random()?), client_is, actor, act };
        // What would be refused anyway leaves nothing behind.
        let worth_writing = decide(&history.call, &command, clock.now()).is_ok_and(|events| !events.is_empty());
        if let Some(personal) = personal.as_ref().filter(|_| worth_writing) {
            if !saved {
                match placing(&tenant, &command, clock.now()) {
                    Some(placing) => self.log.keep_personal_of(&placing, &call_id, personal, clock.now()).await?,
                    None => self.log.keep_personal(&call_id, personal, clock.now()).await?,
                }
            }
            history.personal.push(personal.clone());
        }
        let known = history.commits.len();
        let outcome = self.log.execute(history, &tenant, &command, clock).await?;
        let at_hand = self.notifier.at_hand(rung);
        count_lost(&outcome, history.commits.len() - known.min(history.commits.len()));
        let named = matches!(&outcome, CommandOutcome::Committed(commit) if commit.cmd == command.stored());
        if (worth_writing || saved) && !named {
            self.drop_personal(&call_id, personal).await;
        }
        match outcome {
            CommandOutcome::Committed(commit) => {
                self.committed(history, &commit, &at_hand).await;
                Ok(Execution::Committed)
            }
            CommandOutcome::DoneBefore => {
                if worth_writing {
                    // The same request was quicker; its text lies beside its commit.
                    *history = self.log.load(&call_id).await?;
                }
                Ok(Execution::DoneBefore)
            }
            CommandOutcome::Refused(Refusal::TooLate { state: CallState::Missed, .. })
                if history.call.state() == Some(CallState::Ringing) =>
            {
                // Nobody has written down yet that time is up, and somebody who was quicker may still be on the way
                // to the log: "missed" is only true once it stands there.
                self.expire(history, clock).await?;
                Err(decide(&history.call, &command, clock.now()).err().map_or(ApiError::Busy, ApiError::from))
            }
            CommandOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Saves `text` beside a call that is about to get a commit that names it. Whatever becomes of the call,
    /// [`PersonalData::Saved`] or [`Calls::drop_personal`] must follow.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn save_personal(
        &self,
        placing: &Placing,
        call_id: &CallId,
        text: PersonalText,
        at: Millis,
    ) -> Result<Option<Personal>, ApiError> {
        let personal = salted(text)?;
        if let Some(personal) = &personal {
            self.log.keep_personal_of(placing, call_id, personal, at).await?;
        }
        Ok(personal)
    }

    /// Drops text that no commit of the call names: whoever kept it was ended before the commit. Answers until when one may
    /// still come to name what is left, where one may.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn drop_left_behind(&self, history: &History) -> Result<Option<Millis>, ApiError> {
        if history.personal.iter().all(|personal| history.names(&personal.digest)) {
            return Ok(None);
        }
        let (texts, now) = (self.log.kept_texts(&history.call.id).await?, self.clock.now());
        let unnamed = texts.into_iter().filter(|text| !history.names(text.digest()));
        let (left, awaited): (Vec<_>, Vec<_>) = unnamed.partition(|text| text.is_left_behind(now));
        try_join_all(left.iter().map(|text| self.log.drop_left_behind(text))).await?;
        Ok(awaited.iter().filter_map(KeptText::unplaced_until).max())
    }

    /// Drops text that no commit names.
    pub async fn drop_personal(&self, call_id: &CallId, personal: Option<Personal>) {
        if let Some(personal) = personal
            && let Err(error) = self.log.drop_personal(call_id, &personal).await
        {
            tracing::warn!(%call_id, %error, "unused personal text stays until the call's is forgotten");
        }
    }

    /// Ends the ringing, if its time is up and nobody was quicker.
    ///
    /// # Errors
    /// [`Refusal::StillRinging`], or what the log reports.
    pub async fn expire(&self, history: &mut History, clock: &Clock) -> Result<(), ApiError> {
        self.by_timer(history, EXPIRE_KEY, Act::Expire {}, clock).await
    }

    /// Ends an answered call, if it has lasted for as long as it may and nobody was quicker.
    ///
    /// # Errors
    /// [`Refusal::StillActive`], or what the log reports.
    pub async fn end_at_limit(&self, history: &mut History, clock: &Clock) -> Result<(), ApiError> {
        self.by_timer(history, LIMIT_KEY, Act::End { reason: Reason::Limit }, clock).await
    }

    async fn by_timer(&self, history: &mut History, key: &str, act: Act, clock: &Clock) -> Result<(), ApiError> {
        let tenant = placed(history)?.tenant.clone();
        let id = CommandId::new(key).map_err(|bad| ApiError::Internal(bad.to_string()))?;
        let command = Command { id, nonce: Nonce::of(random()?), client_is: None, actor: Actor::Timer, act };
        match self.log.execute(history, &tenant, &command, clock).await? {
            CommandOutcome::Committed(commit) => {
                self.committed(history, &commit, &self.notifier.at_hand(Rung::default())).await;
                Ok(())
            }
            CommandOutcome::Refused(still @ (Refusal::StillRinging { .. } | Refusal::StillActive { .. })) => {
                Err(still.into())
            }
            CommandOutcome::DoneBefore | CommandOutcome::Refused(_) => Ok(()),
        }
    }

    /// Keeps that one more phone rings, where the first has said so before. Answers whether that is new.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn keep_alert(&self, history: &mut History, alert: Alert) -> Result<Execution, ApiError> {
        let new = self.log.keep_alert(&history.call.id, &alert).await?;
        history.alerts.push(alert);
        Ok(if new { Execution::Committed } else { Execution::DoneBefore })
    }

    async fn committed(&self, history: &History, commit: &Commit, at_hand: &AtHand) {
        Span::current().record("n", commit.n.0);
        tracing::info!(call_id = %commit.call_id, n = %commit.n, kind = commit.cmd.kind, state = commit.state.word(), "committed");
        if commit.n == CommitNo::FIRST
            && let Some(placed) = &history.call.placed
        {
            metrics::count_placed(placed);
        }
        self.notifier.deliver_now(history, commit, at_hand).await;
    }
}

/// The call that `caller` places to `callees`, whose ringing would end at `ends`.
#[must_use]
pub fn placing_of(tenant: &TenantId, caller: &Party, callees: &[&PartyId], ends: Millis) -> Placing {
    let callees = callees.iter().map(|id| Party { kind: PartyKind::User, id: (*id).clone() });
    let parties =
        std::iter::once(caller.clone()).chain(callees).map(|party| PartyAddress::of(tenant, &party)).collect();
    Placing { parties, until: ends.plus(NAMED_WITHIN_MS) }
}

fn placing(tenant: &TenantId, command: &Command, now: Millis) -> Option<Placing> {
    let Act::Place { callees, ring_seconds, .. } = &command.act else { return None };
    let callees: Vec<&PartyId> = callees.iter().map(|callee| &callee.id).collect();
    let ends = now.plus(i64::from(*ring_seconds) * 1000 + GRACE_MS);
    Some(placing_of(tenant, &command.actor.party()?, &callees, ends))
}

/// Counts the commits that somebody else was quicker with.
fn count_lost(outcome: &CommandOutcome, seen: usize) {
    let own = usize::from(matches!(outcome, CommandOutcome::Committed(_)));
    ::metrics::counter!(metrics::RACES_LOST).increment(metrics::count(seen.saturating_sub(own)));
}

fn salted(text: PersonalText) -> Result<Option<Personal>, ApiError> {
    salt_personal(text, random()?).map_err(|error| ApiError::Internal(error.to_string()))
}

/// The call that `history` has. It is known to be placed wherever this is asked.
///
/// # Errors
/// 404 when it is not.
pub fn placed(history: &History) -> Result<&Placed, ApiError> {
    history.call.placed.as_ref().ok_or(ApiError::NotFound("call"))
}
