//! One call, as this client knows it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::output::{CallInfo, Ending, Progress, Room};
use crate::requests::Act;
use crate::time::ServerTime;

/// The longest that any call rings, and some.
pub(crate) const LONGEST_RING_MS: i64 = 125_000;
/// An answer counts a little beyond the deadline, and one that was given already can be repeated.
pub(crate) const ANSWER_GRACE_MS: u64 = 10_000;
/// How many calls that are over are remembered, so that late messages about them find no unknown call.
const KEPT: usize = 64;

/// Where a call stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallPhase {
    /// Somebody calls, as it was said; the backend is asked whether that still holds.
    Asking,
    /// It rings here.
    Ringing,
    /// It was declined here, and may ring elsewhere.
    Silenced,
    /// The person answered; the backend has not confirmed it.
    Answering,
    /// This client is in the call.
    Active,
    /// The button was pressed; the backend has not answered.
    Placing,
    /// Placed here, not answered.
    Calling,
    Over,
}

/// A call that is to be cancelled as soon as it has an id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GivenUp {
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them goes with any other")]
pub(crate) struct Call {
    /// None while it is being placed.
    pub id: Option<String>,
    /// The `Idempotency-Key` of the press, of a call that was placed here.
    pub press: Option<String>,
    /// Other keys that name it: those of later presses that the backend answered with this call, and the key under which the
    /// press was made once more.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whom the press was for.
    pub callees: Vec<String>,
    pub phase: CallPhase,
    /// The highest commit that was heard of.
    pub seq: u32,
    /// The ring's deadline; none while it is not known.
    pub expires_at: Option<i64>,
    pub info: CallInfo,
    /// When it was answered, by the backend's clock.
    #[serde(default)]
    pub answered_at: Option<i64>,
    pub room: Option<Room>,
    /// The way in to look and listen, until the ringing is over.
    #[serde(skip)]
    pub preview: Option<Room>,
    /// Whether the app was told to enter the room.
    pub entered: bool,
    /// Whether the app shows it.
    pub shown: bool,
    /// Whether the person knows what became of it: it was shown here, they did something to it, or another of their phones
    /// answered or rejected it. Else they are told, once, if they have missed it.
    #[serde(default)]
    pub noticed: bool,
    /// Why it is over here, or silent.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// When it was placed, by the backend's time; none while that is not known.
    #[serde(default)]
    pub placed_at: Option<i64>,
    /// The last that the app was told of how far it has come, while it rings.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Whether the backend was told that it rings here. After a restart it is told again: its answer has the way in to
    /// look and listen, which is not kept.
    #[serde(skip)]
    pub reported: bool,
    /// Set when the person gave the call up before it had an id.
    pub given_up: Option<GivenUp>,
    /// Whether this client ended it.
    #[serde(default)]
    pub ended_here: bool,
    /// How often the press was made once more, because the backend answered it with a call that had been ended here.
    #[serde(default)]
    pub made_anew: u8,
    /// Nobody waits longer than this for the press to place a call, by the steady clock.
    #[serde(skip)]
    pub place_by: Option<u64>,
    /// It rings no longer than this, by the steady clock.
    #[serde(skip)]
    pub ring_by: Option<u64>,
    /// It rings from then on although nobody has answered the question whether it still does.
    #[serde(skip)]
    pub ask_until: Option<u64>,
    /// The backend takes no answer later than this, by the steady clock; of a call that the person has answered.
    #[serde(skip)]
    pub answer_by: Option<u64>,
    /// What is to be done to it once more when the client is registered again.
    #[serde(skip)]
    pub once_registered: Option<Act>,
    /// How often the backend was asked why the outcome does not come.
    #[serde(skip)]
    pub checks: u32,
    /// When to ask that next.
    #[serde(skip)]
    pub check_at: Option<u64>,
}

impl Call {
    pub fn new(phase: CallPhase) -> Self {
        Self {
            id: None,
            press: None,
            aliases: vec![],
            callees: vec![],
            phase,
            seq: 0,
            expires_at: None,
            info: CallInfo::default(),
            answered_at: None,
            room: None,
            preview: None,
            entered: false,
            shown: false,
            noticed: false,
            ending: None,
            placed_at: None,
            progress: None,
            reported: false,
            given_up: None,
            ended_here: false,
            made_anew: 0,
            place_by: None,
            ring_by: None,
            ask_until: None,
            answer_by: None,
            once_registered: None,
            checks: 0,
            check_at: None,
        }
    }

    pub fn incoming(call_id: &str) -> Self {
        let mut call = Self::new(CallPhase::Asking);
        call.id = Some(call_id.into());
        call.info.call_id = call_id.into();
        call
    }

    /// One that was over before anything else was heard of it. Where its caller gave up, or its time was up, the person may
    /// have missed it.
    pub fn over(call_id: &str, seq: u32, why: Ending) -> Self {
        let mut call = Self::incoming(call_id);
        (call.phase, call.seq, call.ending) = (CallPhase::Over, seq, Some(why));
        call.noticed = why.was_dealt_with();
        call
    }

    pub fn is_outgoing(&self) -> bool {
        self.press.is_some()
    }

    /// Whether it was placed here for these people, in any order.
    pub fn is_for(&self, callees: &[String]) -> bool {
        let people = |list: &[String]| list.iter().cloned().collect::<BTreeSet<String>>();
        self.is_outgoing() && people(&self.callees) == people(callees)
    }

    /// Whether a press for these people is under way that nobody has given up.
    pub fn is_being_placed_for(&self, callees: &[String]) -> bool {
        self.phase == CallPhase::Placing && self.given_up.is_none() && self.is_for(callees)
    }

    /// It is called by the names of this call, too, which is none any more.
    pub fn named_as_well(&mut self, other: Self) {
        let names = other.press.into_iter().chain(other.aliases).filter(|name| self.press.as_ref() != Some(name));
        self.aliases.extend(names.collect::<Vec<_>>());
    }

    /// What ends it at the backend, and what it is then. None before the backend has it, and once it is over.
    pub fn ends_by(&self) -> Option<(Act, Ending)> {
        match self.phase {
            CallPhase::Asking | CallPhase::Ringing | CallPhase::Silenced | CallPhase::Answering => {
                Some((Act::Rejected, Ending::RejectedHere))
            }
            CallPhase::Active if self.is_outgoing() => Some((Act::CallerHangUp, Ending::Ended)),
            CallPhase::Active => Some((Act::HangUp, Ending::Ended)),
            CallPhase::Calling => Some((Act::Cancelled, Ending::Cancelled)),
            CallPhase::Placing | CallPhase::Over => None,
        }
    }

    /// The call's id, or the press of a call that has none.
    pub fn name(&self) -> String {
        self.id.clone().or_else(|| self.press.clone()).unwrap_or_default()
    }

    /// When it stops ringing, by the steady clock: the earliest of what is known.
    pub fn deadline(&self, time: &ServerTime) -> Option<u64> {
        let by_time = self.expires_at.and_then(|at| time.steady(at));
        self.ring_by.into_iter().chain(by_time).min()
    }

    /// When something is to be done about it.
    pub fn due(&self, time: &ServerTime) -> Option<u64> {
        match self.phase {
            CallPhase::Ringing | CallPhase::Silenced => self.deadline(time),
            CallPhase::Asking => self.ask_until.into_iter().chain(self.deadline(time)).min(),
            CallPhase::Calling => self.check_at,
            // The time by the steady clock is not kept over a restart.
            CallPhase::Answering => {
                self.answer_by.or_else(|| Some(self.deadline(time)?.saturating_add(ANSWER_GRACE_MS)))
            }
            CallPhase::Active | CallPhase::Placing | CallPhase::Over => None,
        }
    }

    /// Takes over what a message or an answer says of the caller.
    pub fn describe(
        &mut self,
        caller_id: &str,
        caller_info: Option<&Map<String, Value>>,
        invitation_data: Option<&Map<String, Value>>,
    ) {
        if !caller_id.is_empty() {
            caller_id.clone_into(&mut self.info.caller_id);
        }
        if let Some(caller) = caller_info {
            // White space is nothing to show.
            let text = |field: &str| {
                let text = caller.get(field).and_then(Value::as_str).map(str::trim);
                text.filter(|text| !text.is_empty())
            };
            self.info.caller_info = Value::Object(caller.clone()).to_string();
            self.info.location = text("location").map(str::to_owned);
            if let Some(name) = text("name") {
                name.clone_into(&mut self.info.caller_name);
            }
        }
        if self.info.caller_name.is_empty() {
            self.info.caller_name = self.info.caller_id.clone();
        }
        if self.info.caller_info.is_empty() {
            self.info.caller_info = "{}".into();
        }
        if let Some(data) = invitation_data {
            self.info.invitation_data = Some(Value::Object(data.clone()).to_string());
        }
    }

    /// Whether something about commit `seq` is older than what is known.
    pub fn is_older(&self, seq: Option<u32>) -> bool {
        seq.is_some_and(|seq| seq < self.seq)
    }
}

/// All calls that are known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Calls(pub Vec<Call>);

impl Calls {
    pub fn position(&self, call_id: &str) -> Option<usize> {
        self.0.iter().position(|call| call.id.as_deref() == Some(call_id))
    }

    pub fn by_id(&self, call_id: &str) -> Option<&Call> {
        self.0.get(self.position(call_id)?)
    }

    /// By id, or by the press of a call that has none.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.position(name).or_else(|| self.pressed(name))
    }

    pub fn was_ended_here(&self, call_id: &str) -> bool {
        self.by_id(call_id).is_some_and(|call| call.ended_here)
    }

    pub fn pressed(&self, press: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|call| call.press.as_deref() == Some(press) || call.aliases.iter().any(|key| key == press))
    }

    /// Adds a call and forgets the oldest of those that are over.
    pub fn add(&mut self, call: Call) -> usize {
        let over = self.0.iter().filter(|call| call.phase == CallPhase::Over).count();
        if over >= KEPT
            && let Some(oldest) = self.0.iter().position(|call| call.phase == CallPhase::Over)
        {
            self.0.remove(oldest);
        }
        self.0.push(call);
        self.0.len() - 1
    }

    /// Whether the person is in a call here.
    pub fn is_busy(&self) -> bool {
        self.0.iter().any(|call| matches!(call.phase, CallPhase::Answering | CallPhase::Active))
    }

    /// What the backend did not take from a client that it did not know, as far as it still holds.
    pub fn once_registered(&mut self) -> Vec<(String, Act)> {
        let take = |call: &mut Call| {
            let act = call.once_registered.take()?;
            let holds = matches!(
                (call.phase, act),
                (CallPhase::Answering, Act::Accepted) | (CallPhase::Silenced, Act::Declined)
            );
            Some((call.id.clone().filter(|_| holds)?, act))
        };
        self.0.iter_mut().filter_map(take).collect()
    }

    /// After a restart no call is taken for what it was: the backend is asked. One that the person has answered does not ring
    /// again while the answer is under way, as `answers` says: what becomes of that says what becomes of the call.
    pub fn restored(&mut self, answers: impl Fn(&str) -> bool) {
        for call in &mut self.0 {
            call.entered = false;
            let answered = call.phase == CallPhase::Answering && call.id.as_deref().is_some_and(&answers);
            if matches!(call.phase, CallPhase::Ringing | CallPhase::Answering) && !answered {
                call.phase = CallPhase::Asking;
            }
        }
    }

    /// Those that the backend is asked about after a time away.
    pub fn to_ask(&self) -> Vec<String> {
        let live = self.0.iter().filter(|call| !matches!(call.phase, CallPhase::Over | CallPhase::Placing));
        live.filter_map(|call| call.id.clone()).collect()
    }
}
