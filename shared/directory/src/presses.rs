//! Presses: how often a caller rings, and how often each person. Strict in any minute, and one write: each press takes a slot
//! of the caller's item that has been free for a minute, on that condition.
//!
//! One request is one press, however many copies of it run at once. Each copy takes a slot of its own and gives back no other,
//! so that none has to know what becomes of the others. What counts are the requests that the slots name, each once.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use ilock_dynamo::{Item, number, text};
use ilock_events::{Millis, PartyAddress};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, store};

/// The sort key of a caller's presses.
const PRESSES: &str = "presses";

const MINUTE_MS: i64 = 60_000;

/// How many slots an item has for copies of requests that it counts already. What refuses a caller who sends one request in
/// vain again and again is that these are taken too.
const COPIES: usize = 16;

/// How often a caller may press in any minute, and how many strangers may ring one person at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PressLimits {
    /// For all whom they call.
    pub caller: usize,
    /// For one person.
    pub pair: usize,
    /// How many callers may ring one person at a time who have never talked with them. Presses do not count for that.
    pub strangers: usize,
}

impl PressLimits {
    /// How many slots the caller's item has.
    const fn slots(self) -> usize {
        self.caller.saturating_add(COPIES)
    }
}

/// A press that is to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Press<'a> {
    pub caller: &'a PartyAddress,
    /// For whom; for nobody where it counts for its caller alone.
    pub callees: &'a [PartyAddress],
    /// Which request presses: the same for every copy of it, and for nothing else of this caller. Without `#`.
    pub request: &'a str,
    pub at: Millis,
}

/// What became of a press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// It may ring.
    Yes(TakenSlot),
    /// The caller pressed too often; once more after so many milliseconds.
    CallerTooOften { retry_after_ms: i64 },
    /// The caller pressed too often for one of those whom they call.
    PairTooOften { retry_after_ms: i64 },
}

/// The slot that a press has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSlot {
    index: usize,
    slot: Slot,
}

/// When a slot was taken, by which request, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    at: Millis,
    request: String,
    callees: String,
}

impl Slot {
    fn read(stored: &str) -> Option<Self> {
        let mut parts = stored.splitn(3, '#');
        let at = Millis(parts.next()?.parse().ok()?);
        Some(Self { at, request: parts.next()?.to_owned(), callees: parts.next()?.to_owned() })
    }

    fn stored(&self) -> String {
        format!("{}{}#{}", time(self.at), self.request, self.callees)
    }
}

/// How what is stored begins. Times of the same length sort as text.
fn time(at: Millis) -> String {
    format!("{:015}#", at.0)
}

fn slot_name(index: usize) -> String {
    format!("press{index}")
}

/// The slots that count at `now`.
fn counting(item: &Item, limits: PressLimits, now: Millis) -> BTreeMap<usize, Slot> {
    let read = |index: usize| Slot::read(item.get(&slot_name(index))?.as_s().ok()?).map(|slot| (index, slot));
    let slots = (0..limits.slots()).filter_map(read);
    slots.filter(|(_, slot)| slot.at.plus(MINUTE_MS) > now).collect()
}

/// The requests that took `slots`, and when each did so last.
fn requests<'a>(slots: impl Iterator<Item = &'a Slot>) -> BTreeMap<&'a str, Millis> {
    let mut last = BTreeMap::new();
    for slot in slots {
        let at = last.entry(slot.request.as_str()).or_insert(slot.at);
        *at = slot.at.max(*at);
    }
    last
}

/// After how many milliseconds one of `requests` does not count any more.
fn free_after(requests: &BTreeMap<&str, Millis>, now: Millis) -> i64 {
    requests.values().map(|at| at.plus(MINUTE_MS).since(now)).min().unwrap_or(MINUTE_MS).max(1)
}

/// The presses for the person at `address`.
fn slots_for<'a>(slots: &'a BTreeMap<usize, Slot>, address: &'a str) -> impl Iterator<Item = &'a Slot> {
    slots.values().filter(move |slot| slot.callees.split(',').any(|one| one == address))
}

/// Why a press for `callees` is one too many, which is among `counted` already; none where it is not.
fn too_often(counted: &BTreeMap<usize, Slot>, callees: &[&str], limits: PressLimits, now: Millis) -> Option<Pressed> {
    let of_caller = requests(counted.values());
    if of_caller.len() > limits.caller {
        return Some(Pressed::CallerTooOften { retry_after_ms: free_after(&of_caller, now) });
    }
    let mut of_pairs = callees.iter().map(|callee| requests(slots_for(counted, callee)));
    let of_pair = of_pairs.find(|of_pair| of_pair.len() > limits.pair)?;
    Some(Pressed::PairTooOften { retry_after_ms: free_after(&of_pair, now) })
}

impl Directory {
    /// Counts `press`, unless there were too many in the minute before.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn press(&self, press: &Press<'_>, limits: PressLimits) -> Result<Pressed, DirectoryError> {
        let Press { caller, callees, request, at: now } = *press;
        let named: Vec<&str> = callees.iter().map(|callee| callee.address.as_str()).collect();
        let slot = Slot { at: now, request: request.to_owned(), callees: named.join(",") };
        // Presses at once begin at different slots, mostly.
        let mut index = usize::try_from(now.0.rem_euclid(9973)).unwrap_or(0) % limits.caller.max(1);
        for _ in 0..=limits.slots() {
            let item = match self.take_slot(caller, index, &slot).await? {
                Ok(item) => item,
                Err(item) => {
                    let taken = counting(&item, limits, now);
                    let counted = requests(taken.values());
                    let counts = counted.len() < limits.caller || counted.contains_key(request);
                    let free = (0..limits.slots()).find(|index| !taken.contains_key(index));
                    let Some(free) = free.filter(|_| counts) else {
                        return Ok(Pressed::CallerTooOften { retry_after_ms: free_after(&counted, now) });
                    };
                    index = free;
                    continue;
                }
            };
            let refused = too_often(&counting(&item, limits, now), &named, limits, now);
            let taken = TakenSlot { index, slot };
            let Some(refused) = refused else { return Ok(Pressed::Yes(taken)) };
            self.take_back_press(caller, &taken).await?;
            return Ok(refused);
        }
        Ok(Pressed::CallerTooOften { retry_after_ms: MINUTE_MS })
    }

    /// An update of the caller's item, in which `#slot` is the slot `index`.
    fn update_slot(&self, caller: &PartyAddress, index: usize) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", text(pk(caller))).key("sk", text(PRESSES));
        update.expression_attribute_names("#slot", slot_name(index))
    }

    /// The item with the slot taken; else the item in which it is not free. Where the SDK sends again what was carried out, that
    /// is one copy more.
    async fn take_slot(
        &self,
        caller: &PartyAddress,
        index: usize,
        slot: &Slot,
    ) -> Result<Result<Item, Item>, DirectoryError> {
        let update = self
            .update_slot(caller, index)
            .update_expression("SET #slot = :press, #ttl = :ttl")
            .condition_expression("attribute_not_exists(#slot) OR #slot < :minute_ago")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":press", text(slot.stored()))
            .expression_attribute_values(":minute_ago", text(time(slot.at.plus(1 - MINUTE_MS))))
            .expression_attribute_values(":ttl", number(slot.at.plus(2 * MINUTE_MS).0.div_euclid(1000)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match update.map_err(SdkError::into_service_error) {
            Ok(taken) => Ok(Ok(taken.attributes.unwrap_or_default())),
            Err(UpdateItemError::ConditionalCheckFailedException(held)) => {
                Ok(Err(match held.item.filter(|item| !item.is_empty()) {
                    Some(item) => item,
                    // Older engines do not hand over what was in the way.
                    None => self.get(pk(caller), PRESSES).await?.unwrap_or_default(),
                }))
            }
            Err(error) => Err(store("UpdateItem")(error)),
        }
    }

    /// Lets a press count for its caller alone, and for none of those whom it was for: it repeated one that still rang.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn press_repeated(&self, caller: &PartyAddress, taken: &TakenSlot) -> Result<(), DirectoryError> {
        let alone = Slot { callees: String::new(), ..taken.slot.clone() };
        let update = self
            .update_slot(caller, taken.index)
            .update_expression("SET #slot = :alone")
            .condition_expression("#slot = :press")
            .expression_attribute_values(":press", text(taken.slot.stored()))
            .expression_attribute_values(":alone", text(alone.stored()))
            .send()
            .await;
        ilock_dynamo::written(update, "UpdateItem")?;
        Ok(())
    }

    /// Gives back the slot of a press that does not count: it is one too many, or its request came again and was counted
    /// before. Other copies of the request keep theirs.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn take_back_press(&self, caller: &PartyAddress, taken: &TakenSlot) -> Result<(), DirectoryError> {
        let update = self
            .update_slot(caller, taken.index)
            .update_expression("REMOVE #slot")
            .condition_expression("#slot = :press")
            .expression_attribute_values(":press", text(taken.slot.stored()))
            .send()
            .await;
        ilock_dynamo::written(update, "UpdateItem")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_679_886_400_000);
    const LIMITS: PressLimits = PressLimits { caller: 3, pair: 2, strangers: 3 };

    fn slot(request: &str, callees: &str, ago_ms: i64) -> Slot {
        Slot { at: NOW.plus(-ago_ms), request: request.into(), callees: callees.into() }
    }

    fn numbered(slots: &[Slot]) -> BTreeMap<usize, Slot> {
        slots.iter().cloned().enumerate().collect()
    }

    #[test]
    fn what_is_stored_is_read_back_and_counts_for_a_minute() {
        for (index, taken) in [slot("ab12", "anna,xbert", 0), slot("cd34", "", 0)].into_iter().enumerate() {
            let item = Item::from([(slot_name(index), text(taken.stored())), ("sk".into(), text(PRESSES))]);
            assert_eq!(counting(&item, LIMITS, NOW.plus(MINUTE_MS - 1)), BTreeMap::from([(index, taken.clone())]));
            assert!(counting(&item, LIMITS, NOW.plus(MINUTE_MS)).is_empty());
            // As the condition of the next press compares it.
            assert!(taken.stored() > time(NOW.plus(MINUTE_MS - 1).plus(1 - MINUTE_MS)));
            assert!(taken.stored() < time(NOW.plus(MINUTE_MS).plus(1 - MINUTE_MS)));
        }
    }

    #[test]
    fn copies_of_a_request_count_once_and_until_the_last_of_them_is_a_minute_old() {
        let copies = ["one", "one", "one", "two", "one"].map(|request| slot(request, "anna", 0));
        assert_eq!(too_often(&numbered(&copies), &["anna"], LIMITS, NOW), None);
        let third = numbered(&[&copies[..], &[slot("three", "anna", 0)]].concat());
        assert_eq!(
            too_often(&third, &["anna"], LIMITS, NOW),
            Some(Pressed::PairTooOften { retry_after_ms: MINUTE_MS })
        );
        let with_bert = numbered(&[&copies[..], &[slot("three", "bert", 0)]].concat());
        assert_eq!(too_often(&with_bert, &["bert"], LIMITS, NOW), None, "three requests in all");
        let fourth = [slot("one", "anna", 50_000), slot("one", "anna", 9_000), slot("two", "bert", 20_000)];
        let fourth = numbered(&[&fourth[..], &[slot("three", "", 1_000), slot("four", "", 0)]].concat());
        assert_eq!(
            too_often(&fourth, &[], LIMITS, NOW),
            Some(Pressed::CallerTooOften { retry_after_ms: 40_000 }),
            "the second request is the first that counts no more"
        );
    }

    #[test]
    fn a_press_that_counts_for_its_caller_alone_counts_for_nobody_else() {
        let slots = [slot("one", "", 0), slot("two", "anna", 0), slot("three", "anna", 0)];
        assert_eq!(too_often(&numbered(&slots), &["anna"], LIMITS, NOW), None);
    }
}
