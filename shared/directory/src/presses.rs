//! Presses: how often a caller rings, and how often each person. Strict in any minute, and one write: each press takes a slot
//! of the caller's item that has been free for a minute, on that condition.

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

/// How often a caller may press in any minute, and how many strangers may ring one person at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PressLimits {
    /// In all; as many slots does the caller's item have.
    pub caller: usize,
    /// For one person.
    pub pair: usize,
    /// How many callers may ring one person at a time who have never talked with them. Presses do not count for that.
    pub strangers: usize,
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
    stored: String,
}

/// When a slot was taken, and for whom.
struct Slot {
    at: Millis,
    callees: String,
}

impl Slot {
    fn read(item: &Item, name: &str) -> Option<Self> {
        let (at, callees) = item.get(name)?.as_s().ok()?.split_once('#')?;
        Some(Self { at: Millis(at.parse().ok()?), callees: callees.to_owned() })
    }

    /// Times of the same length sort as text.
    fn stored(at: Millis, callees: &str) -> String {
        format!("{:015}#{callees}", at.0)
    }
}

fn slot_name(index: usize) -> String {
    format!("press{index}")
}

/// The slots that count at `now`.
fn counting(item: &Item, limits: PressLimits, now: Millis) -> BTreeMap<usize, Slot> {
    let slots = (0..limits.caller).filter_map(|index| Some((index, Slot::read(item, &slot_name(index))?)));
    slots.filter(|(_, slot)| slot.at.plus(MINUTE_MS) > now).collect()
}

fn free_after<'a>(slots: impl Iterator<Item = &'a Slot>, now: Millis) -> i64 {
    slots.map(|slot| slot.at.plus(MINUTE_MS).since(now)).min().unwrap_or(MINUTE_MS).max(1)
}

/// The presses for the person at `address`.
fn slots_for<'a>(slots: &'a BTreeMap<usize, Slot>, address: &'a str) -> impl Iterator<Item = &'a Slot> {
    slots.values().filter(move |slot| slot.callees.split(',').any(|one| one == address))
}

impl Directory {
    /// Counts a press of `caller` for `callees` at `now`, unless there were too many in the minute before.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn press(
        &self,
        caller: &PartyAddress,
        callees: &[PartyAddress],
        limits: PressLimits,
        now: Millis,
    ) -> Result<Pressed, DirectoryError> {
        let named: Vec<&str> = callees.iter().map(|callee| callee.address.as_str()).collect();
        let stored = Slot::stored(now, &named.join(","));
        // Presses at once begin at different slots, mostly.
        let mut index = usize::try_from(now.0.rem_euclid(9973)).unwrap_or(0) % limits.caller.max(1);
        for _ in 0..=limits.caller {
            let item = match self.take_slot(caller, index, &stored, now).await? {
                Ok(item) => item,
                Err(item) => {
                    let taken = counting(&item, limits, now);
                    if let Some(free) = (0..limits.caller).find(|index| !taken.contains_key(index)) {
                        index = free;
                    } else {
                        let retry_after_ms = free_after(taken.values(), now);
                        return Ok(Pressed::CallerTooOften { retry_after_ms });
                    }
                    continue;
                }
            };
            let counted = counting(&item, limits, now);
            let Some(too_often) = named.iter().find(|name| slots_for(&counted, name).count() > limits.pair) else {
                return Ok(Pressed::Yes(TakenSlot { index, stored }));
            };
            let retry_after_ms = free_after(slots_for(&counted, too_often), now);
            self.free_slot(caller, index, &stored).await?;
            return Ok(Pressed::PairTooOften { retry_after_ms });
        }
        Ok(Pressed::CallerTooOften { retry_after_ms: MINUTE_MS })
    }

    /// An update of the caller's item, in which `#slot` is the slot `index`.
    fn update_slot(&self, caller: &PartyAddress, index: usize) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", text(pk(caller))).key("sk", text(PRESSES));
        update.expression_attribute_names("#slot", slot_name(index))
    }

    /// The item with the slot taken; else the item in which it is not free.
    async fn take_slot(
        &self,
        caller: &PartyAddress,
        index: usize,
        stored: &str,
        now: Millis,
    ) -> Result<Result<Item, Item>, DirectoryError> {
        let update = self
            .update_slot(caller, index)
            .update_expression("SET #slot = :press, #ttl = :ttl")
            .condition_expression("attribute_not_exists(#slot) OR #slot < :minute_ago")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":press", text(stored))
            .expression_attribute_values(":minute_ago", text(Slot::stored(now.plus(1 - MINUTE_MS), "")))
            .expression_attribute_values(":ttl", number(now.plus(2 * MINUTE_MS).0.div_euclid(1000)))
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
    pub async fn press_repeated(&self, caller: &PartyAddress, slot: &TakenSlot) -> Result<(), DirectoryError> {
        let alone = slot.stored.split_once('#').map_or("", |(at, _)| at);
        let update = self
            .update_slot(caller, slot.index)
            .update_expression("SET #slot = :alone")
            .condition_expression("#slot = :press")
            .expression_attribute_values(":press", text(&slot.stored))
            .expression_attribute_values(":alone", text(format!("{alone}#")))
            .send()
            .await;
        ilock_dynamo::written(update, "UpdateItem")?;
        Ok(())
    }

    /// Takes back the press that has taken `slot`: its request came again, and was counted before.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn take_back_press(&self, caller: &PartyAddress, slot: &TakenSlot) -> Result<(), DirectoryError> {
        self.free_slot(caller, slot.index, &slot.stored).await
    }

    /// A press that does not ring does not count.
    async fn free_slot(&self, caller: &PartyAddress, index: usize, stored: &str) -> Result<(), DirectoryError> {
        let update = self
            .update_slot(caller, index)
            .update_expression("REMOVE #slot")
            .condition_expression("#slot = :press")
            .expression_attribute_values(":press", text(stored))
            .send()
            .await;
        ilock_dynamo::written(update, "UpdateItem")?;
        Ok(())
    }
}
