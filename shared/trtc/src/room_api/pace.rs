//! Never more than 20 requests in any second, as Tencent counts them.
//!
//! There are 20 places. A request takes one, and leaves it free only a second after it was *answered*: so however long
//! each was on its way, no 21 of them arrive within a second. (A bucket that counts what is sent lets the slow ones of
//! one second arrive together with the quick ones of the next.)

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Mutex, PoisonError},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Duration, Instant, sleep_until, timeout_at},
};

/// Tencent's limit, for each of the actions that are used here.
pub(super) const PER_SECOND: usize = 20;

const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Pace {
    places: Semaphore,
    /// When each place that nobody holds is free; the earliest first. A std lock, because it is never held across an await.
    free_at: Mutex<BinaryHeap<Reverse<Instant>>>,
}

/// A place that is held until this is dropped.
pub(super) struct Turn<'a> {
    pace: &'a Pace,
    free_at: Instant,
    used: bool,
    _place: SemaphorePermit<'a>,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let free_at = std::iter::repeat_n(Reverse(now), PER_SECOND).collect();
        Self { places: Semaphore::new(PER_SECOND), free_at: Mutex::new(free_at) }
    }

    /// Waits for a place, first come, first served; `None` when there is none until `deadline`.
    pub(super) async fn turn(&self, deadline: Instant) -> Option<Turn<'_>> {
        let place = timeout_at(deadline, self.places.acquire()).await.ok()?.ok()?;
        let Reverse(free_at) = self.free_at.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let turn = Turn { pace: self, free_at, used: false, _place: place };
        if free_at >= deadline {
            return None;
        }
        sleep_until(free_at).await;
        Some(turn)
    }
}

impl Turn<'_> {
    /// From here on a request may be on its way.
    pub(super) const fn is_used(&mut self) {
        self.used = true;
    }
}

impl Drop for Turn<'_> {
    /// Whoever is cancelled in the middle gives the place back too.
    fn drop(&mut self) {
        let free_at = if self.used { Instant::now() + SECOND } else { self.free_at };
        self.pace.free_at.lock().unwrap_or_else(PoisonError::into_inner).push(Reverse(free_at));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{task::JoinSet, time::sleep};

    use super::*;

    const LATER: Duration = Duration::from_mins(1);

    /// Sends `count` requests at once, number `n` answered after `takes(n)`, and says when each could have arrived: at
    /// the earliest when it was sent, at the latest when it was answered.
    async fn send(count: usize, takes: fn(usize) -> Duration) -> Vec<(Instant, Instant)> {
        let pace = Arc::new(Pace::new());
        let mut requests = JoinSet::new();
        for n in 0..count {
            let pace = Arc::clone(&pace);
            requests.spawn(async move {
                let mut turn = pace.turn(Instant::now() + LATER).await.unwrap();
                turn.is_used();
                let sent = Instant::now();
                sleep(takes(n)).await;
                (sent, Instant::now())
            });
        }
        requests.join_all().await
    }

    /// Even if each of them arrived at the worst moment, there are no 21 within a second.
    fn hold_the_pace(mut requests: Vec<(Instant, Instant)>) {
        requests.sort_unstable_by_key(|(sent, _)| *sent);
        for (n, (sent, _)) in requests.iter().enumerate() {
            let within = requests[..n].iter().filter(|(_, answered)| *answered + SECOND > *sent).count();
            assert!(within < PER_SECOND, "{within} before number {n}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_go_at_once_and_the_next_a_second_later() {
        let started = Instant::now();
        let requests = send(61, |_| Duration::ZERO).await;
        let sent_after = |seconds| requests.iter().filter(|(sent, _)| (*sent - started).as_secs() == seconds).count();
        assert_eq!([0, 1, 2, 3].map(sent_after), [20, 20, 20, 1]);
        hold_the_pace(requests);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_answers_hold_their_places() {
        let requests = send(100, |n| Duration::from_millis(n as u64 * 37 % 900)).await;
        hold_the_pace(requests);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_past_the_deadline_is_told_and_not_later_than_that() {
        let pace = Pace::new();
        let mut held = Vec::new();
        for _ in 0..PER_SECOND {
            let mut turn = pace.turn(Instant::now() + LATER).await.unwrap();
            turn.is_used();
            held.push(turn);
        }
        // All places are held.
        let asked = Instant::now();
        assert!(pace.turn(asked + SECOND / 4).await.is_none());
        assert_eq!(Instant::now(), asked + SECOND / 4);
        // None is free in time: known at once.
        held.clear();
        let asked = Instant::now();
        assert!(pace.turn(asked + SECOND / 2).await.is_none());
        assert_eq!(Instant::now(), asked);
        assert!(pace.turn(asked + LATER).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_loses_no_place_and_wins_none() {
        let pace = Pace::new();
        for _ in 0..3 * PER_SECOND {
            drop(pace.turn(Instant::now() + LATER).await.unwrap());
        }
        for _ in 0..PER_SECOND {
            pace.turn(Instant::now() + LATER).await.unwrap().is_used();
        }
        // Waits for its place, and is cancelled while it waits.
        for _ in 0..3 * PER_SECOND {
            let waited = tokio::time::timeout(Duration::from_millis(1), pace.turn(Instant::now() + LATER)).await;
            assert!(waited.is_err());
        }
        let asked = Instant::now();
        assert!(pace.turn(asked + LATER).await.is_some());
        assert!(Instant::now() > asked);
        assert_eq!(pace.free_at.lock().unwrap().len(), PER_SECOND);
    }
}
