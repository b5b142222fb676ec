//! Rooms of calls that are over, to be dismissed at Tencent. Nothing that matters waits for it: a batch gives it a short
//! time, and stops at the first room that Tencent did not answer for. The rooms that are left are remembered, and asked
//! for behind a later batch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use ilock_events::{Millis, RoomId};
use ilock_trtc::RoomApi;
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;
use crate::lock::lock;
use crate::metrics;

/// How many rooms are remembered at most; Tencent drops a room by itself once everybody has left it.
const MOST: usize = 10_000;

/// How many are asked for at once. The room API keeps to Tencent's 20 a second by itself.
const AT_ONCE: usize = 16;

/// How long one batch waits for Tencent: the next one of its shard waits as long.
const BUDGET: Duration = Duration::from_secs(1);

/// How long Tencent is left alone after it failed; twice as long after each further time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Dismisses rooms; clones share what is still to be dismissed.
#[derive(Clone)]
pub struct RoomDismisser {
    api: Option<RoomApi>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    /// Until when each room is still its call's.
    open: HashMap<RoomId, Millis>,
    /// Until when Tencent is left alone, and for how long in all.
    paused: Option<(Instant, Duration)>,
}

impl RoomDismisser {
    /// Dismisses rooms by `api`; without one rooms are left to themselves.
    #[must_use]
    pub fn new(api: Option<RoomApi>) -> Self {
        Self { api, queue: Arc::default() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Queues `room` for dismissal until its lease expires at `until`.
    pub fn enqueue(&self, room: RoomId, until: Millis) {
        let mut queue = self.queue();
        if self.api.is_some() && queue.open.len() < MOST {
            queue.open.insert(room, until);
        }
    }

    /// Dismisses queued rooms that are still their calls' at `now`, for [`BUDGET`]. What is not dismissed stays queued.
    pub async fn run(&self, now: Millis) {
        let start = Instant::now();
        let due: Vec<RoomId> = {
            let mut queue = self.queue();
            queue.open.retain(|_, until| now < *until);
            if queue.paused.is_some_and(|(until, _)| start < until) {
                return;
            }
            queue.open.keys().copied().collect()
        };
        let mut dismissing = stream::iter(due)
            .map(async |room| (room, dismiss(self.api.as_ref(), room).await))
            .buffer_unordered(AT_ONCE);
        let mut dismissed = 0_u32;
        loop {
            match timeout_at(start + BUDGET, dismissing.next()).await {
                Ok(None) => return,
                Ok(Some((room, Ok(())))) => {
                    let mut queue = self.queue();
                    queue.open.remove(&room);
                    queue.paused = None;
                    dismissed += 1;
                }
                // Many rooms, and Tencent's rate: it works, and goes on behind the next batch.
                Err(_) if dismissed > 0 => return,
                Ok(Some((_, Err(_)))) | Err(_) => break,
            }
        }
        let mut queue = self.queue();
        let pause = queue.paused.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
        queue.paused = Some((Instant::now() + pause, pause));
        tracing::warn!(
            rooms = queue.open.len(),
            pause_seconds = pause.as_secs(),
            "Tencent's room API failed or did not answer: the rooms stay queued, and it is asked again after the pause"
        );
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
