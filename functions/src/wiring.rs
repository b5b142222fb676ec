//! The parts of the house, put together from settings. Each method reads what its part needs, and nothing else; so a
//! function that is made of some of them neither reads a secret nor opens a connection that it has no use for.

use std::sync::Arc;

use ilock_auth::AccessTokens;
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_log::EventLog;
use ilock_log::ledger::{Ledger, Witnesses};
use ilock_notify::push::PushCarrier;
use ilock_notify::{Mqtt, RingTimer};
use ilock_trtc::RoomApi;

use crate::service::calls::Calls;
use crate::service::delivery::{Notifier, PUSH_BUDGET};
use crate::service::mqtt_access::{MqttAccess, MqttCredentialIssuer};
use crate::service::push_binding::PushBinding;
use crate::service::push_directory::{PushDirectory, Pushes};
use crate::service::room_credentials::{RingCredentials, RoomCredentials};
use crate::service::room_watch::RoomWatch;
use crate::service::token_verifier::TokenVerifier;
use crate::service::witness_client::HttpWitnesses;
use crate::settings::{BadSetting, Settings};

/// What carries messages, alarms and pushes: AWS, one process, or a test.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Carriers: Send + Sync {
    /// Carries MQTT messages.
    fn mqtt(&self) -> Result<Arc<dyn Mqtt>, BadSetting>;

    /// Ends the ringing.
    fn timer(&self) -> Result<Arc<dyn RingTimer>, BadSetting>;

    /// Carries pushes, one try at a time; none where they are not used.
    fn push(&self) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting>;

    /// Registers push tokens. The client waits for that, so it may be tried again by itself.
    fn push_registry(&self) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting> {
        self.push()
    }
}

/// Carriers that are there already.
#[derive(Clone)]
pub struct InProcess {
    /// Carries MQTT messages.
    pub mqtt: Arc<dyn Mqtt>,
    /// Ends the ringing.
    pub timer: Arc<dyn RingTimer>,
    /// Carries pushes, where they are used.
    pub push: Option<Arc<dyn PushCarrier>>,
}

impl Carriers for InProcess {
    fn mqtt(&self) -> Result<Arc<dyn Mqtt>, BadSetting> {
        Ok(self.mqtt.clone())
    }

    fn timer(&self) -> Result<Arc<dyn RingTimer>, BadSetting> {
        Ok(self.timer.clone())
    }

    fn push(&self) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting> {
        Ok(self.push.clone())
    }
}

/// What every part is made of.
#[derive(Clone)]
pub struct Wiring {
    /// What the operator decided.
    pub settings: Settings,
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// What carries messages.
    pub carriers: Arc<dyn Carriers>,
    /// The one clock.
    pub clock: Clock,
}

/// One method a part.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Wiring {
    /// The event log.
    pub fn log(&self) -> Result<EventLog, BadSetting> {
        Ok(EventLog::new(self.dynamodb.clone(), self.settings.events_table()?))
    }

    pub fn ledger(&self) -> Result<Ledger, BadSetting> {
        Ok(Ledger::new(self.dynamodb.clone(), self.settings.ledger_table()?))
    }

    /// The ledger's witnesses, where there are any.
    pub fn witnesses(&self) -> Result<Option<Witnesses>, BadSetting> {
        let Some(policy) = self.settings.witnesses()? else { return Ok(None) };
        let client = HttpWitnesses::new().map_err(|why| BadSetting { name: "LEDGER_WITNESSES", why })?;
        Ok(Some(Witnesses { policy, client: Arc::new(client) }))
    }

    pub fn directory(&self) -> Result<Directory, BadSetting> {
        Ok(Directory::new(self.dynamodb.clone(), self.settings.directory_table()?))
    }

    /// What verifies access tokens.
    pub fn token_verifier(&self) -> Result<TokenVerifier, BadSetting> {
        let tokens = AccessTokens::new(self.settings.access()?)?;
        Ok(TokenVerifier::new(tokens, self.directory()?, self.clock.clone(), self.settings.topic_prefix()?))
    }

    /// What decides who may connect to the broker.
    pub fn mqtt_access(&self) -> Result<MqttAccess, BadSetting> {
        Ok(MqttAccess {
            tokens: Arc::new(self.settings.mqtt_tokens()?),
            arns: self.settings.arns()?,
            prefix: self.settings.topic_prefix()?,
            refresh_seconds: self.settings.mqtt_refresh_seconds()?,
        })
    }

    /// What issues MQTT credentials.
    pub fn mqtt_credential_issuer(&self) -> Result<MqttCredentialIssuer, BadSetting> {
        Ok(MqttCredentialIssuer {
            tokens: Arc::new(self.settings.mqtt_tokens()?),
            token_seconds: self.settings.mqtt_token_seconds()?,
            payload_keys: Arc::new(self.settings.payload_keys()?),
            broker_url: self.settings.mqtt_url()?,
            websocket_url: self.settings.mqtt_websocket_url()?,
            prefix: self.settings.topic_prefix()?,
            authorizer: self.settings.mqtt_authorizer()?,
            signer: self.settings.mqtt_signing_key()?,
        })
    }

    /// What binds push endpoints to clients.
    pub fn push_binding(&self) -> Result<PushBinding, BadSetting> {
        Ok(PushBinding { directory: self.directory()?, pushes: Pushes(self.carriers.push_registry()?) })
    }

    /// What makes room credentials.
    pub fn room_credentials(&self) -> Result<RoomCredentials, BadSetting> {
        Ok(RoomCredentials {
            trtc: Arc::new(self.settings.trtc()?),
            valid_seconds: self.settings.room_credential_seconds()?,
            clock: self.clock.clone(),
        })
    }

    /// What makes the credentials in messages that ring.
    fn ring_credentials(&self) -> Result<RingCredentials, BadSetting> {
        Ok(RingCredentials {
            rooms: self.room_credentials()?,
            payload_keys: Arc::new(self.settings.payload_keys()?),
            in_messages: self.settings.sig_in_messages()?,
            directory: self.directory()?,
        })
    }

    /// What delivers every notice, by MQTT and by push.
    pub fn notifier(&self) -> Result<Notifier, BadSetting> {
        let rings = Some(self.ring_credentials()?);
        Ok(Notifier { rings, ..self.notifier_of_no_ring()? })
    }

    /// What delivers notices of which none rings.
    fn notifier_of_no_ring(&self) -> Result<Notifier, BadSetting> {
        let push = match self.carriers.push()? {
            Some(carrier) => Some(PushDirectory::new(carrier, self.directory()?)),
            None => None,
        };
        Ok(Notifier { push, ..self.notifier_without_push()? })
    }

    /// What delivers notices by MQTT alone, of which none rings.
    fn notifier_without_push(&self) -> Result<Notifier, BadSetting> {
        Ok(Notifier {
            log: self.log()?,
            mqtt: self.carriers.mqtt()?,
            push: None,
            sdk_app_id: self.settings.sdk_app_id()?,
            rings: None,
            clock: self.clock.clone(),
            fast_path: self.settings.fast_path()?,
            push_budget: PUSH_BUDGET,
        })
    }

    /// What executes commands, and those that ring too.
    pub fn calls_that_ring(&self) -> Result<Calls, BadSetting> {
        self.calls_by(self.notifier()?)
    }

    /// What executes commands that make nobody's phone ring.
    pub fn calls(&self) -> Result<Calls, BadSetting> {
        self.calls_by(self.notifier_of_no_ring()?)
    }

    fn calls_by(&self, notifier: Notifier) -> Result<Calls, BadSetting> {
        let log = self.log()?.keeping_personal(self.settings.personal_days()?);
        let (timer, directory) = (self.carriers.timer()?, self.directory()?);
        Ok(Calls { log, notifier, timer, directory, clock: self.clock.clone() })
    }

    /// Tencent's room API, where the operator uses it.
    pub fn room_api(&self) -> Result<Option<RoomApi>, BadSetting> {
        self.settings.room_api(self.clock.clone())
    }

    /// What hears of rooms. It ends calls that were answered: no phone is to be woken for that.
    pub fn room_watch(&self) -> Result<RoomWatch, BadSetting> {
        Ok(RoomWatch {
            keys: self.settings.trtc_callback_keys()?,
            sdk_app_id: self.settings.sdk_app_id()?,
            room_api: self.room_api()?,
            calls: self.calls_by(self.notifier_without_push()?)?,
        })
    }
}
