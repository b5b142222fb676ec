//! Tencent's room API: a room is dismissed, users are removed. Requests are signed by TC3, paced, and repeated where that
//! can help.

mod answer;
mod config;
mod error;
mod pace;

use std::{sync::Arc, time::Duration};

use answer::{GONE_ROOM, GONE_USER, read_answer};
pub use config::{BadRoomApi, RoomApiConfig};
use error::{Failed, MOST_USERS, unreachable};
pub use error::{Fault, RoomApiError};
use ilock_env::{Clock, random};
use ilock_events::{RoomId, TrtcUser};
use pace::Pace;
use reqwest::{Client, Url, header};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{ApiKey, Tc3Request};

const SERVICE: &str = "trtc";
const VERSION: &str = "2019-07-22";
const CONTENT_TYPE: &str = "application/json; charset=utf-8";
/// How often one thing is asked for at most.
const TRIES: u32 = 3;
/// The first pause between two tries, before chance makes it up to half shorter or longer; each further one is twice as
/// long.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// How the dismissal of a room went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dismissal {
    /// Everybody was put out.
    Dismissed,
    /// There was no such room: nobody had come, or everybody had left.
    WasGone,
}

/// How the removal of users went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They were put out.
    Removed,
    /// There was no such room; or the one user was not in it.
    WasGone,
}

/// Asks Tencent. Clones share one pace of 20 requests a second: a process makes one and clones it.
#[derive(Clone)]
pub struct RoomApi(Arc<Inner>);

struct Inner {
    sdk_app_id: u32,
    key: ApiKey,
    region: String,
    url: Url,
    /// As in the `Host` header, which the HTTP client writes out of the URL.
    host: String,
    timeout: Duration,
    within: Duration,
    client: Client,
    pace: Pace,
    clock: Clock,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DismissRequest<'a> {
    sdk_app_id: u32,
    room_id: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_ids: Option<&'a [TrtcUser]>,
}

impl RoomApi {
    /// `clock` says now; Tencent takes no request that is more than five minutes off.
    ///
    /// # Errors
    /// [`BadRoomApi`] names the setting that is wrong.
    pub fn new(config: &RoomApiConfig, clock: Clock) -> Result<Self, BadRoomApi> {
        let (url, host) = config.target()?;
        Ok(Self(Arc::new(Inner {
            sdk_app_id: config.sdk_app_id,
            key: config.key.clone(),
            region: config.region.clone(),
            client: config.client(&url)?,
            url,
            host,
            timeout: config.timeout,
            within: config.within,
            pace: Pace::new(),
            clock,
        })))
    }

    /// Puts everybody out of `room` and ends it.
    ///
    /// # Errors
    /// [`RoomApiError`] after the last try.
    pub async fn dismiss_room(&self, room: RoomId) -> Result<Dismissal, RoomApiError> {
        let done = self.ask("DismissRoom", room, None, &[GONE_ROOM]).await?;
        Ok(if done { Dismissal::Dismissed } else { Dismissal::WasGone })
    }

    /// Puts `users`, 1 to 10 of them, out of `room`.
    ///
    /// # Errors
    /// [`RoomApiError`] after the last try.
    pub async fn remove_user(&self, room: RoomId, users: &[TrtcUser]) -> Result<Removal, RoomApiError> {
        if users.is_empty() || users.len() > MOST_USERS {
            return Err(RoomApiError::new("RemoveUser", 0, Fault::Users.into()));
        }
        // Of several, one that is not there says nothing about the others.
        let gone = if users.len() == 1 { &[GONE_ROOM, GONE_USER[0], GONE_USER[1]][..] } else { &[GONE_ROOM][..] };
        let done = self.ask("RemoveUser", room, Some(users), gone).await?;
        Ok(if done { Removal::Removed } else { Removal::WasGone })
    }

    /// Asks until it is done, cannot be done, or the time is over. Says whether there was something to do: an answer
    /// with one of the codes in `gone` says that there was not.
    async fn ask(
        &self,
        action: &'static str,
        room_id: RoomId,
        user_ids: Option<&[TrtcUser]>,
        gone: &[&str],
    ) -> Result<bool, RoomApiError> {
        let body = serde_json::to_vec(&DismissRequest { sdk_app_id: self.0.sdk_app_id, room_id, user_ids })
            .map_err(|error| RoomApiError::new(action, 0, Fault::Unreachable(error.to_string()).into()))?;
        let deadline = Instant::now() + self.0.within;
        let mut tries = 0;
        let mut last: Option<Failed> = None;
        loop {
            let Some(mut turn) = self.0.pace.turn(deadline).await else {
                return Err(RoomApiError::new(action, tries, last.unwrap_or_else(|| Fault::Busy.into())));
            };
            turn.is_used();
            tries += 1;
            let failed = match self.try_once(action, body.clone(), deadline).await {
                Ok(()) => return Ok(true),
                Err(failed) => failed,
            };
            drop(turn);
            if let Fault::Refused(code) = &failed.fault
                && gone.contains(&code.as_str())
            {
                return Ok(false);
            }
            let pause = pause(tries);
            if !failed.fault.may_pass() || tries == TRIES || Instant::now() + pause >= deadline {
                return Err(RoomApiError::new(action, tries, failed));
            }
            last = Some(failed);
            sleep(pause).await;
        }
    }

    async fn try_once(&self, action: &'static str, body: Vec<u8>, deadline: Instant) -> Result<(), Failed> {
        let api = &self.0;
        let timestamp = api.clock.now().0.div_euclid(1000);
        let authorization = api.key.authorization(&Tc3Request {
            service: SERVICE,
            host: &api.host,
            action: Some(action),
            content_type: CONTENT_TYPE,
            payload: &body,
            timestamp,
        });
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = api
            .client
            .post(api.url.clone())
            .timeout(left.min(api.timeout))
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(header::AUTHORIZATION, authorization)
            .header("x-tc-action", action)
            .header("x-tc-version", VERSION)
            .header("x-tc-region", &api.region)
            .header("x-tc-timestamp", timestamp)
            .body(body)
            .send()
            .await
            .map_err(|error| unreachable(&error))?;
        read_answer(answer).await
    }
}

/// How long to wait after `tries` tries. Chance keeps those who failed together from coming back together.
fn pause(tries: u32) -> Duration {
    let chance = random().map_or(u32::MAX / 2, u32::from_be_bytes);
    let chance = f64::from(chance) / f64::from(u32::MAX);
    FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8)).mul_f64(0.5 + chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for (tries, around) in [(1, 400), (2, 800), (3, 1600)] {
            let pauses: Vec<_> = (0..100).map(|_| pause(tries)).collect();
            let (least, most) = (Duration::from_millis(around / 2), Duration::from_millis(around * 3 / 2));
            assert!(pauses.iter().all(|pause| (least..=most).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        }
    }
}
