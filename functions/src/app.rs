//! What there is: one `App`, and the parts of it that a handler may ask for. A handler's signature shows what it
//! touches.

use std::sync::Arc;

use axum::extract::FromRef;
use ilock_auth::{AccessTokens, Arns, MqttTokens, PayloadKeys};
use ilock_directory::Directory;
use ilock_notify::Mqtt;

use crate::calls::Calls;
use crate::clock::Clock;
use crate::rooms::Rooms;

/// Who may ask: verifies access tokens.
#[derive(Clone)]
pub struct Access {
    /// The verifier.
    pub tokens: Arc<AccessTokens>,
    /// Against this clock.
    pub clock: Clock,
}

/// What a client gets to connect to the broker with, and what it is allowed there.
#[derive(Clone)]
pub struct MqttAccess {
    /// Makes and checks MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// How long a password works, in seconds.
    pub token_seconds: u32,
    /// The keys under which tickets travel.
    pub payload_keys: Arc<PayloadKeys>,
    /// Where the broker is: `ssl://…:8883`.
    pub broker_url: String,
    /// The same over WebSocket.
    pub websocket_url: String,
    /// In which account and region its topics are.
    pub arns: Arns,
}

/// The carrier of MQTT messages, for those who end sessions.
#[derive(Clone)]
pub struct Broker(pub Arc<dyn Mqtt>);

/// Everything.
#[derive(Clone)]
pub struct App {
    /// Token verification.
    pub access: Access,
    /// MQTT credentials.
    pub mqtt: MqttAccess,
    /// The broker.
    pub broker: Broker,
    /// Clients and histories.
    pub directory: Directory,
    /// Commands.
    pub calls: Calls,
    /// Tickets.
    pub rooms: Rooms,
    /// The time.
    pub clock: Clock,
}

macro_rules! part {
    ($($field:ident: $part:ty),* $(,)?) => {$(
        impl FromRef<App> for $part {
            fn from_ref(app: &App) -> Self {
                app.$field.clone()
            }
        }
    )*};
}

part! {
    access: Access,
    mqtt: MqttAccess,
    broker: Broker,
    directory: Directory,
    calls: Calls,
    rooms: Rooms,
    clock: Clock,
}
