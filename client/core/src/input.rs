//! What a client is told.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Why the broker refused a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// "Not authorized" or "bad user name or password": MQTT 5 reason codes 0x86, 0x87; MQTT 3.1.1 return codes 4, 5.
    NotAuthorized,
    /// Anything else.
    Other,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Another connection has the same client id: MQTT 5 reason code 0x8e. MQTT 3.1.1 cannot tell.
    TakenOver,
    /// The network, the broker, a missed keep-alive, or a connection that never came about.
    Network,
}

/// How the client is doing, for `PUT /api/mqtt/clients/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The app is in front.
    Active,
    /// It runs, but is not in front.
    Background,
    /// It is about to end.
    Offline,
}

/// The tokens of the push services. A token that is absent stays as it was registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushTokens {
    /// FCM's token on Android, APNs' on iOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_token: Option<String>,
    /// PushKit's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voip_token: Option<String>,
    /// `production` or `sandbox`, on iOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// The app has started, or the person wants to be reachable here again after [`crate::Event::TakenOver`] or
    /// [`crate::Event::RegistrationRefused`].
    Start,
    /// The person has logged in: there is an access token of a new login session.
    LoggedIn,
    /// There is a fresh access token, as [`crate::Command::NeedToken`] asked for.
    TokenRenewed,
    /// The login service could not be asked for a fresh access token: [`crate::Command::NeedToken`] comes again after a
    /// random wait.
    TokenFailed,
    /// The login service gives no access token any more: the person must log in.
    TokenUnavailable,
    /// The person was to log in, in place of [`Self::LoggedIn`]: the login service gave no access token.
    /// [`crate::Event::LoggedOut`] comes, also where it came before.
    LoginFailed,
    /// The person logs out on this client. At the backend the calls are ended first that were placed or answered here.
    LogOut,
    /// A request was answered.
    HttpAnswer {
        /// The id of [`crate::Command::Request`].
        id: u64,
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`.
        #[serde(default)]
        retry_after: Option<String>,
        /// The header `Date`, where it can be read.
        #[serde(default)]
        date: Option<String>,
        /// The body.
        body: String,
    },
    /// A request got no answer: no network, or its time was over.
    HttpFailed {
        /// The id of [`crate::Command::Request`].
        id: u64,
    },
    /// The broker accepted the connection.
    Connected {
        /// The id of [`crate::Command::Connect`].
        connection: u64,
        /// CONNACK's flag.
        session_present: bool,
    },
    /// The broker acknowledged all subscriptions.
    Subscribed {
        /// The connection.
        connection: u64,
        /// Whether it granted every one of them.
        granted: bool,
    },
    /// The broker refused the connection.
    Refused {
        /// The connection.
        connection: u64,
        /// Why.
        reason: Refusal,
    },
    /// The connection ended, or never came about.
    Disconnected {
        /// The connection.
        connection: u64,
        /// Why.
        reason: Lost,
    },
    /// A message arrived.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: String,
    },
    /// A push arrived, or the person tapped on one.
    Push {
        /// The app's part of the push, a JSON object: FCM's `data`, or on iOS all of `userInfo`.
        data: String,
        /// Whether the system demands that a call is shown at once, as iOS does after a VoIP push.
        #[serde(default)]
        must_show: bool,
    },
    /// The push services gave new tokens.
    PushTokens {
        /// All of them.
        tokens: PushTokens,
    },
    /// What the system says of the network. Without one [`crate::Event::Offline`] comes at once; the connection is kept
    /// for half a minute, because the system may be wrong. With one again another connection is opened at once.
    Network {
        /// Whether there is one.
        online: bool,
    },
    /// The app was suspended and runs again: what the connection is worth is not known.
    Woken,
    /// The app is in front, in the background, or about to end.
    Status {
        /// How it is doing.
        status: Status,
        /// 0 to 10: how much this phone wants to be the one that is answered on.
        #[serde(deserialize_with = "priority")]
        priority: u8,
    },
    /// The person has looked at their list of calls.
    CallsSeen {
        /// `read_at` of the page that they looked at: milliseconds since 1970, by the backend's clock.
        #[serde(deserialize_with = "until")]
        until: i64,
    },
    /// The person presses the button. While a call to the same people is just being ended, the press waits for that.
    Press {
        /// Whom to call: one person, or the members of a household.
        callees: Vec<String>,
        /// How the caller shows itself: a JSON object as text, with `name` and `location`.
        #[serde(default)]
        caller_info: Option<String>,
        /// How long it rings: 5 to 120 seconds.
        #[serde(default, deserialize_with = "ring_seconds")]
        ring_seconds: Option<u32>,
        /// For the callee's app: a JSON object as text.
        #[serde(default)]
        invitation_data: Option<String>,
    },
    /// The person answers.
    Answer {
        /// The call.
        call_id: String,
    },
    /// The person rejects the call, for all their phones.
    Reject {
        /// The call.
        call_id: String,
        /// Why, for the caller.
        #[serde(default)]
        reason: Option<String>,
    },
    /// This phone is to be silent; the person's others ring on.
    Decline {
        /// The call.
        call_id: String,
    },
    /// The person wants to see the caller before answering: [`crate::Event::Preview`] comes.
    Preview {
        /// The call.
        call_id: String,
    },
    /// The person ends the call: gives up before an answer, or hangs up after it. Of a call that is over
    /// [`crate::Event::CallOver`] comes once more.
    HangUp {
        /// The call, or the press of a call that has no id yet.
        call_id: String,
        /// Why, for the other side.
        #[serde(default)]
        reason: Option<String>,
    },
    /// The time of [`crate::Client::wake_at`] has come.
    Tick,
}

/// A whole number that an app hands in as JSON, or `wrong`: serde's own words do not say which field is meant.
fn whole<'de, D, T>(deserializer: D, wrong: &str) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_i64().and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| D::Error::custom(format!("{wrong}, not {value}")))
}

fn ring_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, "ring_seconds must be a whole number, 5 to 120")
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let wrong = "priority must be a whole number, 0 to 10";
    whole(deserializer, wrong)?.ok_or_else(|| D::Error::custom(wrong))
}

fn until<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let wrong = "until must be a whole number, milliseconds since 1970";
    whole(deserializer, wrong)?.ok_or_else(|| D::Error::custom(wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(input: &str) -> String {
        serde_json::from_str::<Input>(input).unwrap_err().to_string()
    }

    #[test]
    fn a_number_that_is_none_is_refused_with_the_field_and_what_would_be_right() {
        for number in ["-5", "7.5", "4294967296", "\"30\"", "[30]"] {
            let press = format!(r#"{{"type":"press","callees":["user456"],"ring_seconds":{number}}}"#);
            let said = format!("ring_seconds must be a whole number, 5 to 120, not {number}");
            assert!(refused(&press).starts_with(&said), "{}", refused(&press));
        }
        for number in ["-1", "256", "0.5", "null"] {
            let status = format!(r#"{{"type":"status","status":"active","priority":{number}}}"#);
            assert!(refused(&status).starts_with("priority must be a whole number, 0 to 10"), "{}", refused(&status));
        }
        for number in ["1.5", "null", "\"now\""] {
            let seen = format!(r#"{{"type":"calls_seen","until":{number}}}"#);
            assert!(refused(&seen).starts_with("until must be a whole number"), "{}", refused(&seen));
        }
    }

    #[test]
    fn how_long_it_rings_may_be_left_open() {
        for (given, seconds) in [("", None), (r#","ring_seconds":null"#, None), (r#","ring_seconds":30"#, Some(30))] {
            let press = format!(r#"{{"type":"press","callees":["user456"]{given}}}"#);
            let read: Input = serde_json::from_str(&press).unwrap();
            assert!(matches!(read, Input::Press { ring_seconds, .. } if ring_seconds == seconds), "{press}");
        }
    }
}
