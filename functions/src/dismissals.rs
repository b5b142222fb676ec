//! Rooms of calls that are over, to be dismissed at Tencent. Nobody waits for that, and nothing fails for it: while
//! Tencent is out of reach the rooms are remembered and asked for again, beside whatever comes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt};
use ilock_events::{Millis, RoomId};
use ilock_trtc::RoomApi;

use crate::trtc_callback::dismiss;

/// So many rooms are remembered at most; Tencent drops a room by itself once everybody has left it.
const MOST: usize = 10_000;

/// So many are asked for at once. The room API keeps to Tencent's 20 a second by itself.
const AT_ONCE: usize = 16;

/// What is still to be dismissed; clones share it.
#[derive(Clone)]
pub struct Dismissals {
    api: Option<RoomApi>,
    open: Arc<Mutex<HashMap<RoomId, Millis>>>,
}

impl Dismissals {
    /// By `api`; without one rooms are left to themselves.
    #[must_use]
    pub fn new(api: Option<RoomApi>) -> Self {
        Self { api, open: Arc::default() }
    }

    /// Remembers `room`, whose number is its call's until `until`.
    pub fn note(&self, room: RoomId, until: Millis) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.api.is_some() && open.len() < MOST {
            open.insert(room, until);
        }
    }

    /// Has every room dismissed that is still its call's at `now`. What could not be stays remembered.
    pub async fn run(&self, now: Millis) {
        let due = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let due = due.into_iter().filter(|(_, until)| now < *until);
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, async |(room, until)| {
                if dismiss(self.api.as_ref(), room).await.is_err() {
                    self.note(room, until);
                }
            })
            .await;
    }
}
