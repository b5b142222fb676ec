//! Settings, by name, as an environment has them. This file reads one; those beside it say which there are, by kind.
//! A process checks all that are set when it starts, and each function reads its own; what is missing or wrong is said by name.

mod access;
mod calls;
mod forms;
pub mod ledger;
pub mod limits;
mod mqtt;
mod push;
mod trtc;
#[cfg(test)]
mod wrong_values;

use std::ops::RangeInclusive;
use std::sync::Arc;

use ilock_auth::Secret;

pub use forms::table as table_name;

/// With this secret `ilock dev` and `ilock token` sign. Everybody knows it; nothing but `ilock dev` takes it.
pub const DEV_SECRET: &str = "ilock-development-secret-known-to-everybody";
/// The development key of TRTC: no real application has it.
pub const DEV_TRTC_KEY: &str = "ilock-development-trtc-key-known-to-everybody";
/// The SDKAppID of development.
pub const DEV_SDK_APP_ID: u32 = 1_400_000_001;
/// In development the tokens have an audience, so that one is checked there too.
pub const DEV_AUDIENCE: &str = "ilock";

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

/// Reads a setting by its name.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Everything that an operator decides. An empty value is as good as none.
#[derive(Clone)]
pub struct Settings {
    read: Lookup,
    dev: bool,
}

impl Settings {
    /// Those of a deployment, as `read` has them. A development secret is refused.
    #[must_use]
    pub fn deployed(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(read), dev: false }
    }

    /// Those of `ilock dev`: every one has a value, whatever is set in `read` goes before it.
    #[must_use]
    pub fn for_dev(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(read), dev: true }
    }

    /// The same, with `value` for `name` where nothing is set.
    #[must_use]
    pub fn or(self, name: &'static str, value: String) -> Self {
        let earlier = self.read;
        let read = move |asked: &str| {
            let set = earlier(asked).filter(|value| !value.is_empty());
            set.or_else(|| (asked == name).then(|| value.clone()))
        };
        Self { read: Arc::new(read), dev: self.dev }
    }

    /// Reads every setting that there is, whoever needs it, and keeps none. A process does that before anything else, so that
    /// what is wrong is found when it starts and not when somebody rings. What is not set is not missed here: whoever needs
    /// it says so.
    ///
    /// # Errors
    /// [`BadSetting`]: the first that is wrong.
    pub fn check(&self) -> Result<(), BadSetting> {
        let set = Self { read: self.read.clone(), dev: true };
        set.check_calls().and_then(|()| set.check_clients()).and_then(|()| set.check_ledger())
    }

    fn check_calls(&self) -> Result<(), BadSetting> {
        self.events_table()?;
        self.directory_table()?;
        self.personal_days()?;
        self.max_call_seconds()?;
        self.fast_path()?;
        self.press_limits()?;
        self.expire_queue_url()?;
        self.projector_queue_url()?;
        self.presence_queue_url()?;
        self.trtc()?;
        self.sig_in_messages()?;
        self.check_room_api()?;
        self.trtc_callback_keys().map(drop)
    }

    fn check_clients(&self) -> Result<(), BadSetting> {
        self.access()?;
        self.mqtt_url()?;
        self.mqtt_websocket_url()?;
        self.mqtt_tokens()?;
        self.mqtt_token_seconds()?;
        self.mqtt_refresh_seconds()?;
        self.mqtt_authorizer()?;
        self.mqtt_signing_key()?;
        self.payload_keys()?;
        self.topic_prefix()?;
        self.arns()?;
        self.iot_endpoint()?;
        self.registration_limits()?;
        self.push_apps()?;
        self.push_fcm_account().map(drop)
    }

    fn check_ledger(&self) -> Result<(), BadSetting> {
        self.ledger_table()?;
        self.ledger_origin()?;
        self.ledger_bucket()?;
        self.ledger_key_arns()?;
        self.ledger_retention()?;
        self.witnesses()?;
        self.sequence_every().map(drop)
    }

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

    /// A setting that must be made, and must be of this form.
    fn must_be(
        &self,
        name: &'static str,
        dev: &str,
        form: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, BadSetting> {
        let text = self.must(name, dev)?;
        form(&text).map_err(|rule| bad(name, rule))?;
        Ok(text)
    }

    /// A setting that may be made, and must be of this form then.
    fn may_be(
        &self,
        name: &'static str,
        form: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, BadSetting> {
        let Some(text) = self.get(name) else { return Ok(None) };
        form(&text).map_err(|rule| bad(name, rule))?;
        Ok(Some(text))
    }

    fn number(&self, name: &'static str, or: u32, within: RangeInclusive<u32>) -> Result<u32, BadSetting> {
        let Some(text) = self.get(name) else { return Ok(or) };
        text.parse()
            .ok()
            .filter(|number| within.contains(number))
            .ok_or_else(|| bad(name, format!("must be a whole number from {} to {}", within.start(), within.end())))
    }

    fn secret(&self, name: &'static str) -> Result<Secret, BadSetting> {
        let text = self.must(name, DEV_SECRET)?;
        if text.len() < 32 {
            return Err(bad(name, "must have at least 32 bytes"));
        }
        Ok(Secret::new(text.into_bytes()))
    }

    /// A second secret, which is accepted while one takes the place of another.
    fn second(&self, name: &'static str) -> Result<Option<Secret>, BadSetting> {
        if self.get(name).is_none() { Ok(None) } else { self.secret(name).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use ilock_env::Clock;

    use super::*;

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "EVENTS_TABLE" | "DIRECTORY_TABLE" => "table",
            "AUTH_ALGORITHMS" => "HS256",
            "AUTH_SECRET" | "MQTT_SECRET" | "PAYLOAD_SECRET" => "a secret of the operator's own, long enough",
            "MQTT_URL" => "ssl://broker",
            "MQTT_WEBSOCKET_URL" => "wss://broker/mqtt",
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCOUNT_ID" => "123456789012",
            "TRTC_SDK_APP_ID" => "1400000000",
            "TRTC_SECRET_KEY" => "key",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn all(settings: &Settings) -> Result<(), BadSetting> {
        settings.events_table()?;
        settings.directory_table()?;
        settings.access()?;
        settings.mqtt_tokens()?;
        settings.payload_keys()?;
        settings.mqtt_url()?;
        settings.trtc()?;
        settings.arns().map(drop)
    }

    #[test]
    fn a_deployment_with_everything_set_is_taken() {
        assert!(all(&Settings::deployed(env)).is_ok());
    }

    #[test]
    fn outside_dev_the_development_secrets_are_refused_by_name() {
        for name in ["AUTH_SECRET", "MQTT_SECRET", "PAYLOAD_SECRET", "TRTC_SECRET_KEY"] {
            let secret = if name == "TRTC_SECRET_KEY" { DEV_TRTC_KEY } else { DEV_SECRET };
            let read = move |asked: &str| if asked == name { Some(secret.to_owned()) } else { env(asked) };
            let refused = all(&Settings::deployed(read)).err().map(|error| error.name);
            assert_eq!(refused, Some(name));
        }
    }

    #[test]
    fn a_second_secret_is_as_long_as_the_first_and_no_development_secret() {
        for name in ["AUTH_SECRET_SECOND", "MQTT_SECRET_SECOND"] {
            let second = |value: &'static str| {
                let read = move |asked: &str| if asked == name { Some(value.to_owned()) } else { env(asked) };
                all(&Settings::deployed(read)).err().map(|error| error.name)
            };
            assert_eq!(second("short"), Some(name));
            assert_eq!(second(DEV_SECRET), Some(name));
            assert_eq!(second("another secret of the operator's, long enough"), None);
        }
    }

    #[test]
    fn outside_dev_every_missing_setting_is_named() {
        for name in [
            "EVENTS_TABLE",
            "AUTH_SECRET",
            "MQTT_SECRET",
            "PAYLOAD_SECRET",
            "MQTT_URL",
            "TRTC_SDK_APP_ID",
            "AWS_ACCOUNT_ID",
        ] {
            let read = move |asked: &str| if asked == name { None } else { env(asked) };
            assert_eq!(all(&Settings::deployed(read)).err().map(|error| error.name), Some(name));
        }
    }

    #[test]
    fn dev_needs_nothing() {
        assert!(all(&Settings::for_dev(|_| None)).is_ok());
    }

    #[test]
    fn an_empty_value_is_none() {
        let settings = Settings::for_dev(|_| Some(String::new())).or("MQTT_URL", "tcp://there".into());
        assert_eq!(settings.mqtt_url().ok().as_deref(), Some("tcp://there"));
        assert!(settings.room_api(Clock::system()).is_ok_and(|api| api.is_none()));
    }
}
