//! The MQTT password: one client's way onto the broker, minted when it registers.

use ilock_events::{ClientName, Generation, Login, LoginSession, Millis, TopicPrefix};
use jsonwebtoken::DecodingKey;

use crate::issue::{Claimed, sign};
use crate::{ClaimNames, Identity, NotIssued, Secret, ShortSecret, TokenRefused, jwt::Unverified};

/// The `aud` of every MQTT password, and of no access token.
pub const MQTT_AUDIENCE: &str = "ilock-mqtt";

/// Makes and checks MQTT passwords: JWTs, HS256.
#[derive(Debug, Clone)]
pub struct MqttTokens {
    secret: Secret,
    keys: Vec<DecodingKey>,
    prefix: TopicPrefix,
}

/// What an MQTT password is made for, and what a good one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttClaims {
    /// Whose it is: a user or a device.
    pub identity: Identity,
    /// The only client id to connect with; one of the identity's own.
    pub client_id: ClientName,
    /// The registration that it was handed out by. A later one takes its place.
    pub generation: Generation,
    /// The login of the access token that registered.
    pub login: Login,
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
        let keys = vec![secret.clone().decoding_key()?];
        Ok(Self { secret, keys, prefix })
    }

    /// The same, and passwords that were made with `second` are accepted too: while one secret takes the place of another, in
    /// whichever order functions come to know of it.
    ///
    /// # Errors
    /// [`ShortSecret`] with fewer than 32 bytes.
    pub fn accepting(mut self, second: Secret) -> Result<Self, ShortSecret> {
        self.keys.push(second.decoding_key()?);
        Ok(self)
    }

    /// A password that says `claims`, as of `now`, both cut to the second.
    ///
    /// # Errors
    /// [`NotIssued`] to auditors and operators, and for a client that is not the identity's own.
    pub fn issue(&self, claims: &MqttClaims, now: Millis) -> Result<String, NotIssued> {
        let MqttClaims { identity, client_id, generation, login, expires_at } = claims;
        let Some(owner) = identity.address() else { return Err(NotIssued::NoParty) };
        if !client_id.belongs_to(&owner, &self.prefix) {
            return Err(NotIssued::ForeignClient);
        }
        let ttl_seconds = u32::try_from(expires_at.since(now).div_euclid(1_000)).unwrap_or(0);
        let claimed = Claimed {
            aud: Some(MQTT_AUDIENCE),
            client_id: Some(client_id.as_str()),
            generation: Some(generation.as_str()),
            sid: login.session.as_ref().map(LoginSession::as_str),
            auth_time: login.since.map(|since| since.0.div_euclid(1_000)),
            ..Claimed::new(identity, now, ttl_seconds)
        };
        sign(&claimed, &self.secret)
    }

    /// Checks a password.
    ///
    /// # Errors
    /// [`TokenRefused`] says why not.
    pub fn verify(&self, token: &str, now: Millis) -> Result<MqttClaims, TokenRefused> {
        let claims = Unverified::read(token)?.verify_hs256(&self.keys)?;
        let expires_at = claims.check_time(now)?;
        if claims.audiences()?.as_deref() != Some(&[MQTT_AUDIENCE]) {
            return Err(TokenRefused::Audience);
        }
        let identity = claims.identity(&ClaimNames::default())?;
        let owner = identity.address().ok_or(TokenRefused::Claim { name: "role" })?;
        let client_id = ClientName::new(claims.text("client_id")?)
            .ok()
            .filter(|client| client.belongs_to(&owner, &self.prefix))
            .ok_or(TokenRefused::Claim { name: "client_id" })?;
        let generation = claims.text("generation")?.parse().map_err(|_| TokenRefused::Claim { name: "generation" })?;
        Ok(MqttClaims { identity, client_id, generation, login: claims.own_login()?, expires_at })
    }
}
