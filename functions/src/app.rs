//! What there is: the parts that a handler may ask for, and for each HTTP function the state that has just its own.
//!
//! A handler's signature shows what it touches; its function's state is made of nothing else, so a binary neither reads
//! a secret nor opens a connection that it has no use for. The embedded stack serves all of them from one [`App`].

use std::sync::Arc;

use axum::extract::FromRef;
use ilock_auth::{AccessTokens, Arns, MqttTokens, PayloadKeys};
use ilock_directory::Directory;
use ilock_log::EventLog;
use ilock_notify::Mqtt;

use crate::calls::Calls;
use crate::phones::Pushes;
use crate::rooms::Rooms;
use crate::trtc_callback::RoomWatch;
use ilock_env::Clock;

/// Who may ask: verifies access tokens.
#[derive(Clone)]
pub struct Access {
    /// The verifier.
    pub tokens: Arc<AccessTokens>,
    /// Against this clock.
    pub clock: Clock,
}

/// Who may connect to the broker, and what they may do there.
#[derive(Clone)]
pub struct MqttAccess {
    /// Checks MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// In which account and region its topics are.
    pub arns: Arns,
}

/// What a client is given to connect to the broker with.
#[derive(Clone)]
pub struct Welcome {
    /// Makes MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// How long a password works, in seconds.
    pub token_seconds: u32,
    /// The keys under which tickets travel.
    pub payload_keys: Arc<PayloadKeys>,
    /// Where the broker is: `ssl://…:8883`.
    pub broker_url: String,
    /// The same over WebSocket.
    pub websocket_url: String,
}

/// The carrier of MQTT messages, for those who end sessions.
#[derive(Clone)]
pub struct Broker(pub Arc<dyn Mqtt>);

macro_rules! states {
    ($($(#[$doc:meta])* $state:ident { $($field:ident: $part:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $state {
            $(#[doc = concat!("See [`", stringify!($part), "`].")] pub $field: $part,)*
        }

        $(impl FromRef<$state> for $part {
            fn from_ref(state: &$state) -> Self {
                state.$field.clone()
            }
        })*
    )*};
}

states! {
    /// Everything: what the embedded stack serves.
    App {
        access: Access, mqtt: MqttAccess, welcome: Welcome, broker: Broker, directory: Directory, pushes: Pushes,
        calls: Calls, log: EventLog, rooms: Rooms, room_watch: RoomWatch, clock: Clock,
    }
    /// register-client.
    Registering {
        access: Access, welcome: Welcome, broker: Broker, directory: Directory, pushes: Pushes, clock: Clock,
    }
    /// register-push-token.
    TakingTokens { access: Access, directory: Directory, pushes: Pushes, clock: Clock }
    /// update-client-status.
    Reporting { access: Access, directory: Directory, clock: Clock }
    /// remove-client.
    Leaving { access: Access, broker: Broker, directory: Directory }
    /// create-call, callee-action, caller-action.
    Calling { access: Access, directory: Directory, calls: Calls, rooms: Rooms, clock: Clock }
    /// get-call.
    Looking { access: Access, log: EventLog, rooms: Rooms, clock: Clock }
    /// list-calls.
    Listing { access: Access, log: EventLog, directory: Directory }
    /// list-audit, replay-call, list-accesses.
    Auditing { access: Access, log: EventLog, clock: Clock }
    /// trtc-callback.
    Watching { room_watch: RoomWatch, directory: Directory, calls: Calls }
}
