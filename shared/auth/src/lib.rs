//! Who somebody is, and what their client may touch.
//!
//! - [`AccessTokens`]: the operator's login service vouches for a user, a device, an auditor or an operator.
//! - [`MqttTokens`]: the password of one client on the broker, minted when it registers.
//! - [`Policy`]: the broker's policy for exactly the topics that are a party's own.
//! - [`PayloadKeys`]: the key under which a user's `user_sig` is encrypted in messages.
//!
//! Secrets are compared, if at all, inside aws-lc (HMAC) and aes-gcm (tags), both in constant time.

mod access;
mod access_rules;
mod algorithm;
mod claim_names;
mod claims;
mod connect_signature;
mod identity;
mod issue;
mod jwe;
mod jwks;
mod jwt;
mod mqtt_token;
mod payload;
mod policy;
mod refused;
mod secret;
mod unique;

pub use access::{AccessToken, AccessTokens};
pub use access_rules::{AccessKeys, AccessRules, BadLongestLife, BadRules, LongestLife};
pub use algorithm::{AsymmetricAlgorithm, BadAlgorithm};
pub use claim_names::{BadClaimPath, ClaimNames, ClaimPath};
pub use connect_signature::{BadSigningKey, ConnectSigner, SIGNED_TOKEN};
pub use identity::{BadRole, Identity, Role};
pub use issue::{AccessClaims, NotIssued, issue_access_token};
pub use jwe::{NotEncrypted, NotOpened};
pub use jwks::{BadSource, JwksSource};
pub use mqtt_token::{MQTT_AUDIENCE, MqttClaims, MqttTokens};
pub use payload::PayloadKeys;
pub use policy::{Arns, Effect, Policy, Statement};
pub use refused::TokenRefused;
pub use secret::{Secret, ShortSecret};
