//! Access to the MQTT broker: what checks a client's password, and what issues it.

use std::sync::Arc;

use futures::future::join_all;
use ilock_auth::{Arns, BadSigningKey, ConnectSigner, MqttTokens, PayloadKeys};
use ilock_env::{NoRandomness, random};
use ilock_events::{Address, ClientName, TopicPrefix};
use ilock_notify::Mqtt;

use crate::error::ApiError;

/// Decides who may connect to the broker, and what they may do there.
#[derive(Clone)]
pub struct MqttAccess {
    /// Checks MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// The account and region that the topics are in.
    pub arns: Arns,
    /// What stands before this stack's topics.
    pub prefix: TopicPrefix,
    /// After how many seconds the broker asks again about a connection that stands.
    pub refresh_seconds: u32,
}

/// Issues what a client connects to the broker with.
#[derive(Clone)]
pub struct MqttCredentialIssuer {
    /// Makes MQTT passwords.
    pub tokens: Arc<MqttTokens>,
    /// How long a password works at most, in seconds.
    pub token_seconds: u32,
    /// The keys under which `user_sig` is encrypted in messages.
    pub payload_keys: Arc<PayloadKeys>,
    /// The broker's address: `ssl://…:8883`.
    pub broker_url: String,
    /// The same over WebSocket.
    pub websocket_url: String,
    /// What stands before this stack's topics.
    pub prefix: TopicPrefix,
    /// The authorizer that a client must name, where the broker's address does not say which one it is.
    pub authorizer: Option<String>,
    /// Signs what a client shows before the authorizer is asked, where IoT Core wants that.
    pub signer: Option<ConnectSigner>,
}

/// The shortest life of a password: IoT Core ends no connection earlier.
const SHORTEST_SECONDS: u32 = 300;

impl MqttCredentialIssuer {
    /// How long a new password works: up to a quarter less than the most. Clients that registered together, after an
    /// incident or a new secret, then do not all come back together a day later.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn lifetime_seconds(&self) -> Result<u32, NoRandomness> {
        random().map(|drawn| shortened(self.token_seconds, u16::from_be_bytes(drawn)))
    }
}

impl MqttCredentialIssuer {
    /// The MQTT user name of `client` of `address`. Where the authorizer must be named, or a signature shown, that stands behind
    /// it ("Custom authentication", IoT Core Developer Guide).
    ///
    /// # Errors
    /// [`BadSigningKey`].
    pub fn username(&self, address: &Address, client: &ClientName) -> Result<String, BadSigningKey> {
        let named = self.authorizer.as_ref().map(|name| Ok(format!("x-amz-customauthorizer-name={name}")));
        let signed = self.signer.as_ref().map(|signer| signer.signed(client.as_str()));
        let behind = named.into_iter().chain(signed).collect::<Result<Vec<_>, _>>()?;
        let sign = if behind.is_empty() { "" } else { "?" };
        Ok(format!("{address}{sign}{}", behind.join("&")))
    }
}

fn shortened(most: u32, drawn: u16) -> u32 {
    let less = u64::from(most / 4) * u64::from(drawn) / u64::from(u16::MAX);
    // At most a quarter of a u32.
    most.saturating_sub(u32::try_from(less).unwrap_or(0)).max(SHORTEST_SECONDS.min(most))
}

/// The broker, for those who end sessions.
#[derive(Clone)]
pub struct Broker(pub Arc<dyn Mqtt>);

impl Broker {
    /// Ends the MQTT sessions of `clients`: each is tried, whatever becomes of the others.
    ///
    /// # Errors
    /// 503 when one could not be ended.
    pub async fn end_sessions(&self, clients: Vec<ClientName>) -> Result<(), ApiError> {
        let ended = clients.into_iter().map(|client| self.0.end_session(client));
        join_all(ended).await.into_iter().collect::<Result<Vec<()>, _>>().map(drop).map_err(|error| {
            tracing::warn!(%error, "a session could not be ended");
            ApiError::Busy
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_works_up_to_a_quarter_shorter_and_never_shorter_than_iot_core_lets_a_connection_stand() {
        assert_eq!((shortened(86_400, 0), shortened(86_400, u16::MAX)), (86_400, 64_800));
        assert_eq!((shortened(300, 0), shortened(300, u16::MAX)), (300, 300));
        assert_eq!(shortened(320, u16::MAX), 300);
        for (drawn, next) in (0..u16::MAX).step_by(997).zip((0..u16::MAX).step_by(997).skip(1)) {
            assert!(shortened(86_400, next) < shortened(86_400, drawn), "{drawn}");
        }
    }

    #[test]
    fn a_million_clients_that_registered_together_come_back_over_a_quarter_of_the_time() {
        let mut of_quarter = [0_u32; 4];
        for drawn in 0..=u16::MAX {
            let less = 86_400 - shortened(86_400, drawn);
            of_quarter[usize::try_from(less / 5_401).unwrap()] += 1;
        }
        assert!(of_quarter.iter().all(|clients| (16_000..17_000).contains(clients)), "{of_quarter:?}");
    }
}
