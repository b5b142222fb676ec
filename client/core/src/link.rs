//! Registration and connection, as data.

use ilock_events::ClientRegistered;
use serde::{Deserialize, Serialize};

use crate::input::PushTokens;
use crate::output::LogoutReason;

/// For so long after the connection broke, every attempt comes within two seconds.
const QUICK_MS: u64 = 30_000;
/// A connection that lasted this long was a good one.
const STABLE_MS: u64 = 3_000;
/// The longest wait between attempts.
const LONGEST_WAIT_MS: u64 = 60_000;

/// Where the connection stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LinkPhase {
    /// Not started.
    #[default]
    Idle,
    /// Registering, to connect afterwards.
    Registering,
    /// CONNECT is under way, until this time.
    Connecting(u64),
    /// SUBSCRIBE is under way, until this time.
    Subscribing(u64),
    /// Messages arrive, since this time.
    Online(u64),
    /// The next attempt comes at this time; registering first, where the broker refused the password.
    Waiting { until: u64, register: bool },
    /// Another connection has the client id. Start ends this.
    TakenOver,
    /// The backend would refuse the same registration again. Start ends this, and so does a registration that says
    /// something else.
    Refused,
    /// Nobody is logged in. A login ends this.
    LoggedOut(LogoutReason),
}

/// Registration and connection.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The last registration's answer. Its password and payload key are secrets.
    pub registered: Option<ClientRegistered>,
    /// The body of that registration: a change of it asks for another.
    pub registered_as: String,
    /// The topics that the session has.
    pub subscribed: Vec<String>,
    pub tokens: PushTokens,
    /// Why nobody is logged in.
    pub logged_out: Option<LogoutReason>,
    /// By which name the client was known until then: what still ends a call may be answered with it.
    #[serde(default)]
    pub left_as: Option<String>,
    #[serde(skip)]
    pub phase: LinkPhase,
    /// The last connection's id.
    #[serde(skip)]
    pub connection: u64,
    /// When the connection broke that there was.
    #[serde(skip)]
    pub lost_at: Option<u64>,
    /// Attempts since.
    #[serde(skip)]
    pub tries: u32,
    /// How often the broker refused a password, or the topics, since messages last arrived.
    #[serde(skip)]
    pub refusals: u32,
    /// When to renew the password; none while that cannot be known.
    #[serde(skip)]
    pub renew_at: Option<u64>,
    /// When the broker resumed the session: the messages that come first may have waited in it.
    #[serde(skip)]
    pub resumed_at: Option<u64>,
    /// Where another connection has the client id: when the backend is asked next what became of the calls here.
    #[serde(skip)]
    pub watch_at: Option<u64>,
    /// Whether the app was told that it is online.
    #[serde(skip)]
    pub shown_online: bool,
    /// Whether the app was told, since the start, that nobody is logged in.
    #[serde(skip)]
    pub shown_logged_out: bool,
    /// Whether the system says that there is no network.
    #[serde(skip)]
    pub no_network: bool,
}

impl Link {
    /// The topics of the registration.
    pub fn topics(&self) -> Vec<String> {
        let Some(registered) = &self.registered else { return vec![] };
        let topics = &registered.topics;
        [&topics.incoming_calls, &topics.device_sync, &Some(topics.call_control.clone())]
            .into_iter()
            .filter_map(Clone::clone)
            .collect()
    }

    /// The client's name.
    pub fn client_id(&self) -> Option<&str> {
        self.registered.as_ref().map(|registered| registered.mqtt_credentials.client_id.as_str())
    }

    /// Whether the client stays away by itself.
    pub fn is_off(&self) -> bool {
        matches!(self.phase, LinkPhase::TakenOver | LinkPhase::Refused | LinkPhase::LoggedOut(_))
    }

    /// Notes that the connection broke, or did not come about, at `now`.
    pub fn broke(&mut self, now: u64) {
        let was_good = match self.phase {
            LinkPhase::Online(since) => now.saturating_sub(since) >= STABLE_MS,
            _ => false,
        };
        if was_good || self.lost_at.is_none() {
            self.lost_at = Some(now);
            self.tries = 0;
        }
    }

    /// The bounds of the wait before the next attempt. In the first 30 seconds at most two seconds; later doubling.
    pub fn wait_ms(&mut self, now: u64) -> (u64, u64) {
        let away = now.saturating_sub(self.lost_at.unwrap_or(now));
        self.tries = self.tries.saturating_add(1);
        if self.tries == 1 {
            return (0, 500);
        }
        if away < QUICK_MS {
            // Counted anew when the quick attempts are over.
            self.tries = self.tries.min(2);
            return (500, 2_000);
        }
        doubled(self.tries.saturating_sub(2))
    }

    /// The bounds of the wait after a password that was fresh and refused.
    pub fn refused_wait_ms(&self) -> (u64, u64) {
        doubled(self.refusals)
    }
}

/// Half of 4, 8, 16 … 60 seconds, and all of it.
fn doubled(times: u32) -> (u64, u64) {
    let longest = (4_000_u64 << times.min(4)).min(LONGEST_WAIT_MS);
    (longest / 2, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_quick_for_thirty_seconds_and_then_rare() {
        let mut link = Link { phase: LinkPhase::Online(0), ..Link::default() };
        link.broke(100_000);
        assert_eq!(link.wait_ms(100_000), (0, 500));
        for after in [1_000, 10_000, 29_000] {
            assert_eq!(link.wait_ms(100_000 + after), (500, 2_000));
        }
        let longest: Vec<u64> = (0..6).map(|n| link.wait_ms(131_000 + n).1).collect();
        assert_eq!(longest, [8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn a_connection_that_breaks_at_once_does_not_begin_anew() {
        let mut link = Link { phase: LinkPhase::Online(0), ..Link::default() };
        link.broke(50_000);
        link.phase = LinkPhase::Online(51_000);
        link.broke(52_000);
        assert_eq!(link.lost_at, Some(50_000));
        link.phase = LinkPhase::Online(53_000);
        link.broke(70_000);
        assert_eq!(link.lost_at, Some(70_000));
    }
}
