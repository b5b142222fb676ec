//! The lease on a TRTC room. TRTC makes a room when somebody enters it, so "creating" one is reserving a number that no
//! live call has. The lease is also the idempotency record of `POST /api/calls`: it names the request that reserved it,
//! so the same request, sent again, finds its call, and another one under the same key is refused.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use ilock_dynamo::{Item, number, text, written};
use ilock_events::{CallId, Millis, RoomId, TrtcUser};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, DirectoryError, read, store};

/// How long a room is held, and with it the idempotency key of the request that reserved it: a day.
pub const ROOM_LEASE: Duration = Duration::from_hours(24);

/// Until when the room of a call placed at `at` is that call's.
#[must_use]
pub fn leased_until(at: Millis) -> Millis {
    at.plus(i64::try_from(ROOM_LEASE.as_millis()).unwrap_or(i64::MAX))
}

/// Who holds a room, and until when.
///
/// A lease is not given back when its call ends: it runs out. So a number is not used again while credentials for it are
/// still good, and the write that would free it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The call that it was reserved for.
    pub call_id: CallId,
    /// The request that reserved it, where it may come again: a digest of its actor and idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What that request asked for: whom to call, and for how long it rings. The same key is for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// From then on others may have it.
    pub until: Millis,
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The room is ours.
    Yes,
    /// It is somebody's; whose, where the engine says.
    Held(Option<Lease>),
}

/// Somebody who went into a room, or out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Who, as Tencent knows them.
    pub id: TrtcUser,
    /// Whether they are in it.
    pub inside: bool,
    /// Whether they may be back in a moment: their connection was lost, or the room was dismissed while they were in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_return: bool,
    pub at: Millis,
}

/// What is known of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Which call holds it.
    pub lease: Lease,
    /// Who went in or out; an earlier holder's guests among them, before the lease's call was placed.
    pub guests: Vec<Guest>,
}

fn room_pk(room: RoomId) -> String {
    format!("room#{room}")
}

fn lease_item(room: RoomId, lease: &Lease) -> Result<Item, DirectoryError> {
    let mut item: Item = serde_dynamo::to_item(lease)?;
    item.insert("pk".into(), text(room_pk(room)));
    item.insert("sk".into(), text("room"));
    item.insert("ttl".into(), number(lease.until.0.div_euclid(1000)));
    Ok(item)
}

impl Directory {
    /// Keeps that `guest` went in or out, unless something later is known of them.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn note_guest(&self, room: RoomId, guest: &Guest, until: Millis) -> Result<(), DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(guest)?;
        item.insert("pk".into(), text(room_pk(room)));
        item.insert("sk".into(), text(format!("guest#{}", guest.id)));
        item.insert("ttl".into(), number(until.0.div_euclid(1000)));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #at < :at")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":at", number(guest.at))
            .send()
            .await;
        written(put, "PutItem")?;
        Ok(())
    }

    /// Who holds `room`, and who went in and out.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn room(&self, room: RoomId) -> Result<Option<Room>, DirectoryError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(room_pk(room)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| store("Query")(e.into_service_error()))?;
        let (leases, guests): (Vec<Item>, Vec<Item>) = found
            .items
            .unwrap_or_default()
            .into_iter()
            .partition(|item| item.get("sk").is_some_and(|sk| sk.as_s().is_ok_and(|sk| sk == "room")));
        let Some(lease) = leases.into_iter().next() else { return Ok(None) };
        let guests = guests.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Some(Room { lease: read(lease)?, guests }))
    }

    /// Reserves `room`, unless it is held at `now`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn reserve(&self, room: RoomId, lease: &Lease, now: Millis) -> Result<Reserved, DirectoryError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(lease_item(room, lease)?))
            .condition_expression("attribute_not_exists(pk) OR #until <= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(Reserved::Yes),
            Err(PutItemError::ConditionalCheckFailedException(held)) => {
                let item = match held.item.filter(|item| !item.is_empty()) {
                    Some(item) => Some(item),
                    None => self.lease(room).await?,
                };
                Ok(Reserved::Held(item.map(read).transpose()?))
            }
            Err(error) => Err(store("PutItem")(error)),
        }
    }

    /// Puts `lease` in place of the one by which `room` is held for the call `held_for`: that press repeated another call, or is
    /// tried again and has the room for a day from now, or another request that may come again was to have the room. Answers
    /// whether it was still held for that call.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn rebind(&self, room: RoomId, held_for: &CallId, lease: &Lease) -> Result<bool, DirectoryError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(lease_item(room, lease)?))
            .condition_expression("call_id = :held_for")
            .expression_attribute_values(":held_for", text(held_for.as_str()))
            .send()
            .await;
        Ok(written(put, "PutItem")?)
    }

    /// Older engines do not hand over the item that was in the way.
    async fn lease(&self, room: RoomId) -> Result<Option<Item>, DirectoryError> {
        let got = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(room_pk(room)))
            .key("sk", text("room"))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| store("GetItem")(e.into_service_error()))?;
        Ok(got.item)
    }
}
