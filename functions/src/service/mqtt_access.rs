//! Access to the MQTT broker: what checks a client's password, and what issues it.

use std::sync::Arc;

use ilock_auth::{Arns, MqttTokens, PayloadKeys};
use ilock_events::TopicPrefix;
use ilock_notify::Mqtt;

/// Decides who may connect to the broker, and what they may do there.
#[derive(Clone)]
pub struct MqttAccess {
    /// Checks MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// The account and region that the topics are in.
    pub arns: Arns,
    /// What stands before this stack's topics.
    pub prefix: TopicPrefix,
}

/// Issues what a client connects to the broker with.
#[derive(Clone)]
pub struct MqttCredentialIssuer {
    /// Makes MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// How long a password works, in seconds.
    pub token_seconds: u32,
    /// The keys under which `user_sig` is encrypted in messages.
    pub payload_keys: Arc<PayloadKeys>,
    /// The broker's address: `ssl://…:8883`.
    pub broker_url: String,
    /// The same over WebSocket.
    pub websocket_url: String,
    /// What stands before this stack's topics.
    pub prefix: TopicPrefix,
}

/// The broker, for those who end sessions.
#[derive(Clone)]
pub struct Broker(pub Arc<dyn Mqtt>);
