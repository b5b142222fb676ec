//! The one way in which a command becomes a commit: load, decide, append; lose, fold what won, decide again.

use ilock_call::{Call, Refusal, decide};
use ilock_env::Clock;
use ilock_events::{CallEvent, CallState, Command, Commit, CommitNo, Millis, TenantId};
use ilock_proof::{commit_hash, first_prev};

use crate::append::Append;
use crate::error::LogError;
use crate::item::unreadable;
use crate::load::{History, check};
use crate::log::EventLog;

/// How often a command may lose the race before it is sent back. Each loss is somebody else's commit, and a call takes
/// few: only alerts of many phones at once come near it.
const MAX_TRIES: usize = 64;

/// What became of a command.
#[derive(Debug)]
#[must_use]
pub enum CommandOutcome {
    /// It led to this commit.
    Committed(Box<Commit>),
    /// The same actor had done it before, under this key; nothing was written.
    DoneBefore,
    /// The domain does not do it.
    Refused(Refusal),
}

impl EventLog {
    /// Decides `command` on what `history` knows of the call and commits what follows; `history` is brought up to
    /// date on the way, whatever the outcome. `clock` is asked anew at each try.
    ///
    /// # Errors
    /// [`LogError`]: nothing is known to have been written.
    pub async fn execute(
        &self,
        history: &mut History,
        tenant: &TenantId,
        command: &Command,
        clock: &Clock,
    ) -> Result<CommandOutcome, LogError> {
        for _ in 0..MAX_TRIES {
            let now = clock.now();
            let events = match decide(&history.call, command, now) {
                Ok(events) if events.is_empty() => return Ok(CommandOutcome::DoneBefore),
                Ok(events) => events,
                Err(refusal) => return Ok(CommandOutcome::Refused(refusal)),
            };
            let commit = self.next_commit(&history.call, tenant, command, &events, now)?;
            match self.append(&commit).await? {
                Append::Written => {
                    history.push(commit.clone())?;
                    return Ok(CommandOutcome::Committed(Box::new(commit)));
                }
                Append::Taken(Some(winner)) => {
                    // Our own write, sent again by the SDK after its answer was lost. Another request under the same
                    // key has another nonce.
                    let ours = winner.cmd == command.stored() && winner.actor == command.actor;
                    history.push((*winner).clone())?;
                    if ours {
                        return Ok(CommandOutcome::Committed(winner));
                    }
                }
                Append::Taken(None) => {
                    *history = self.load(&history.call.id).await?;
                    let stored = command.stored();
                    let ours = |commit: &&Commit| commit.cmd == stored && commit.actor == command.actor;
                    if let Some(own) = history.commits.iter().find(ours) {
                        return Ok(CommandOutcome::Committed(Box::new(own.clone())));
                    }
                }
            }
        }
        Err(LogError::Contended { call_id: history.call.id.clone() })
    }

    fn next_commit(
        &self,
        call: &Call,
        tenant: &TenantId,
        command: &Command,
        events: &[CallEvent],
        now: Millis,
    ) -> Result<Commit, LogError> {
        let mut after = call.clone();
        for event in events {
            after.apply(event, command, now, tenant);
        }
        let (n, prev) = match &call.head {
            None => (CommitNo::FIRST, first_prev(&call.id)),
            Some((head, hash)) => (head.next(), hash.clone()),
        };
        let mut commit = Commit {
            call_id: call.id.clone(),
            n,
            prev,
            tenant: tenant.clone(),
            cmd: command.stored(),
            events: events.iter().map(CallEvent::stored).collect(),
            state: after.state().unwrap_or(CallState::Failed),
            actor: command.actor.clone(),
            at: now,
            personal_until: events.iter().any(|event| event.personal().is_some()).then(|| self.personal_until(now)),
            hash: String::new(),
        };
        commit.hash = commit_hash(&commit).map_err(unreadable("commit"))?;
        // What we would refuse to read, we do not write.
        check(&mut call.clone(), &commit)?;
        Ok(commit)
    }
}
