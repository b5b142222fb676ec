//! A press of the same caller to the same people while their call rings or lasts: it is that call, and nobody is called twice.

use std::time::Duration;

use ilock_call::Placed;
use ilock_directory::{Directory, DirectoryError, LiveCall, Press, PressLimits, Pressed};
use ilock_env::Clock;
use ilock_events::{CallState, Callee, Millis, PartyId};
use ilock_log::LogError;

use super::live_calls::{LiveCalls, person_at};
use crate::error::{ApiError, TooMany};
use crate::http::asker::Caller;
use crate::http::tenant::{PartyCall, PartyCalls};

/// For how long an entry's call may not be placed yet. A request is given up before that, and Lambda ends it then.
const PLACED_WITHIN_MS: i64 = 10_000;

/// Whether the call of `entry` may be placed any moment, if it was not.
pub fn may_be_placed(entry: &LiveCall, now: Millis) -> bool {
    now < entry.at.plus(PLACED_WITHIN_MS)
}

/// How often the phones of one call are told again, at most.
const TOLD_EVERY_MS: i64 = 5_000;

/// How long a press waits for another that is about to place the same call.
const WAITS: [Duration; 7] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// The call that `live` names as it stands for a further press of its caller.
enum Standing {
    /// It rings or lasts.
    Lives(Box<PartyCall>),
    /// It may be placed any moment.
    Pending,
    /// It is over, or came to nothing.
    Over,
}

/// Whether a further press is one for this call.
fn takes_presses(call: &Placed, now: Millis) -> bool {
    match call.state {
        CallState::Active => true,
        CallState::Ringing => now < call.terms.deadline,
        _ => false,
    }
}

/// A call that a press repeats, and the entry that names it.
pub type Earlier = (PartyCall, LiveCall);

/// Presses of one caller.
pub struct Repeats<'a> {
    pub calls: &'a PartyCalls,
    pub directory: &'a Directory,
    pub clock: &'a Clock,
    pub caller: &'a Caller,
    /// How often a caller may press; none where nothing is limited.
    pub limits: Option<PressLimits>,
}

impl Repeats<'_> {
    /// The call that the press is a repetition of; none where it is to place a call of its own, for which its entries stand
    /// then.
    ///
    /// # Errors
    /// 503 where another press is about to place the call and does not; what directory and log report.
    pub async fn earlier(&self, live: &mut LiveCalls) -> Result<Option<Earlier>, ApiError> {
        let mut waits = WAITS.into_iter();
        loop {
            let Some(standing) = live.standing().cloned() else { return Ok(None) };
            match self.stands(live, &standing).await? {
                Standing::Lives(call) => return Ok(Some((*call, standing))),
                Standing::Over => {
                    if live.take_over(self.directory, &standing).await? {
                        return Ok(None);
                    }
                }
                Standing::Pending => tokio::time::sleep(waits.next().ok_or(ApiError::Busy)?).await,
            }
            live.look_again(self.directory, self.clock.now()).await?;
        }
    }

    async fn stands(&self, live: &LiveCalls, standing: &LiveCall) -> Result<Standing, ApiError> {
        let now = self.clock.now();
        // An earlier try of the same request.
        let same = standing.request.is_some() && standing.request == live.own.request;
        if same || standing.call_id == live.own.call_id {
            return Ok(Standing::Over);
        }
        match self.calls.of_party(self.caller, &standing.call_id).await {
            Ok(call) => {
                let placed = call.placed()?;
                let lives = placed.terms.caller == self.caller.party && takes_presses(placed, now);
                Ok(if lives { Standing::Lives(Box::new(call)) } else { Standing::Over })
            }
            Err(ApiError::NotFound(_)) if may_be_placed(standing, now) => Ok(Standing::Pending),
            Err(ApiError::NotFound(_)) => Ok(Standing::Over),
            // What was changed in the log, or cannot be read, keeps nobody from calling.
            Err(ApiError::Log(error @ (LogError::Broken { .. } | LogError::Item { .. }))) => {
                tracing::warn!(call_id = %standing.call_id, %error, "an earlier call could not be read");
                Ok(Standing::Over)
            }
            Err(error) => Err(error),
        }
    }

    /// The press of `request`, which repeats another, counts for its caller and not for the pair.
    ///
    /// # Errors
    /// 42901; what the directory says.
    pub async fn count_for_caller(&self, pressed: Option<Pressed>, request: &str, now: Millis) -> Result<(), ApiError> {
        let (Some(limits), Some(pressed)) = (self.limits, pressed) else { return Ok(()) };
        let caller = self.caller.at();
        if let Pressed::Yes(slot) = pressed {
            return Ok(self.directory.press_repeated(&caller, &slot).await?);
        }
        // What was too much for the pair was not counted at all.
        match self.directory.press(&Press { caller: &caller, callees: &[], request, at: now }, limits).await? {
            Pressed::CallerTooOften { retry_after_ms } => Err(ApiError::TooOften(TooMany::Presses { retry_after_ms })),
            Pressed::Yes(_) | Pressed::PairTooOften { .. } => Ok(()),
        }
    }

    /// Tells those phones again of `call` that have not said that they ring.
    pub async fn tell_again(&self, live: &LiveCalls, call: &PartyCall, standing: &LiveCall) {
        let silent: Vec<_> = silent(call).iter().map(|id| person_at(&self.caller.tenant, id)).collect();
        if call.call.state() != Some(CallState::Ringing) || silent.is_empty() {
            return;
        }
        match self.may_tell(live, standing).await {
            Ok(true) => self.calls.ring_again(call, &silent).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(call_id = %call.call.id, %error, "phones were not told again"),
        }
    }

    /// Whether this press tells the phones again: of all within five seconds one does.
    async fn may_tell(&self, live: &LiveCalls, standing: &LiveCall) -> Result<bool, DirectoryError> {
        let now = self.clock.now();
        let (Some(first), true) = (live.found.first(), now.since(standing.told) >= TOLD_EVERY_MS) else {
            return Ok(false);
        };
        self.directory.move_live(&first.at, standing, &LiveCall { told: now, ..standing.clone() }).await
    }
}

/// Those among the callees of `call` of whom some phone has not said that it rings.
fn silent(call: &PartyCall) -> Vec<PartyId> {
    let Ok(placed) = call.placed() else { return vec![] };
    let first = placed.alerted.iter().map(|alerted| (&alerted.callee, alerted.client_id.as_ref()));
    let later = call.alerts.iter().map(|alert| (&alert.callee, alert.client_id.as_ref()));
    let alerted: Vec<_> = first.chain(later).collect();
    let has_alerted = |callee: &Callee| {
        let by = |client| alerted.iter().any(|(id, by)| **id == callee.id && by.is_none_or(|by| by == client));
        callee.clients.iter().all(by)
    };
    let rings = placed.terms.callees.iter().filter(|callee| !placed.is_out(callee) && !has_alerted(callee));
    rings.map(|callee| callee.id.clone()).collect()
}
