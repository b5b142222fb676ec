//! mqtt-authorizer: IoT Core asks whether a client may connect, and what it may do there.
//!
//! Request and response as in the AWS IoT Core developer guide, "Understanding the custom authentication workflow".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_auth::Policy;
use ilock_directory::{Directory, DirectoryError};
use ilock_env::Clock;
use serde::{Deserialize, Serialize};

use crate::service::mqtt_access::MqttAccess;

/// IoT Core takes 300 to 86,400 seconds.
const DISCONNECT_SECONDS: std::ops::RangeInclusive<i64> = 300..=86_400;

/// What IoT Core asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    /// What came in over which protocol.
    #[serde(default)]
    pub protocol_data: ProtocolData,
}

/// See [`AuthorizerRequest`]. HTTP and TLS data are not looked at: only MQTT counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProtocolData {
    /// The CONNECT packet; none for other protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<MqttData>,
}

/// What stood in the CONNECT packet.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MqttData {
    /// May carry `?x-amz-customauthorizer-name=…` behind the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The MQTT client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl std::fmt::Debug for MqttData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttData")
            .field("username", &self.username)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What IoT Core is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    /// Whether the password counts.
    pub is_authenticated: bool,
    /// Letters and digits only, 1 to 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// When the connection is ended, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_after_in_seconds: Option<u32>,
    /// When this function is asked again, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_after_in_seconds: Option<u32>,
    /// Policy documents, as JSON text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_documents: Vec<String>,
}

impl AuthorizerResponse {
    fn no() -> Self {
        Self {
            is_authenticated: false,
            principal_id: None,
            disconnect_after_in_seconds: None,
            refresh_after_in_seconds: None,
            policy_documents: vec![],
        }
    }
}

/// Answers one CONNECT. Whatever is wrong with it, the answer is the same "no"; why is logged.
///
/// # Errors
/// [`DirectoryError`]: IoT Core then refuses the connection, and the client tries again.
pub async fn authorize(
    request: &AuthorizerRequest,
    mqtt: &MqttAccess,
    directory: &Directory,
    clock: &Clock,
) -> Result<AuthorizerResponse, DirectoryError> {
    let now = clock.now();
    let no = |why: &str| {
        tracing::info!(why, "a client may not connect");
        Ok(AuthorizerResponse::no())
    };
    let Some(MqttData { username: Some(username), password: Some(password), client_id: Some(client_id) }) =
        &request.protocol_data.mqtt
    else {
        return no("username, password or client id is missing");
    };
    let password = STANDARD.decode(password).ok().and_then(|password| String::from_utf8(password).ok());
    let Some(password) = password else { return no("the password is not base64") };
    let claims = match mqtt.tokens.verify(&password, now) {
        Ok(claims) => claims,
        Err(refused) => return no(refused.reason()),
    };
    if claims.client_id.as_str() != client_id {
        return no("the client id is not the one that the password was made for");
    }
    let name = username.split('?').next().unwrap_or_default();
    let Some(party) = claims.identity.address() else { return no("auditors and operators have no topics") };
    if name != party.address.as_str() {
        return no("the username is not the one that the password was made for");
    }
    let (client, account) =
        futures::try_join!(directory.client(&party, &claims.client_id), directory.account(&party, now))?;
    let Some(passwords) = client.and_then(|client| client.passwords) else { return no("the client is not registered") };
    if !passwords.work(&claims.generation, now) {
        return no("the client registered again since, and has another password");
    }
    if account.has_ended(&claims.login) {
        return no("the login that the password was made for was ended");
    }
    if let Some(used) = passwords.used(&claims.generation, now) {
        directory.used_password(&party, &claims.client_id, &passwords, &used).await?;
    }
    let policy = Policy::for_client(&mqtt.prefix.topics(&party), &claims.client_id, &mqtt.arns);
    let Ok(document) = serde_json::to_string(&policy) else { return no("the policy cannot be written") };
    let left = claims.expires_at.since(now) / 1000;
    let disconnect = left.clamp(*DISCONNECT_SECONDS.start(), *DISCONNECT_SECONDS.end());
    Ok(AuthorizerResponse {
        is_authenticated: true,
        principal_id: Some(principal(client_id)),
        disconnect_after_in_seconds: u32::try_from(disconnect).ok(),
        refresh_after_in_seconds: Some(mqtt.refresh_seconds),
        policy_documents: vec![document],
    })
}

/// Principals are letters and digits only.
fn principal(client_id: &str) -> String {
    client_id.chars().filter(char::is_ascii_alphanumeric).take(128).collect()
}
