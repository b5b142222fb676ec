//! Persons with four connected phones each, and doors that call them. A call is whole: placed, rung at four phones, alerted
//! and accepted by the first of them, and hung up by the door.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use ilock_auth::Role;
use ilock_tests::parties::{Party, call_id};
use ilock_tests::{Phone, Version};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::server::Server;
use crate::times::{Times, ms};

pub const PHONES: usize = 4;
const PERSONS: usize = 25;
/// So many that no limit for one door, or for one door and one person, is reached.
const DOORS: usize = 2000;
const RING_SECONDS: u32 = 60;
/// A call that takes longer than this failed.
const LONGEST: Duration = Duration::from_secs(15);

/// What the phones noted of one call.
#[derive(Default)]
struct Noted {
    rung: Mutex<Vec<Instant>>,
    rung_everywhere: Notify,
    accepted: Notify,
}

type Calls = Arc<Mutex<HashMap<String, Arc<Noted>>>>;

pub struct Crowd {
    doors: Vec<Party>,
    calls: Calls,
}

/// How a run at one rate went.
pub struct Run {
    /// From the moment a call was due until each of its phones had the message.
    pub rings: Times,
    pub whole: usize,
    pub failed: usize,
    pub seconds: f64,
}

impl Crowd {
    /// Registers and connects all phones.
    pub async fn gather(server: &Server) -> Self {
        let calls = Calls::default();
        for person in 0..PERSONS {
            let user = server.party(&format!("resident{person}"), Role::User);
            for phone in 0..PHONES {
                let connected = Phone::connect(&user, &format!("phone{phone}"), Version::V5).await;
                tokio::spawn(listen(connected, user.clone(), phone == 0, calls.clone()));
            }
        }
        let first = server.party("gate0", Role::Device);
        let doors = (0..DOORS).map(|door| first.like(&format!("gate{door}"), Role::Device)).collect();
        Self { doors, calls }
    }

    /// Calls start at a steady rate, whether or not those before them are over.
    pub async fn steady(&self, rate: f64, seconds: f64) -> Run {
        let start = Instant::now();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` cuts the fraction of a number that is not negative, which is what is meant"
        )]
        let count = (rate * seconds) as usize;
        let calls = (0..count).map(async |n| {
            let due = start + Duration::from_secs_f64(n as f64 / rate);
            sleep_until(due).await;
            self.whole_call(n, due).await
        });
        let outcomes: Vec<_> = stream::iter(calls).buffer_unordered(count).collect().await;
        Self::sum(outcomes, start)
    }

    /// As many calls as `at_once` in turn allow.
    pub async fn as_fast_as_it_goes(&self, count: usize, at_once: usize) -> Run {
        let start = Instant::now();
        let calls = (0..count).map(async |n| self.whole_call(n, Instant::now()).await);
        let outcomes: Vec<_> = stream::iter(calls).buffer_unordered(at_once).collect().await;
        Self::sum(outcomes, start)
    }

    fn sum(outcomes: Vec<Option<Vec<f64>>>, start: Instant) -> Run {
        let (count, seconds) = (outcomes.len(), start.elapsed().as_secs_f64());
        let whole: Vec<_> = outcomes.into_iter().flatten().collect();
        Run { whole: whole.len(), failed: count - whole.len(), rings: Times(whole.concat()), seconds }
    }

    /// One call; the milliseconds until each phone rang, or none when it was not whole in time.
    async fn whole_call(&self, n: usize, due: Instant) -> Option<Vec<f64>> {
        let door = &self.doors[n % DOORS];
        let callee = format!("resident{}", n % PERSONS);
        let whole = timeout(LONGEST, async {
            let body = serde_json::json!({ "callee_id": callee, "ring_seconds": RING_SECONDS });
            let placed = door.posts("/api/calls", body).await;
            if placed.code != 0 {
                return None;
            }
            let call = call_id(&placed.data);
            let noted = noted(&self.calls, &call);
            tokio::join!(noted.rung_everywhere.notified(), noted.accepted.notified());
            let ended = door.caller_action(&call, "hangup").await;
            lock(&self.calls).remove(&call);
            (ended.code == 0).then_some(noted)
        });
        let noted = whole.await.ok().flatten()?;
        let rung = noted.rung.lock().unwrap();
        Some(rung.iter().map(|at| ms(due, *at)).collect())
    }
}

fn lock(calls: &Calls) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Noted>>> {
    calls.lock().unwrap()
}

/// A phone may ring before the door's request is answered: whoever comes first makes the entry.
fn noted(calls: &Calls, call: &str) -> Arc<Noted> {
    lock(calls).entry(call.to_owned()).or_default().clone()
}

async fn listen(mut phone: Phone, user: Party, answers: bool, calls: Calls) {
    while let Some(heard) = phone.next_within(Duration::from_hours(24)).await {
        if !heard.topic.ends_with("/calls/incoming") {
            continue;
        }
        let call = call_id(&heard.body);
        let noted = noted(&calls, &call);
        let rung = {
            let mut rung = noted.rung.lock().unwrap();
            rung.push(heard.at);
            rung.len()
        };
        if rung == PHONES {
            noted.rung_everywhere.notify_one();
        }
        if answers {
            let (user, client) = (user.clone(), phone.credentials.client_id.clone());
            tokio::spawn(async move {
                let alerted = user.callee_action(&call, "ringing", Some(&client)).await;
                let accepted = user.callee_action(&call, "accepted", Some(&client)).await;
                if alerted.code == 0 && accepted.code == 0 {
                    noted.accepted.notify_one();
                }
            });
        }
    }
}
