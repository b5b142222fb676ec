//! Settings, by name, as an environment has them. Each part of the house reads its own, once, at start; what is
//! missing or wrong is said by name.

mod access;
pub mod limits;

use std::sync::Arc;
use std::time::Duration;

use ilock_auth::{Arns, ConnectSigner, MqttTokens, PayloadKeys, Secret, ShortSecret};
use ilock_env::Clock;
use ilock_events::{PushService, TopicPrefix};
use ilock_log::PERSONAL_DAYS;
use ilock_notify::push::PushApps;
use ilock_proof::Policy;
use ilock_trtc::{ApiKey, BadRoomApi, BadTrtcApp, RoomApi, RoomApiConfig, TrtcApp};

use crate::service::room_credentials::SigInMessages;

/// With this secret `ilock dev` and `ilock token` sign. Everybody knows it; nothing but `ilock dev` takes it.
pub const DEV_SECRET: &str = "ilock-development-secret-known-to-everybody";
/// The development key of TRTC: no real application has it.
pub const DEV_TRTC_KEY: &str = "ilock-development-trtc-key-known-to-everybody";
/// The SDKAppID of development.
pub const DEV_SDK_APP_ID: u32 = 1_400_000_001;
/// In development the tokens have an audience, so that one is checked there too.
pub const DEV_AUDIENCE: &str = "ilock";

/// A credential is issued when the ringing starts, and the longest call starts when it ends.
const RING_RESERVE_SECONDS: u32 = 120;

/// Tencent waits 5 seconds for the answer to its callback, and such an answer may wait for the room API.
const ROOM_API_TRY: Duration = Duration::from_secs(2);
const ROOM_API_ALL_TRIES: Duration = Duration::from_secs(4);

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct BadSetting {
    /// The environment variable.
    pub name: &'static str,
    /// What would be right.
    pub why: String,
}

/// How long nobody may delete what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whether not even the account's root may.
    pub compliance: bool,
    pub days: u32,
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

    /// A second secret, which is accepted while one takes the place of another.
    fn second(&self, name: &'static str) -> Result<Option<Secret>, BadSetting> {
        if self.get(name).is_none() { Ok(None) } else { self.secret(name).map(Some) }
    }
}

/// One method a setting, or a few that only count together.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Settings {
    /// `EVENTS_TABLE`: the table of the log.
    pub fn events_table(&self) -> Result<String, BadSetting> {
        self.must("EVENTS_TABLE", "events")
    }

    /// `LEDGER_TABLE`: the table of the ledger.
    pub fn ledger_table(&self) -> Result<String, BadSetting> {
        self.must("LEDGER_TABLE", "ledger")
    }

    /// `LEDGER_ORIGIN`: what the ledger is called in its checkpoints. On Lambda only.
    pub fn ledger_origin(&self) -> Result<String, BadSetting> {
        self.must("LEDGER_ORIGIN", "ilock.local/ledger")
    }

    /// `LEDGER_BUCKET`: the S3 bucket of tiles and checkpoints. On Lambda only.
    pub fn ledger_bucket(&self) -> Result<String, BadSetting> {
        self.must("LEDGER_BUCKET", "ledger")
    }

    /// `LEDGER_KEY_ARNS`: the KMS keys that sign checkpoints, of Ed25519, separated by commas. On Lambda only.
    pub fn ledger_key_arns(&self) -> Result<Vec<String>, BadSetting> {
        let arns = self.must("LEDGER_KEY_ARNS", "arn:aws:kms:local:000000000000:key/ledger")?;
        let arns: Vec<String> =
            arns.split(',').map(|arn| arn.trim().to_owned()).filter(|arn| !arn.is_empty()).collect();
        if arns.is_empty() { Err(bad("LEDGER_KEY_ARNS", "must name at least one key")) } else { Ok(arns) }
    }

    /// `LEDGER_RETENTION_MODE`, `LEDGER_RETENTION_DAYS`: how full tiles and kept checkpoints are locked. On Lambda only.
    pub fn ledger_retention(&self) -> Result<Retention, BadSetting> {
        let compliance = match self.must("LEDGER_RETENTION_MODE", "GOVERNANCE")?.as_str() {
            "GOVERNANCE" => false,
            "COMPLIANCE" => true,
            _ => return Err(bad("LEDGER_RETENTION_MODE", "must be GOVERNANCE or COMPLIANCE")),
        };
        Ok(Retention { compliance, days: self.number("LEDGER_RETENTION_DAYS", 3653, 1..=36_500)? })
    }

    /// `LEDGER_WITNESSES`: the witnesses that cosign checkpoints, as a policy of C2SP tlog-policy; lines may be separated by
    /// semicolons. None without it.
    pub fn witnesses(&self) -> Result<Option<Policy>, BadSetting> {
        let Some(text) = self.get("LEDGER_WITNESSES") else { return Ok(None) };
        let policy = Policy::read(&text.replace(';', "\n"));
        policy.map(Some).map_err(|error| bad("LEDGER_WITNESSES", error.to_string()))
    }

    /// `ILOCK_SEQUENCE_SECONDS`: how often `ilock dev` sequences the ledger. On AWS the template's schedule does, every minute.
    pub fn sequence_every(&self) -> Result<Duration, BadSetting> {
        Ok(Duration::from_secs(self.number("ILOCK_SEQUENCE_SECONDS", 2, 1..=3600)?.into()))
    }

    /// `DIRECTORY_TABLE`: the table of clients, rooms and histories.
    pub fn directory_table(&self) -> Result<String, BadSetting> {
        self.must("DIRECTORY_TABLE", "directory")
    }

    /// `MQTT_SECRET`, `MQTT_SECRET_SECOND`: MQTT passwords are signed with the first, and accepted with either.
    pub fn mqtt_tokens(&self) -> Result<MqttTokens, BadSetting> {
        // Its own purpose, so that nothing else that is signed with the same text is a password.
        let key = |secret: Secret| Secret::new(secret.derive("mqtt-token", &[]));
        let short = |error: ShortSecret| bad("MQTT_SECRET", error.to_string());
        let tokens = MqttTokens::new(key(self.secret("MQTT_SECRET")?), self.topic_prefix()?).map_err(short)?;
        match self.second("MQTT_SECRET_SECOND")? {
            None => Ok(tokens),
            Some(second) => tokens.accepting(key(second)).map_err(short),
        }
    }

    /// `PAYLOAD_SECRET`, `PAYLOAD_KEY_VERSION`: the keys of message payloads. A higher version changes all of them.
    pub fn payload_keys(&self) -> Result<PayloadKeys, BadSetting> {
        let version = self.number("PAYLOAD_KEY_VERSION", 1, 1..=u32::MAX)?;
        let keys = PayloadKeys::new(self.secret("PAYLOAD_SECRET")?, version);
        keys.map_err(|short| bad("PAYLOAD_SECRET", short.to_string()))
    }

    /// `MQTT_TOKEN_SECONDS`: how long an MQTT password works at most.
    pub fn mqtt_token_seconds(&self) -> Result<u32, BadSetting> {
        self.number("MQTT_TOKEN_SECONDS", 86_400, 300..=86_400)
    }

    /// `MQTT_REFRESH_SECONDS`: after how long IoT Core asks the authorizer again about a connection that stands.
    pub fn mqtt_refresh_seconds(&self) -> Result<u32, BadSetting> {
        self.number("MQTT_REFRESH_SECONDS", 21_600, 300..=86_400)
    }

    /// `MQTT_AUTHORIZER`: the authorizer that clients name behind their user name, where they connect to the account's default
    /// endpoint, which several may share.
    pub fn mqtt_authorizer(&self) -> Result<Option<String>, BadSetting> {
        let Some(name) = self.get("MQTT_AUTHORIZER") else { return Ok(None) };
        let good = name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_=,@-".contains(&b));
        if good { Ok(Some(name)) } else { Err(bad("MQTT_AUTHORIZER", "must be 1 to 128 of A-Z a-z 0-9 _ = , @ -")) }
    }

    /// `MQTT_SIGNING_KEY`: an RSA private key that signs the names of clients, for an authorizer that wants a signature.
    pub fn mqtt_signing_key(&self) -> Result<Option<ConnectSigner>, BadSetting> {
        let Some(pem) = self.get("MQTT_SIGNING_KEY") else { return Ok(None) };
        ConnectSigner::new(&pem).map(Some).map_err(|error| bad("MQTT_SIGNING_KEY", error.to_string()))
    }

    /// `TOPIC_PREFIX`: what stands before the topics and client ids of this stack, where an AWS account and region has several.
    pub fn topic_prefix(&self) -> Result<TopicPrefix, BadSetting> {
        let prefix = self.get("TOPIC_PREFIX").unwrap_or_default();
        TopicPrefix::new(prefix).map_err(|error| bad("TOPIC_PREFIX", format!("must be {}", error.rule)))
    }

    /// `MQTT_URL`: where clients find the broker.
    pub fn mqtt_url(&self) -> Result<String, BadSetting> {
        self.must("MQTT_URL", "tcp://127.0.0.1:1883")
    }

    /// `MQTT_WEBSOCKET_URL`: the same over WebSocket.
    pub fn mqtt_websocket_url(&self) -> Result<String, BadSetting> {
        self.must("MQTT_WEBSOCKET_URL", "ws://127.0.0.1:8083/mqtt")
    }

    /// `AWS_REGION`, `AWS_ACCOUNT_ID`, `AWS_PARTITION`: where the topics are.
    pub fn arns(&self) -> Result<Arns, BadSetting> {
        Ok(Arns {
            partition: self.get("AWS_PARTITION").unwrap_or_else(|| "aws".into()),
            region: self.must("AWS_REGION", "local")?,
            account: self.must("AWS_ACCOUNT_ID", "000000000000")?,
        })
    }

    /// `TRTC_SDK_APP_ID`, `TRTC_SECRET_KEY`: the operator's TRTC application, which issues credentials.
    pub fn trtc(&self) -> Result<TrtcApp, BadSetting> {
        let (id, key) = (self.sdk_app_id()?, self.must("TRTC_SECRET_KEY", DEV_TRTC_KEY)?);
        TrtcApp::new(id, key).map_err(|refused| {
            let name = match refused {
                BadTrtcApp::SdkAppId => "TRTC_SDK_APP_ID",
                BadTrtcApp::Key => "TRTC_SECRET_KEY",
            };
            bad(name, refused.to_string())
        })
    }

    pub fn sdk_app_id(&self) -> Result<u32, BadSetting> {
        let id = self.must("TRTC_SDK_APP_ID", &DEV_SDK_APP_ID.to_string())?;
        id.parse().map_err(|_| bad("TRTC_SDK_APP_ID", "must be a number"))
    }

    /// `USER_SIG_IN_MESSAGES`: `jwe`, `plain` or `none`.
    pub fn sig_in_messages(&self) -> Result<SigInMessages, BadSetting> {
        match self.get("USER_SIG_IN_MESSAGES").as_deref() {
            None | Some("jwe") => Ok(SigInMessages::Jwe),
            Some("plain") => Ok(SigInMessages::Plain),
            Some("none") => Ok(SigInMessages::None),
            Some(_) => Err(bad("USER_SIG_IN_MESSAGES", "must be jwe, plain or none")),
        }
    }

    /// `MAX_CALL_SECONDS`: how long a call may last once it is answered.
    pub fn max_call_seconds(&self) -> Result<u32, BadSetting> {
        self.number("MAX_CALL_SECONDS", 7200, 60..=43_200)
    }

    /// `MAX_CALL_SECONDS` again: credentials are valid for the longest call, and while it rings.
    pub fn room_credential_seconds(&self) -> Result<u32, BadSetting> {
        Ok(self.max_call_seconds()? + RING_RESERVE_SECONDS)
    }

    /// `PERSONAL_DAYS`: for how many days the text of a call, and its rows in histories, are kept.
    pub fn personal_days(&self) -> Result<u32, BadSetting> {
        self.number("PERSONAL_DAYS", PERSONAL_DAYS, 1..=36_500)
    }

    /// `FAST_PATH`: `on` or `off`: whether functions tell at once what they committed.
    pub fn fast_path(&self) -> Result<bool, BadSetting> {
        match self.get("FAST_PATH").as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(bad("FAST_PATH", "must be on or off")),
        }
    }

    /// `TRTC_API_SECRET_ID`, `TRTC_API_SECRET_KEY`, `TRTC_API_REGION`, `TRTC_API_URL`, `TRTC_API_PROXY`: Tencent's room
    /// API, which dismisses the room of a call that is over. Off without a secret id.
    pub fn room_api(&self, clock: Clock) -> Result<Option<RoomApi>, BadSetting> {
        let (region, url) = (self.get("TRTC_API_REGION"), self.get("TRTC_API_URL"));
        let (proxy, key) = (self.get("TRTC_API_PROXY"), self.get("TRTC_API_SECRET_KEY"));
        let Some(id) = self.get("TRTC_API_SECRET_ID") else { return Ok(None) };
        let key = key.ok_or_else(|| bad("TRTC_API_SECRET_KEY", "must be set beside TRTC_API_SECRET_ID"))?;
        let mut config = RoomApiConfig::new(self.sdk_app_id()?, ApiKey::new(id, key));
        config.region = region.unwrap_or(config.region);
        config.url = url.unwrap_or(config.url);
        config.proxy = proxy;
        (config.timeout, config.within) = (ROOM_API_TRY, ROOM_API_ALL_TRIES);
        let name = |error: &BadRoomApi| match error {
            BadRoomApi::SecretId => "TRTC_API_SECRET_ID",
            BadRoomApi::SecretKey => "TRTC_API_SECRET_KEY",
            BadRoomApi::Region => "TRTC_API_REGION",
            BadRoomApi::Proxy => "TRTC_API_PROXY",
            _ => "TRTC_API_URL",
        };
        RoomApi::new(&config, clock).map(Some).map_err(|error| bad(name(&error), error.to_string()))
    }

    /// `TRTC_CALLBACK_KEY`, `TRTC_CALLBACK_KEY_SECOND`: with them Tencent signs what it tells of rooms. Without any, nothing of
    /// that is believed.
    #[must_use]
    pub fn trtc_callback_keys(&self) -> Vec<Arc<str>> {
        ["TRTC_CALLBACK_KEY", "TRTC_CALLBACK_KEY_SECOND"]
            .iter()
            .filter_map(|name| self.get(name))
            .map(Arc::from)
            .collect()
    }

    /// `PUSH_GCM`, `PUSH_APNS`, `PUSH_APNS_SANDBOX`, `PUSH_APNS_VOIP`, `PUSH_APNS_VOIP_SANDBOX`: the ARNs of SNS platform
    /// applications; `PUSH_APNS_TOPIC`: the iOS app's bundle id. Off when there is none. On Lambda only.
    pub fn push_apps(&self) -> Result<Option<PushApps>, BadSetting> {
        let mut apps = PushApps::default();
        for (service, name, arn) in [
            (PushService::Gcm, "PUSH_GCM", self.get("PUSH_GCM")),
            (PushService::Apns, "PUSH_APNS", self.get("PUSH_APNS")),
            (PushService::ApnsSandbox, "PUSH_APNS_SANDBOX", self.get("PUSH_APNS_SANDBOX")),
            (PushService::ApnsVoip, "PUSH_APNS_VOIP", self.get("PUSH_APNS_VOIP")),
            (PushService::ApnsVoipSandbox, "PUSH_APNS_VOIP_SANDBOX", self.get("PUSH_APNS_VOIP_SANDBOX")),
        ] {
            if let Some(arn) = arn {
                let is_app = arn.starts_with("arn:") && arn.contains(&format!(":app/{}/", service.word()));
                if !is_app {
                    return Err(bad(name, format!("must be the ARN of a platform application for {}", service.word())));
                }
                apps.arns.insert(service, arn);
            }
        }
        apps.bundle_id = self.get("PUSH_APNS_TOPIC");
        Ok(Some(apps).filter(|apps| !apps.arns.is_empty()))
    }

    /// `PUSH_FCM_ACCOUNT`: the ARN of the secret with the service account by which FCM is asked without SNS. On Lambda only.
    pub fn push_fcm_account(&self) -> Result<Option<String>, BadSetting> {
        let Some(arn) = self.get("PUSH_FCM_ACCOUNT") else { return Ok(None) };
        let is_one = arn.starts_with("arn:") && arn.contains(":secretsmanager:") && arn.contains(":secret:");
        if is_one {
            Ok(Some(arn))
        } else {
            Err(bad("PUSH_FCM_ACCOUNT", "must be the ARN of a secret of Secrets Manager"))
        }
    }

    /// `IOT_ENDPOINT`: the account's IoT data endpoint, `https://…`. On Lambda only.
    pub fn iot_endpoint(&self) -> Result<String, BadSetting> {
        self.must("IOT_ENDPOINT", "http://127.0.0.1")
    }

    /// `EXPIRE_QUEUE_URL`: the delay queue of the ring timer. On Lambda only.
    pub fn expire_queue_url(&self) -> Result<String, BadSetting> {
        self.must("EXPIRE_QUEUE_URL", "http://127.0.0.1")
    }

    /// `PRESENCE_QUEUE_URL`: where a disconnect waits until it is looked at again. On Lambda only.
    pub fn presence_queue_url(&self) -> Result<String, BadSetting> {
        self.must("PRESENCE_QUEUE_URL", "http://127.0.0.1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "EVENTS_TABLE" | "DIRECTORY_TABLE" => "t",
            "AUTH_ALGORITHMS" => "HS256",
            "AUTH_SECRET" | "MQTT_SECRET" | "PAYLOAD_SECRET" => "a secret of the operator's own, long enough",
            "MQTT_URL" | "MQTT_WEBSOCKET_URL" => "ssl://broker",
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
    fn a_trtc_application_that_tencent_would_refuse_is_refused_by_name() {
        for (name, value) in [("TRTC_SDK_APP_ID", "0"), ("TRTC_SDK_APP_ID", "app"), ("TRTC_SECRET_KEY", " ")] {
            let read = move |asked: &str| if asked == name { Some(value.to_owned()) } else { env(asked) };
            let refused = Settings::deployed(read).trtc().err();
            assert_eq!(refused.map(|error| error.name), Some(name), "{value:?}");
        }
    }

    #[test]
    fn a_topic_prefix_that_would_bend_a_topic_is_refused_by_name() {
        for (value, good) in
            [("", true), ("blue", true), ("d", false), ("a/b", false), ("Blue", false), ("ninechars", false)]
        {
            let prefix =
                Settings::for_dev(move |name| (name == "TOPIC_PREFIX").then(|| value.to_owned())).topic_prefix();
            assert_eq!(prefix.is_ok(), good, "{value:?}");
            assert!(prefix.err().is_none_or(|error| error.name == "TOPIC_PREFIX"));
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

    #[test]
    fn half_a_room_api_is_refused_by_name() {
        let read = |asked: &str| (asked == "TRTC_API_SECRET_ID").then(|| "id".to_owned());
        let refused = Settings::for_dev(read).room_api(Clock::system()).err().map(|error| error.name);
        assert_eq!(refused, Some("TRTC_API_SECRET_KEY"));
    }
}
