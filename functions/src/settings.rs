//! Settings, read from the environment once, at start. What is missing or wrong is said by name.

use std::path::PathBuf;
use std::sync::Arc;

use ilock_auth::{
    AccessKeys, AccessRules, AccessTokens, Arns, AsymmetricAlgorithm, JwksSource, MqttTokens, PayloadKeys, Secret,
};
use ilock_directory::Directory;
use ilock_log::EventLog;
use ilock_notify::{Mqtt, RingTimer};
use ilock_trtc::TrtcApp;

use crate::app::{Access, App, Broker, MqttAccess};
use crate::calls::Calls;
use crate::clock::Clock;
use crate::projector::Projector;
use crate::rooms::{Rooms, SigInMessages};
use crate::telling::Telling;

/// With this secret `ilock dev` and `ilock token` sign. Everybody knows it; nothing but `ilock dev` takes it.
pub const DEV_SECRET: &str = "ilock-development-secret-known-to-everybody";
/// The development key of TRTC: no real application has it.
pub const DEV_TRTC_KEY: &str = "ilock-development-trtc-key-known-to-everybody";
/// The SDKAppID of development.
pub const DEV_SDK_APP_ID: u32 = 1_400_000_001;

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct BadSetting {
    /// The environment variable.
    pub name: &'static str,
    /// What would be right.
    pub why: String,
}

fn bad(name: &'static str, why: impl Into<String>) -> BadSetting {
    BadSetting { name, why: why.into() }
}

/// Everything that an operator decides.
pub struct Settings {
    /// `EVENTS_TABLE`.
    pub events_table: String,
    /// `DIRECTORY_TABLE`.
    pub directory_table: String,
    /// `AUTH_ALGORITHMS`, `AUTH_SECRET` or `AUTH_JWKS`, `AUTH_ISSUER`, `AUTH_AUDIENCE`.
    pub access: AccessRules,
    /// `MASTER_SECRET`: MQTT passwords and payload keys are derived from it.
    pub master: Secret,
    /// `PAYLOAD_KEY_VERSION`: raise it to change all payload keys.
    pub payload_key_version: u32,
    /// `MQTT_TOKEN_SECONDS`: how long an MQTT password works.
    pub mqtt_token_seconds: u32,
    /// `MQTT_URL`.
    pub broker_url: String,
    /// `MQTT_WEBSOCKET_URL`.
    pub websocket_url: String,
    /// `AWS_REGION`, `AWS_ACCOUNT_ID`, `AWS_PARTITION`: where the topics are.
    pub arns: Arns,
    /// `TRTC_SDK_APP_ID`.
    pub sdk_app_id: u32,
    /// `TRTC_SECRET_KEY`.
    pub trtc_key: String,
    /// `USER_SIG_IN_MESSAGES`: `jwe`, `plain` or `none`.
    pub sig_in_messages: SigInMessages,
    /// `MAX_CALL_SECONDS`: tickets work so long, and while it rings.
    pub max_call_seconds: u32,
    /// `FAST_PATH`: `on` or `off`.
    pub fast_path: bool,
}

struct Env<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    dev: bool,
}

impl Env<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.is_empty())
    }

    /// A setting that must be made, but has a value in development.
    fn must(&self, name: &'static str, dev: &str) -> Result<String, BadSetting> {
        match self.get(name) {
            Some(value) if !self.dev && (value == DEV_SECRET || value == DEV_TRTC_KEY) => {
                Err(bad(name, "this is the development secret, which everybody knows: set one of your own"))
            }
            Some(value) => Ok(value),
            None if self.dev => Ok(dev.to_owned()),
            None => Err(bad(name, "must be set")),
        }
    }

    fn number(&self, name: &'static str, or: u32, within: std::ops::RangeInclusive<u32>) -> Result<u32, BadSetting> {
        let Some(text) = self.get(name) else { return Ok(or) };
        text.parse()
            .ok()
            .filter(|number| within.contains(number))
            .ok_or_else(|| bad(name, format!("must be {} to {}", within.start(), within.end())))
    }

    fn secret(&self, name: &'static str) -> Result<Secret, BadSetting> {
        let text = self.must(name, DEV_SECRET)?;
        if text.len() < 32 {
            return Err(bad(name, "must have at least 32 bytes"));
        }
        Ok(Secret::new(text.into_bytes()))
    }
}

impl Settings {
    /// Reads the settings of a deployment.
    ///
    /// # Errors
    /// [`BadSetting`]; a development secret is one.
    pub fn from_env() -> Result<Self, BadSetting> {
        Self::read(&|name| std::env::var(name).ok(), false)
    }

    /// Reads the settings of `ilock dev`: every one has a value, whatever is set in `read` goes before it.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn for_dev(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        Self::read(read, true)
    }

    fn read(read: &dyn Fn(&str) -> Option<String>, dev: bool) -> Result<Self, BadSetting> {
        let env = Env { read, dev };
        Ok(Self {
            events_table: env.must("EVENTS_TABLE", "events")?,
            directory_table: env.must("DIRECTORY_TABLE", "directory")?,
            access: access_rules(&env)?,
            master: env.secret("MASTER_SECRET")?,
            payload_key_version: env.number("PAYLOAD_KEY_VERSION", 1, 1..=u32::MAX)?,
            mqtt_token_seconds: env.number("MQTT_TOKEN_SECONDS", 86_400, 300..=86_400)?,
            broker_url: env.must("MQTT_URL", "tcp://127.0.0.1:1883")?,
            websocket_url: env.must("MQTT_WEBSOCKET_URL", "ws://127.0.0.1:8083/mqtt")?,
            arns: Arns {
                partition: env.get("AWS_PARTITION").unwrap_or_else(|| "aws".into()),
                region: env.must("AWS_REGION", "local")?,
                account: env.must("AWS_ACCOUNT_ID", "000000000000")?,
            },
            sdk_app_id: env
                .must("TRTC_SDK_APP_ID", &DEV_SDK_APP_ID.to_string())?
                .parse()
                .map_err(|_| bad("TRTC_SDK_APP_ID", "must be a number"))?,
            trtc_key: env.must("TRTC_SECRET_KEY", DEV_TRTC_KEY)?,
            sig_in_messages: match env.get("USER_SIG_IN_MESSAGES").as_deref() {
                None | Some("jwe") => SigInMessages::Jwe,
                Some("plain") => SigInMessages::Plain,
                Some("none") => SigInMessages::None,
                Some(_) => return Err(bad("USER_SIG_IN_MESSAGES", "must be jwe, plain or none")),
            },
            max_call_seconds: env.number("MAX_CALL_SECONDS", 7200, 60..=43_200)?,
            fast_path: match env.get("FAST_PATH").as_deref() {
                None | Some("on") => true,
                Some("off") => false,
                Some(_) => return Err(bad("FAST_PATH", "must be on or off")),
            },
        })
    }

    /// Puts everything together on these carriers.
    ///
    /// # Errors
    /// [`BadSetting`] when the login service's rules cannot be used.
    pub fn build(
        self,
        dynamodb: aws_sdk_dynamodb::Client,
        mqtt: Arc<dyn Mqtt>,
        timer: Arc<dyn RingTimer>,
        clock: Clock,
    ) -> Result<(App, Projector), BadSetting> {
        let tokens = AccessTokens::new(self.access).map_err(|error| bad("AUTH_ALGORITHMS", error.to_string()))?;
        let short = |error: ilock_auth::ShortSecret| bad("MASTER_SECRET", error.to_string());
        let payload_keys = Arc::new(PayloadKeys::new(self.master.clone(), self.payload_key_version).map_err(short)?);
        let mqtt_tokens = MqttTokens::new(Secret::new(self.master.derive("mqtt-token", &[]))).map_err(short)?;
        let log = EventLog::new(dynamodb.clone(), self.events_table);
        let directory = Directory::new(dynamodb, self.directory_table);
        let rooms = Rooms {
            trtc: Arc::new(TrtcApp::new(self.sdk_app_id, self.trtc_key)),
            payload_keys: payload_keys.clone(),
            in_messages: self.sig_in_messages,
            ticket_seconds: self.max_call_seconds + RING_RESERVE_SECONDS,
            clock: clock.clone(),
        };
        let telling = Telling {
            log: log.clone(),
            mqtt: mqtt.clone(),
            tickets: Arc::new(rooms.clone()),
            clock: clock.clone(),
            fast_path: self.fast_path,
        };
        let projector = Projector { log: log.clone(), directory: directory.clone(), telling: telling.clone() };
        let app = App {
            access: Access { tokens: Arc::new(tokens), clock: clock.clone() },
            mqtt: MqttAccess {
                tokens: Arc::new(mqtt_tokens),
                token_seconds: self.mqtt_token_seconds,
                payload_keys,
                broker_url: self.broker_url,
                websocket_url: self.websocket_url,
                arns: self.arns,
            },
            broker: Broker(mqtt),
            directory,
            calls: Calls { log, telling, timer, clock: clock.clone() },
            rooms,
            clock,
        };
        Ok((app, projector))
    }
}

/// A ticket is made when the ringing starts, and the longest call starts when it ends.
const RING_RESERVE_SECONDS: u32 = 120;

/// In development the tokens have an audience, so that one is checked there too.
pub const DEV_AUDIENCE: &str = "ilock";

fn access_rules(env: &Env<'_>) -> Result<AccessRules, BadSetting> {
    let algorithms = env.must("AUTH_ALGORITHMS", "HS256")?;
    let keys = if algorithms == "HS256" {
        AccessKeys::Shared(env.secret("AUTH_SECRET")?)
    } else {
        let algorithms: Result<Vec<AsymmetricAlgorithm>, _> =
            algorithms.split(',').map(|name| name.trim().parse()).collect();
        let algorithms =
            algorithms.map_err(|_| bad("AUTH_ALGORITHMS", "must be HS256 alone, or out of RS256, ES256, EdDSA"))?;
        let source =
            env.get("AUTH_JWKS").ok_or_else(|| bad("AUTH_JWKS", "must be set to the URL or file of a JWKS"))?;
        let source =
            if source.contains("://") { JwksSource::Url(source) } else { JwksSource::File(PathBuf::from(source)) };
        AccessKeys::Jwks { source, algorithms }
    };
    let audience = env.get("AUTH_AUDIENCE").or_else(|| env.dev.then(|| DEV_AUDIENCE.to_owned()));
    Ok(AccessRules { keys, issuer: env.get("AUTH_ISSUER"), audience })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "EVENTS_TABLE" | "DIRECTORY_TABLE" => "t",
            "AUTH_ALGORITHMS" => "HS256",
            "AUTH_SECRET" | "MASTER_SECRET" => "a secret of the operator's own, long enough",
            "MQTT_URL" | "MQTT_WEBSOCKET_URL" => "ssl://broker",
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCOUNT_ID" => "123456789012",
            "TRTC_SDK_APP_ID" => "1400000000",
            "TRTC_SECRET_KEY" => "key",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_deployment_with_everything_set_is_taken() {
        assert!(Settings::read(&env, false).is_ok());
    }

    #[test]
    fn outside_dev_the_development_secrets_are_refused_by_name() {
        for name in ["AUTH_SECRET", "MASTER_SECRET", "TRTC_SECRET_KEY"] {
            let secret = if name == "TRTC_SECRET_KEY" { DEV_TRTC_KEY } else { DEV_SECRET };
            let read = |asked: &str| if asked == name { Some(secret.to_owned()) } else { env(asked) };
            let refused = Settings::read(&read, false).err().map(|error| error.name);
            assert_eq!(refused, Some(name));
        }
    }

    #[test]
    fn outside_dev_every_missing_setting_is_named() {
        for name in ["EVENTS_TABLE", "AUTH_SECRET", "MASTER_SECRET", "MQTT_URL", "TRTC_SDK_APP_ID", "AWS_ACCOUNT_ID"] {
            let read = |asked: &str| if asked == name { None } else { env(asked) };
            assert_eq!(Settings::read(&read, false).err().map(|error| error.name), Some(name));
        }
    }

    #[test]
    fn dev_needs_nothing() {
        assert!(Settings::for_dev(&|_| None).is_ok());
    }
}
