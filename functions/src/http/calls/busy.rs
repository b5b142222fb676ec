//! What else those are in who are called: another call makes them busy, and too many strangers at once are too many. The
//! entries only say where to look: what counts is each call as the log has it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};
use ilock_call::Placed;
use ilock_directory::{Directory, LiveCall};
use ilock_events::{Busy, CallId, CallState, Millis, Party, PartyAddress, PartyId, PartyKind, WhenBusy};

use super::callees::Callees;
use super::live_calls::{Found, LiveCalls};
use super::repeat::may_be_placed;
use crate::error::{ApiError, TooMany};
use crate::http::asker::Caller;
use crate::http::tenant::PartyCalls;

/// How many calls are looked at of one person, the newest first; of what is beyond that nothing is said.
const LOOKED_AT: usize = 16;

/// How a person's calls are looked into.
pub struct Beside<'a> {
    pub calls: &'a PartyCalls,
    pub directory: &'a Directory,
    pub caller: &'a Caller,
    pub now: Millis,
    /// How many calls of strangers may ring one person at a time; none where nothing is limited.
    pub strangers: Option<usize>,
}

/// The calls that entries name, as the log has them; none where one was not placed.
type Known = BTreeMap<CallId, Option<Placed>>;

/// Entries of calls that are over, and at whom they stand.
pub type Outdated = Vec<(PartyAddress, Vec<LiveCall>)>;

impl Beside<'_> {
    /// Notes in `callees` who is in another call, and what their setting makes of that, and leaves out whom too many strangers
    /// ring. Answers which entries are out of date.
    ///
    /// # Errors
    /// 42903 where too many strangers ring everybody; what the directory says.
    pub async fn look(&self, live: &LiveCalls, callees: &mut Callees) -> Result<Outdated, ApiError> {
        if live.found.iter().all(|found| found.entered.others.is_empty()) {
            return Ok(vec![]);
        }
        let known = self.known(live).await;
        let (mut left_out, mut too_many) = (BTreeSet::new(), None);
        for found in &live.found {
            let Some(callee) = callees.rung.iter_mut().find(|callee| Some(&callee.id) == found.callee.as_ref()) else {
                continue;
            };
            // Of those who have blocked the caller too: they must look like everybody else.
            match self.not_too_many(found, &callee.id, &known).await {
                Err(refused @ ApiError::TooOften(_)) => {
                    left_out.insert(callee.id.clone());
                    too_many = Some(refused);
                    continue;
                }
                looked => looked?,
            }
            if callee.busy.is_some() {
                continue;
            }
            let others = looked_at(found).filter_map(|other| known.get(&other.call_id)?.as_ref());
            if others.into_iter().any(|call| is_in(call, &callee.id, self.now)) {
                callee.busy = Some(match self.directory.settings(&found.at).await?.when_busy {
                    WhenBusy::Ring => Busy::Waiting,
                    WhenBusy::Refuse => Busy::Refused,
                });
            }
        }
        callees.rung.retain(|callee| !left_out.contains(&callee.id));
        match too_many {
            Some(refused) if callees.rung.is_empty() => Err(refused),
            _ => Ok(self.outdated(live, &known)),
        }
    }

    /// A call that cannot be read makes nobody busy, and stays where it is.
    async fn known(&self, live: &LiveCalls) -> Known {
        let named: BTreeSet<&CallId> = live.found.iter().flat_map(looked_at).map(|other| &other.call_id).collect();
        let loaded = join_all(
            named
                .into_iter()
                .map(|call_id| async move { (call_id.clone(), self.calls.known(&self.caller.tenant, call_id).await) }),
        );
        let read = |(call_id, known): (CallId, Result<Option<Placed>, ApiError>)| match known {
            Ok(known) => Some((call_id, known)),
            Err(error) => {
                tracing::warn!(%call_id, %error, "a call that somebody may be in could not be read");
                None
            }
        };
        loaded.await.into_iter().filter_map(read).collect()
    }

    fn outdated(&self, live: &LiveCalls, known: &Known) -> Outdated {
        let over = |other: &&LiveCall| match known.get(&other.call_id) {
            Some(Some(call)) => call.state.is_final(),
            Some(None) => !may_be_placed(other, self.now),
            None => false,
        };
        let at_one = |found: &Found| {
            let over: Vec<LiveCall> = looked_at(found).filter(over).cloned().collect();
            (!over.is_empty()).then(|| (found.at.clone(), over))
        };
        live.found.iter().filter_map(at_one).collect()
    }

    /// Refuses one more stranger where as many ring the person as may.
    async fn not_too_many(&self, found: &Found, person: &PartyId, known: &Known) -> Result<(), ApiError> {
        let Some(most) = self.strangers.filter(|_| self.caller.party.kind == PartyKind::User) else { return Ok(()) };
        let ringing: Vec<(&LiveCall, Option<&Placed>)> = looked_at(found)
            .filter(|other| other.by == PartyKind::User && other.deadline > self.now)
            .filter_map(|other| Some((other, known.get(&other.call_id)?.as_ref())))
            .filter(|(other, call)| match call {
                Some(call) => rings(call, person),
                None => may_be_placed(other, self.now),
            })
            .collect();
        if ringing.len() < most || self.directory.knows(&found.at, &self.caller.at()).await? {
            return Ok(());
        }
        let strangers = try_join_all(ringing.iter().map(|(other, call)| async move {
            let Some(call) = call else { return Ok(Some(other.deadline)) };
            let caller = PartyAddress::of(&call.tenant, &call.terms.caller);
            let known = self.directory.knows(&found.at, &caller).await?;
            Ok::<_, ApiError>((!known).then_some(other.deadline))
        }));
        let deadlines: Vec<Millis> = strangers.await?.into_iter().flatten().collect();
        match deadlines.iter().min() {
            Some(first) if deadlines.len() >= most => {
                let retry_after_ms = first.since(self.now).max(1);
                Err(ApiError::TooOften(TooMany::Strangers { retry_after_ms }))
            }
            _ => Ok(()),
        }
    }

    /// Takes out what is out of date. It does no harm where it stays.
    pub async fn forget(&self, outdated: &Outdated) {
        let left = outdated.iter().map(|(at, over)| async move {
            let over: Vec<&LiveCall> = over.iter().collect();
            self.directory.leave_live(at, &over).await
        });
        for error in join_all(left).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "entries of calls that are over stay");
        }
    }
}

fn looked_at(found: &Found) -> impl Iterator<Item = &LiveCall> {
    found.entered.others.iter().take(LOOKED_AT)
}

/// Whether `person` is in `call`: has answered it, or waits for an answer, or for who has answered them to hang up.
fn is_in(call: &Placed, person: &PartyId, now: Millis) -> bool {
    let person = Party { kind: PartyKind::User, id: person.clone() };
    match call.state {
        CallState::Active => call.terms.caller == person || call.answerer().as_ref() == Some(&person),
        CallState::Ringing => call.terms.caller == person && now < call.terms.deadline,
        _ => false,
    }
}

/// Whether `call` rings `person`.
fn rings(call: &Placed, person: &PartyId) -> bool {
    let callee = call.terms.callees.iter().find(|callee| callee.id == *person);
    call.state == CallState::Ringing && callee.is_some_and(|callee| callee.is_to_ring() && !call.is_out(callee))
}
