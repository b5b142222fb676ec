//! One push to all phones of a person: beside each other, the most awake first, and what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use ilock_call::Placed;
use ilock_env::Clock;
use ilock_events::{Carrier, ClientName, DeliveryOutcome, Millis, PartyAddress};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use super::carrier::{HELD_BACK, PushCarrier, PushError, millis};
use super::kind::Push;
use super::phone::{Endpoint, Phone, in_order};
use crate::carrier::{CarrierError, NO_LONGER_RANG, StillRinging, TIME_PASSED};

/// How many phones of one person are told at once.
const AT_ONCE: usize = 8;

/// Before the second try; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often an endpoint is tried that does not take a push now, where the phone has a next one: both fit into the fast path.
const TRIES_BEFORE_NEXT: u32 = 2;

/// How long an endpoint may take to answer, or ask to be left alone, where the phone has a next one. Longer than the fast path:
/// there an answer that is only slow would ring the phone twice. Shorter than a carrier's own patience, which is a second.
const ANSWER_BEFORE_NEXT: Duration = Duration::from_millis(700);

/// A round that has lasted for so long asks before each push whether the call still rings the phone.
const LOOKS_AFTER: Duration = Duration::from_millis(200);

/// What a receipt says where nobody has a phone that could be told.
pub const NO_PHONE: &str = "no phone to tell";

/// Who has which phones.
pub trait Phones: Send + Sync {
    /// The phones of `person`, in any order; those without an endpoint may be among them.
    fn of<'a>(&'a self, person: &'a PartyAddress) -> BoxFuture<'a, Result<Vec<Phone>, CarrierError>>;
}

/// What pushes are made with, where the operator uses them.
#[derive(Clone, Copy)]
pub struct PushSender<'a> {
    pub carrier: &'a dyn PushCarrier,
    /// Who has which phones.
    pub phones: &'a dyn Phones,
    /// One permit for each try that may be on its way at once, to whomever it goes. Between two tries none is held.
    pub in_flight: &'a Semaphore,
}

/// An endpoint that does not work any more, and the service's word for why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    pub person: PartyAddress,
    pub client_id: ClientName,
    pub endpoint: Endpoint,
    pub why: String,
}

/// What became of a push.
#[derive(Debug, Default)]
pub(crate) struct FanOutResult {
    /// The phones that are settled, by this round.
    pub phones: BTreeMap<ClientName, DeliveryOutcome>,
    /// Endpoints that turned out not to work.
    pub retired: Vec<Retired>,
    /// Why it is not all settled; none when it is.
    pub open: Option<CarrierError>,
    /// Why nobody was reached, where nobody was.
    pub nobody: Option<String>,
}

/// When a push is made, and until when.
pub(crate) struct DeliveryWindow<'a> {
    pub clock: &'a Clock,
    /// The call as it stood when the round began.
    pub call: &'a Placed,
    pub since: Millis,
    pub expires_at: Millis,
    pub until: Instant,
    pub began: Instant,
    /// Who knows whether the call still rings, for a push that rings.
    pub still_ringing: Option<&'a dyn StillRinging>,
}

impl DeliveryWindow<'_> {
    /// Why `push` is of no use to `phone` any more, where it is not.
    async fn is_past(&self, push: &Push, phone: &Phone) -> Option<&'static str> {
        // A whole second is the least that a push service counts: less would outlive the window.
        if self.expires_at.since(self.clock.now()) < 1000 {
            return Some(TIME_PASSED);
        }
        let still_ringing = self.still_ringing?;
        let (callee, client) = (&push.callee_id, &phone.client_id);
        let mut rings = self.call.rings_on(callee, client);
        if rings && self.began.elapsed() >= LOOKS_AFTER {
            let looked = timeout_at(self.until, still_ringing.still_rings(callee, client)).await;
            rings = looked.unwrap_or(true);
        }
        (!rings).then_some(NO_LONGER_RANG)
    }
}

/// What became of one endpoint.
enum Outcome {
    Taken(Option<String>),
    /// It is of no use any more, and why.
    Past(&'static str),
    Retired(String),
    Refused(String),
    Failed(String),
}

/// What became of one phone.
struct PhoneOutcome {
    retired: Vec<Retired>,
    /// Why it has to be told again, where it has.
    settled: Result<DeliveryOutcome, String>,
}

impl PushSender<'_> {
    /// Hands `push` to every phone that is not in `delivered`.
    pub(crate) async fn fan_out(
        &self,
        push: &Push,
        delivered: &BTreeSet<ClientName>,
        window: &DeliveryWindow<'_>,
    ) -> FanOutResult {
        let mut fanned = FanOutResult::default();
        let failed = |why: String| Some(CarrierError { carrier: Carrier::Push, why });
        let mut phones = match timeout_at(window.until, self.phones.of(&push.callee)).await {
            Ok(Ok(phones)) => phones,
            Ok(Err(error)) => return FanOutResult { open: Some(error), ..fanned },
            Err(_) => return FanOutResult { open: failed("the directory did not answer in time".into()), ..fanned },
        };
        in_order(&mut phones);
        let due: Vec<(&Phone, Vec<&Endpoint>)> = phones.iter().map(|phone| (phone, push.endpoints(phone))).collect();
        let told_before = phones.iter().any(|phone| delivered.contains(&phone.client_id));
        if due.iter().all(|(_, endpoints)| endpoints.is_empty()) && !told_before {
            fanned.nobody = Some(NO_PHONE.into());
        }
        // Boxed, one by one: the compiler does not see that a closure over all of them would be as good for each.
        let mut sending: Vec<BoxFuture<'_, (&Phone, PhoneOutcome)>> = vec![];
        for (phone, endpoints) in due {
            if !delivered.contains(&phone.client_id) && !endpoints.is_empty() {
                sending.push(Box::pin(async move { (phone, self.tell_phone(push, phone, &endpoints, window).await) }));
            }
        }
        let mut outcomes = stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some((phone, outcome)) = outcomes.next().await {
            fanned.retired.extend(outcome.retired);
            match outcome.settled {
                Ok(handed) => {
                    fanned.phones.insert(phone.client_id.clone(), handed);
                }
                Err(why) => fanned.open = fanned.open.or_else(|| failed(why)),
            }
        }
        drop(outcomes);
        if !fanned.phones.is_empty() && !told_before && fanned.phones.values().all(|handed| handed.error.is_some()) {
            fanned.nobody = Some("no phone was reached".into());
        }
        fanned
    }

    /// Tells one phone at the first of its endpoints that works: an iPhone whose VoIP push is refused, not taken now or not
    /// answered for still shows an alert. What was not answered for may come to the phone all the same. Its app then hears twice
    /// of one call, and knows it by its `call_id`: docs/push.md.
    async fn tell_phone(
        &self,
        push: &Push,
        phone: &Phone,
        endpoints: &[&Endpoint],
        window: &DeliveryWindow<'_>,
    ) -> PhoneOutcome {
        let handed = |endpoint: &Endpoint, carrier_id: Option<String>, error: Option<String>| DeliveryOutcome {
            target: endpoint.service.word().into(),
            carrier: Carrier::Push,
            carrier_id,
            ms: window.clock.now().since(window.since),
            error,
        };
        let (mut retired, mut refusals, mut may_work_later) = (vec![], vec![], false);
        for (index, &endpoint) in endpoints.iter().enumerate() {
            let has_next = index + 1 < endpoints.len();
            let refusal = match self.tell(push, phone, endpoint, has_next, window).await {
                Outcome::Taken(carrier_id) => {
                    return PhoneOutcome { retired, settled: Ok(handed(endpoint, carrier_id, None)) };
                }
                Outcome::Past(why) => {
                    return PhoneOutcome { retired, settled: Ok(handed(endpoint, None, Some(why.into()))) };
                }
                Outcome::Failed(why) => {
                    may_work_later = true;
                    why
                }
                Outcome::Retired(why) => {
                    let (person, client_id) = (push.callee.clone(), phone.client_id.clone());
                    retired.push(Retired { person, client_id, endpoint: endpoint.clone(), why: why.clone() });
                    why
                }
                Outcome::Refused(why) => why,
            };
            refusals.push(refusal);
        }
        let why = refusals.join("; ");
        let settled = match endpoints.last() {
            Some(&last) if !may_work_later => Ok(handed(last, None, Some(why))),
            _ => Err(why),
        };
        PhoneOutcome { retired, settled }
    }

    /// Tries until it is taken, refused, or there is no time left; only [`TRIES_BEFORE_NEXT`] times where the phone has a next
    /// endpoint.
    async fn tell(
        &self,
        push: &Push,
        phone: &Phone,
        endpoint: &Endpoint,
        has_next: bool,
        window: &DeliveryWindow<'_>,
    ) -> Outcome {
        let (mut pause, mut tries) = (FIRST_PAUSE, 1);
        loop {
            let again = match self.try_once(push, phone, endpoint, has_next, window).await {
                Ok(outcome) => return outcome,
                Err(again) => again,
            };
            if let PushError::Later { wait, .. } = &again {
                pause = pause.max(*wait);
            }
            let is_nexts_turn = has_next && (tries >= TRIES_BEFORE_NEXT || pause > ANSWER_BEFORE_NEXT);
            if is_nexts_turn || Instant::now() + pause >= window.until {
                return Outcome::Failed(again.to_string());
            }
            sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// One try. What is left of the time is counted anew.
    ///
    /// # Errors
    /// Why it was not taken, where another try may be.
    async fn try_once(
        &self,
        push: &Push,
        phone: &Phone,
        endpoint: &Endpoint,
        has_next: bool,
        window: &DeliveryWindow<'_>,
    ) -> Result<Outcome, PushError> {
        let no_answer = || Outcome::Failed("no answer in time".into());
        let Ok(_permit) = timeout_at(window.until, self.in_flight.acquire()).await else { return Ok(no_answer()) };
        if let Some(why) = window.is_past(push, phone).await {
            return Ok(Outcome::Past(why));
        }
        let begun = Instant::now();
        if begun >= window.until {
            return Ok(no_answer());
        }
        let until = if has_next { window.until.min(begun + ANSWER_BEFORE_NEXT) } else { window.until };
        let now = window.clock.now();
        let sent = match push.request(endpoint, phone.language, now) {
            Ok(request) => timeout_at(until, self.carrier.send(request)).await,
            Err(refused) => Ok(Err(refused)),
        };
        match sent {
            Ok(Ok(carrier_id)) => Ok(Outcome::Taken(carrier_id)),
            Ok(Err(PushError::Retired(why))) => Ok(Outcome::Retired(why)),
            Ok(Err(refused @ (PushError::Refused(_) | PushError::Unusable(_)))) => {
                Ok(Outcome::Refused(refused.to_string()))
            }
            Ok(Err(PushError::Later { why, wait })) if window.expires_at.since(now) < millis(wait) + 1000 => {
                Ok(Outcome::Refused(format!("{HELD_BACK} for {} s: {why}", wait.as_secs())))
            }
            Ok(Err(again)) => Err(again),
            Err(_) => Ok(no_answer()),
        }
    }
}
