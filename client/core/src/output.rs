//! What a client is to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that opens something. It stands in no log: its debug form is `***`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// How to enter the call's TRTC room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// TRTC's `roomId`, not its `strRoomId`.
    pub room_id: u32,
    /// The operator's TRTC application.
    pub sdk_app_id: u32,
    /// Under which name to enter.
    pub user_id: String,
    /// The UserSig, in plain text.
    pub user_sig: Secret,
    /// TRTC's `privateMapKey`. Always pass it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_map_key: Option<Secret>,
}

/// A call, as it is shown to the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInfo {
    /// The call.
    pub call_id: String,
    /// Who calls.
    pub caller_id: String,
    /// What to show: the caller's name, else the caller's id.
    pub caller_name: String,
    /// Where the caller is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// All that the caller said of itself: a JSON object as text.
    pub caller_info: String,
    /// What the caller's app sent along: a JSON object as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_data: Option<String>,
    /// The way in that all of the person's phones were sent. TRTC lets in one of them under its name: prefer
    /// [`crate::Input::Preview`], which brings this phone's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Whether the person is in another call: a quiet tone instead of a ringing one.
    #[serde(default)]
    pub waiting: bool,
    /// Whether another phone of the person is to sound first: be silent or soft for some seconds, then ring like that one.
    #[serde(default)]
    pub secondary: bool,
}

/// Why a call is over on this client, or why it stopped ringing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Answered here: it no longer rings, it is being connected.
    AnsweredHere,
    /// Another phone answered.
    AnsweredElsewhere,
    /// Rejected here.
    RejectedHere,
    /// The callee rejected it, or another of the person's phones did.
    Rejected,
    /// Declined here: the person's other phones ring on.
    DeclinedHere,
    /// The caller gave up.
    Cancelled,
    /// Nobody answered in time.
    Missed,
    /// Hung up.
    Ended,
    /// It could not be placed, answered or carried on: a [`Problem`] says why.
    Failed,
    /// The backend knows no such call, or not for this person.
    Gone,
    /// This client was logged out.
    LoggedOut,
    /// Another connection has this client's name, and rings: [`Event::TakenOver`] says so too.
    TakenOver,
}

impl Ending {
    /// Whether nobody has missed a call that ended so: somebody answered or rejected it.
    pub(crate) const fn was_dealt_with(self) -> bool {
        matches!(self, Self::AnsweredElsewhere | Self::Rejected | Self::RejectedHere | Self::Ended)
    }
}

/// How far an outgoing call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The button was pressed; the backend has not answered yet.
    Placing,
    /// The backend has the call.
    Placed,
    /// The broker has the message for the callee's phones.
    Ringing,
    /// A phone rings.
    Alerted,
    /// No phone of the callee can be reached now; the call stays open until it is missed.
    Unreachable,
    /// Somebody answered.
    Accepted,
}

/// Why nobody is logged in here any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutReason {
    /// The person logged out here.
    ByUser,
    /// This client was removed: the person logged it out from another one, or the operator did.
    Removed,
    /// The backend accepts no access token of this login session.
    TokenRefused,
}

/// Something that the person or the app's maker has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem it is, for programs and translations: a number below 10000 is the client's own, any other is
    /// the backend's. docs/apps.md lists all of them under "Problems"; they never change.
    pub code: u32,
    /// What happened, and to what: in English, with the backend's words where it has some.
    pub message: String,
    /// What to do, in English.
    pub hint: String,
    /// Not sooner than after so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The call, or the press of a call that has no id yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

/// Something for the driver to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Send this request with the access token, and answer with [`crate::Input::HttpAnswer`] or `HttpFailed`.
    Request {
        /// Which one.
        id: u64,
        /// The method.
        method: Method,
        /// The path and query, to append to the backend's address.
        path: String,
        /// The body, JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The header `Idempotency-Key`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
        /// How long to wait for the answer.
        timeout_ms: u64,
    },
    /// Close the connection there is, without ending its session, and open this one: persistent session of an hour,
    /// no will, keep-alive 30 s.
    Connect {
        /// Which one; later inputs name it.
        connection: u64,
        /// `tcp://` or `ssl://`.
        broker_url: String,
        /// `ws://` or `wss://`, for browsers.
        websocket_url: String,
        /// The MQTT client id.
        client_id: String,
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Subscribe to these topics with QoS 1, and answer with [`crate::Input::Subscribed`].
    Subscribe {
        /// The connection.
        connection: u64,
        /// The topics.
        topics: Vec<String>,
    },
    /// Close the connection.
    Disconnect,
    /// Get a fresh access token, then [`crate::Input::TokenRenewed`], `TokenFailed` or `TokenUnavailable`.
    NeedToken,
}

/// Something for the app to do or to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Messages arrive from now on.
    Online {
        /// The client's name, by which messages and answers call it.
        client_id: String,
    },
    /// Messages do not arrive any more, or the system says that there is no network; the client is coming back by
    /// itself.
    Offline,
    /// Show this call and ring. For a call that is shown already: show it again, as CallKit demands.
    Ring {
        /// The call.
        call: CallInfo,
    },
    /// Stop ringing. The call is over here too, unless this phone answers it or declined.
    StopRinging {
        /// The call.
        call_id: String,
        /// Why.
        why: Ending,
    },
    /// Enter the room.
    EnterRoom {
        /// The call.
        call_id: String,
        /// How.
        room: Room,
        /// How long ago the call was answered, by the backend's clock: for a clock that goes on after a restart. None before
        /// the answer, and where the backend's time is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answered_ms_ago: Option<u64>,
    },
    /// The person may see who is there before answering: [`crate::Input::Preview`] would bring these values at once. Comes
    /// when the backend knows that it rings here.
    CanPreview {
        /// The call.
        call_id: String,
        /// How.
        room: Room,
    },
    /// Enter the room to look and listen, without being seen or heard. Leave it at [`Event::StopRinging`].
    Preview {
        /// The call.
        call_id: String,
        /// How.
        room: Room,
    },
    /// Leave the room.
    LeaveRoom {
        /// The call.
        call_id: String,
    },
    /// An outgoing call has come this far.
    Progress {
        /// The press, as the request's first `Idempotency-Key`: the call's name until it has an id. Where several presses
        /// were for one call, the last of them.
        press: String,
        /// The call, once it has an id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
        /// How far.
        progress: Progress,
        /// How long ago somebody answered, with [`Progress::Accepted`]: see [`Event::EnterRoom`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answered_ms_ago: Option<u64>,
    },
    /// The call is over here: take it off the screen.
    CallOver {
        /// The call, or the press of a call that never had an id.
        call_id: String,
        /// Why.
        why: Ending,
        /// Who did it: a client, a user or device, `timer` or `system`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A call was missed that was not shown here: its caller gave up, or nobody answered in time. One that was shown ends with
    /// [`Event::CallOver`]. Comes once for a call.
    MissedCall {
        /// The call.
        call_id: String,
        /// Who called.
        caller_id: String,
        /// The caller's name.
        caller_name: String,
        /// When it was placed: milliseconds since 1970.
        timestamp: i64,
    },
    /// The backend has noted until when the person has seen their calls: ask it for their list again.
    CallsSeen {
        /// `until` of [`crate::Input::CallsSeen`].
        until: i64,
    },
    /// The person has a new client: show it, so that they can log it out.
    ClientAdded {
        /// The new client.
        client_id: String,
    },
    /// Nobody is logged in here: ask the person to log in, then [`crate::Input::LoggedIn`].
    LoggedOut {
        /// Why.
        why: LogoutReason,
    },
    /// Another connection uses this client's id, such as another tab. This one stays away until
    /// [`crate::Input::Start`].
    TakenOver,
    /// The backend does not register this client, and would refuse it again: no call rings here, and nothing more is
    /// tried until [`crate::Input::Start`], a login, or another push token. Show it until [`Event::Online`] or another
    /// of these states comes. [`Event::Problem`] has said the same before.
    RegistrationRefused {
        /// Why.
        problem: Problem,
    },
    /// Tell the person.
    Problem {
        /// What.
        problem: Problem,
    },
}

/// What is to be done, in the order in which it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Output {
    /// By the driver.
    Do(Command),
    /// By the app.
    Event(Event),
}

impl From<Command> for Output {
    fn from(command: Command) -> Self {
        Self::Do(command)
    }
}

impl From<Event> for Output {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}
