//! Rooms of calls that are over, to be dismissed at Tencent. Nobody waits for that, and nothing fails for it: while
//! Tencent is out of reach the rooms are remembered and asked for again, beside whatever comes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt};
use ilock_events::{Millis, RoomId};
use ilock_trtc::RoomApi;

use crate::error::ApiError;
use crate::metrics;

/// How many rooms are remembered at most; Tencent drops a room by itself once everybody has left it.
const MOST: usize = 10_000;

/// How many are asked for at once. The room API keeps to Tencent's 20 a second by itself.
const AT_ONCE: usize = 16;

/// Dismisses rooms; clones share what is still to be dismissed.
#[derive(Clone)]
pub struct RoomDismisser {
    api: Option<RoomApi>,
    open: Arc<Mutex<HashMap<RoomId, Millis>>>,
}

impl RoomDismisser {
    /// Dismisses rooms by `api`; without one rooms are left to themselves.
    #[must_use]
    pub fn new(api: Option<RoomApi>) -> Self {
        Self { api, open: Arc::default() }
    }

    /// Queues `room` for dismissal until its lease expires at `until`.
    pub fn enqueue(&self, room: RoomId, until: Millis) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.api.is_some() && open.len() < MOST {
            open.insert(room, until);
        }
    }

    /// Dismisses every queued room that is still its call's at `now`. What fails stays queued.
    pub async fn run(&self, now: Millis) {
        let due = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let due = due.into_iter().filter(|(_, until)| now < *until);
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, async |(room, until)| {
                if dismiss(self.api.as_ref(), room).await.is_err() {
                    self.enqueue(room, until);
                }
            })
            .await;
    }
}

/// Has Tencent end a room. Where the operator does not use its API, or it will never do it, that is all.
///
/// # Errors
/// 503 when asking again may help.
pub async fn dismiss(api: Option<&RoomApi>, room: RoomId) -> Result<(), ApiError> {
    let Some(api) = api else { return Ok(()) };
    match api.dismiss_room(room).await {
        Ok(outcome) => {
            tracing::info!(%room, ?outcome, "room dismissed");
            ::metrics::counter!(metrics::ROOMS_DISMISSED).increment(1);
            Ok(())
        }
        Err(error) => {
            ::metrics::counter!(metrics::ROOM_API_FAILED).increment(1);
            tracing::error!(%room, %error, retry = error.retry, "a room was not dismissed");
            if error.retry { Err(ApiError::Busy) } else { Ok(()) }
        }
    }
}
