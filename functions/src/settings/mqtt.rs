//! The MQTT broker: where it is, who may connect, and what its messages are encrypted with.

use ilock_auth::{Arns, ConnectSigner, MqttTokens, PayloadKeys, Secret, ShortSecret};
use ilock_events::TopicPrefix;

use super::forms::{require, url};
use super::{BadSetting, Settings, bad};

/// One method a setting, or a few that only count together.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
impl Settings {
    /// `MQTT_URL`: where clients find the broker.
    pub fn mqtt_url(&self) -> Result<String, BadSetting> {
        self.must_be("MQTT_URL", "tcp://127.0.0.1:1883", |text| url(text, &["tcp", "ssl", "mqtt", "mqtts"]))
    }

    /// `MQTT_WEBSOCKET_URL`: the same over WebSocket.
    pub fn mqtt_websocket_url(&self) -> Result<String, BadSetting> {
        self.must_be("MQTT_WEBSOCKET_URL", "ws://127.0.0.1:8083/mqtt", |text| url(text, &["ws", "wss"]))
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
        ConnectSigner::new(&pem)
            .map(Some)
            .map_err(|error| bad("MQTT_SIGNING_KEY", format!("must be an RSA private key in PEM form: {error}")))
    }

    /// `PAYLOAD_SECRET`, `PAYLOAD_KEY_VERSION`: the keys of message payloads. A higher version changes all of them.
    pub fn payload_keys(&self) -> Result<PayloadKeys, BadSetting> {
        let version = self.number("PAYLOAD_KEY_VERSION", 1, 1..=u32::MAX)?;
        let keys = PayloadKeys::new(self.secret("PAYLOAD_SECRET")?, version);
        keys.map_err(|short| bad("PAYLOAD_SECRET", short.to_string()))
    }

    /// `TOPIC_PREFIX`: what stands before the topics and client ids of this stack, where an AWS account and region has several.
    pub fn topic_prefix(&self) -> Result<TopicPrefix, BadSetting> {
        let prefix = self.get("TOPIC_PREFIX").unwrap_or_default();
        TopicPrefix::new(prefix).map_err(|error| bad("TOPIC_PREFIX", format!("must be {}", error.rule)))
    }

    /// `AWS_REGION`, `AWS_ACCOUNT_ID`, `AWS_PARTITION`: where the topics are.
    pub fn arns(&self) -> Result<Arns, BadSetting> {
        let name = |text: &str, rule: &str| {
            let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            require(text.bytes().all(in_name), || format!("must be {rule}"))
        };
        let digits = |text: &str| {
            let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            require(is_account, || "must be the 12 digits of an AWS account".to_owned())
        };
        let partition = self.may_be("AWS_PARTITION", |text| name(text, "a partition such as aws or aws-cn"))?;
        Ok(Arns {
            partition: partition.unwrap_or_else(|| "aws".into()),
            region: self.must_be("AWS_REGION", "local", |text| name(text, "a region such as eu-central-1"))?,
            account: self.must_be("AWS_ACCOUNT_ID", "000000000000", digits)?,
        })
    }

    /// `IOT_ENDPOINT`: the account's IoT data endpoint, `https://…`. On Lambda only.
    pub fn iot_endpoint(&self) -> Result<String, BadSetting> {
        self.must_be("IOT_ENDPOINT", "http://127.0.0.1", |text| url(text, &["https", "http"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
