//! The MQTT password: one client's way onto the broker, minted when it registers.

use ilock_events::{ClientName, Millis, TopicPrefix};
use jsonwebtoken::DecodingKey;

use crate::{Identity, NotIssued, Secret, ShortSecret, TokenRefused, issue::Claimed, jwt::Unverified};

/// The `aud` of every MQTT password, and of no access token.
pub const MQTT_AUDIENCE: &str = "ilock-mqtt";

/// Makes and checks MQTT passwords: JWTs, HS256.
#[derive(Debug, Clone)]
pub struct MqttTokens {
    secret: Secret,
    key: DecodingKey,
    prefix: TopicPrefix,
}

/// What a good MQTT password says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttClaims {
    /// Whose it is: a user or a device.
    pub identity: Identity,
    /// The only client id to connect with; one of the identity's own.
    pub client_id: ClientName,
    /// `exp`. Within the 60 s of leeway it may be past already.
    pub expires_at: Millis,
}

impl MqttTokens {
    /// For clients of the stack with this prefix.
    ///
    /// # Errors
    /// [`ShortSecret`] with fewer than 32 bytes.
    pub fn new(secret: Secret, prefix: TopicPrefix) -> Result<Self, ShortSecret> {
        let secret = secret.long_enough()?;
        let key = DecodingKey::from_secret(secret.expose());
        Ok(Self { secret, key, prefix })
    }

    /// A password for `client`, good from `now`, cut to the second, for `ttl_seconds`.
    ///
    /// # Errors
    /// [`NotIssued`] to an auditor, and for a client that is not `identity`'s own.
    pub fn issue(
        &self,
        identity: &Identity,
        client: &ClientName,
        now: Millis,
        ttl_seconds: u32,
    ) -> Result<String, NotIssued> {
        let Some(owner) = identity.address() else { return Err(NotIssued::Auditor) };
        if !client.belongs_to(&owner, &self.prefix) {
            return Err(NotIssued::ForeignClient);
        }
        Claimed::new(identity, now, ttl_seconds).to(Some(MQTT_AUDIENCE)).of_client(client).sign(&self.secret)
    }

    /// Checks a password.
    ///
    /// # Errors
    /// [`TokenRefused`] says why not.
    pub fn verify(&self, token: &str, now: Millis) -> Result<MqttClaims, TokenRefused> {
        let claims = Unverified::read(token)?.verify_hs256(&self.key)?;
        let expires_at = claims.check_time(now)?;
        if claims.audiences()? != [MQTT_AUDIENCE] {
            return Err(TokenRefused::Audience);
        }
        let identity = claims.identity()?;
        let owner = identity.address().ok_or(TokenRefused::Claim { name: "role" })?;
        let client_id = ClientName::new(claims.text("client_id")?)
            .ok()
            .filter(|client| client.belongs_to(&owner, &self.prefix))
            .ok_or(TokenRefused::Claim { name: "client_id" })?;
        Ok(MqttClaims { identity, client_id, expires_at })
    }
}
