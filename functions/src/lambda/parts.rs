//! The parts of the house, on AWS, and which of them each function needs.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use ilock_directory::Directory;
use ilock_notify::Mqtt;
use ilock_notify::iot::IotCore;
use ilock_notify::push::PushCarrier;
use ilock_notify::sns::Sns;
use ilock_notify::sqs::DelayQueue;

use crate::app::{
    Auditing, Broker, Calling, Leaving, Listing, Looking, MqttAccess, Registering, Reporting, TakingTokens, Watching,
};
use crate::calls::Calls;
use crate::ledger::LedgerKeeper;
use crate::phones::Pushes;
use crate::projector::Projector;
use crate::seal_log::Sealer;
use crate::seal_log::aws::{Bucket, KmsKey};
use crate::settings::{BadSetting, Settings};
use crate::telling::FAST_BUDGET;
use crate::wiring::Wiring;
use ilock_env::Clock;

/// A single try of a request to AWS, and all tries of one together: a caller waits for these.
pub(super) const TRY: Duration = Duration::from_secs(1);
pub(super) const ALL_TRIES: Duration = Duration::from_secs(3);

/// The same of a bundle: nobody waits, and it may have grown large.
const SEAL_TRY: Duration = Duration::from_secs(30);
const SEAL_ALL_TRIES: Duration = Duration::from_secs(90);

/// How the carrier of MQTT messages is given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Somebody waits for the answer: one try, within the fast path's budget. The projector does the rest.
    Little,
    /// Nobody waits.
    Much,
}

/// A connection that is better opened before somebody rings than while they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warm {
    /// To DynamoDB, for the log.
    Log,
    /// To DynamoDB, for the ledger.
    Ledger,
    /// To DynamoDB, for the directory.
    Directory,
    /// To the broker.
    Broker,
    /// To the ring timer's queue.
    Timer,
}

/// The parts of the house, on AWS.
pub struct OnAws {
    /// The parts that are the same everywhere.
    pub wiring: Wiring,
    sdk: SdkConfig,
    patience: Patience,
    // Clients that are made twice open their connections twice.
    iot: OnceLock<Arc<IotCore>>,
    push: OnceLock<Arc<Sns>>,
    timer: OnceLock<Arc<DelayQueue>>,
}

/// One method a carrier, then one a function: the state that its binary serves.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl OnAws {
    /// On the account that `sdk` reaches.
    #[must_use]
    pub fn new(settings: Settings, sdk: SdkConfig, patience: Patience) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let wiring = Wiring { settings, dynamodb, push: None, clock: Clock::system() };
        Self { wiring, sdk, patience, iot: OnceLock::new(), push: OnceLock::new(), timer: OnceLock::new() }
    }

    fn iot(&self) -> Result<Arc<IotCore>, BadSetting> {
        if let Some(made) = self.iot.get() {
            return Ok(made.clone());
        }
        let timeouts = TimeoutConfig::builder();
        let (timeouts, tries) = match self.patience {
            Patience::Little => (timeouts.operation_timeout(FAST_BUDGET), RetryConfig::disabled()),
            Patience::Much => {
                (timeouts.operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES), RetryConfig::standard())
            }
        };
        let config = aws_sdk_iotdataplane::config::Builder::from(&self.sdk)
            .endpoint_url(self.wiring.settings.iot_endpoint()?)
            .timeout_config(timeouts.build())
            .retry_config(tries);
        let made = Arc::new(IotCore::new(aws_sdk_iotdataplane::Client::from_conf(config.build())));
        Ok(self.iot.get_or_init(|| made).clone())
    }

    /// The carrier of pushes. `retries` are for registering a token; a push is tried anew by its delivery, with the time
    /// that it has left then.
    fn sns(&self, retries: RetryConfig) -> Result<Option<Arc<Sns>>, BadSetting> {
        let Some(apps) = self.wiring.settings.push_apps()? else { return Ok(None) };
        if let Some(made) = self.push.get() {
            return Ok(Some(made.clone()));
        }
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES).build();
        let config = aws_sdk_sns::config::Builder::from(&self.sdk).timeout_config(timeouts).retry_config(retries);
        let made = Arc::new(Sns::new(aws_sdk_sns::Client::from_conf(config.build()), apps));
        Ok(Some(self.push.get_or_init(|| made).clone()))
    }

    /// The parts, with the carrier of pushes among them.
    fn waking(&self) -> Result<Wiring, BadSetting> {
        let push = self.sns(RetryConfig::disabled())?.map(|sns| sns as Arc<dyn PushCarrier>);
        Ok(Wiring { push, ..self.wiring.clone() })
    }

    fn pushes(&self) -> Result<Pushes, BadSetting> {
        Ok(Pushes(self.sns(RetryConfig::standard())?.map(|sns| sns as Arc<dyn PushCarrier>)))
    }

    fn mqtt(&self) -> Result<Arc<dyn Mqtt>, BadSetting> {
        Ok(self.iot()?)
    }

    fn queue(&self, url: String) -> DelayQueue {
        DelayQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url, self.wiring.clock.clone())
    }

    fn timer(&self) -> Result<Arc<DelayQueue>, BadSetting> {
        let url = self.wiring.settings.expire_queue_url()?;
        Ok(self.timer.get_or_init(|| Arc::new(self.queue(url))).clone())
    }

    /// register-client.
    pub fn registering(&self) -> Result<Registering, BadSetting> {
        Ok(Registering {
            access: self.wiring.access()?,
            welcome: self.wiring.welcome()?,
            broker: Broker(self.mqtt()?),
            directory: self.wiring.directory()?,
            pushes: self.pushes()?,
            clock: self.wiring.clock.clone(),
        })
    }

    /// register-push-token.
    pub fn taking_tokens(&self) -> Result<TakingTokens, BadSetting> {
        Ok(TakingTokens {
            access: self.wiring.access()?,
            directory: self.wiring.directory()?,
            pushes: self.pushes()?,
            clock: self.wiring.clock.clone(),
        })
    }

    /// push-feedback.
    pub fn hearing_of_pushes(&self) -> Result<(Directory, Clock), BadSetting> {
        Ok((self.wiring.directory()?, self.wiring.clock.clone()))
    }

    /// update-client-status.
    pub fn reporting(&self) -> Result<Reporting, BadSetting> {
        let Wiring { clock, .. } = self.wiring.clone();
        Ok(Reporting { access: self.wiring.access()?, directory: self.wiring.directory()?, clock })
    }

    /// remove-client.
    pub fn leaving(&self) -> Result<Leaving, BadSetting> {
        let broker = Broker(self.mqtt()?);
        Ok(Leaving { access: self.wiring.access()?, broker, directory: self.wiring.directory()? })
    }

    /// create-call, callee-action, caller-action.
    pub fn calling(&self) -> Result<Calling, BadSetting> {
        Ok(Calling {
            access: self.wiring.access()?,
            directory: self.wiring.directory()?,
            calls: self.waking()?.calls(self.mqtt()?, self.timer()?)?,
            rooms: self.wiring.rooms()?,
            clock: self.wiring.clock.clone(),
        })
    }

    /// get-call.
    pub fn looking(&self) -> Result<Looking, BadSetting> {
        Ok(Looking {
            access: self.wiring.access()?,
            log: self.wiring.log()?,
            rooms: self.wiring.rooms()?,
            clock: self.wiring.clock.clone(),
        })
    }

    /// list-calls.
    pub fn listing(&self) -> Result<Listing, BadSetting> {
        Ok(Listing { access: self.wiring.access()?, log: self.wiring.log()?, directory: self.wiring.directory()? })
    }

    /// list-audit, replay-call, list-accesses.
    pub fn auditing(&self) -> Result<Auditing, BadSetting> {
        let Wiring { clock, .. } = self.wiring.clone();
        Ok(Auditing { access: self.wiring.access()?, log: self.wiring.log()?, clock })
    }

    /// trtc-callback.
    pub fn watching(&self) -> Result<Watching, BadSetting> {
        Ok(Watching {
            room_watch: self.wiring.room_watch()?,
            directory: self.wiring.directory()?,
            // It ends calls that were answered: no phone is to be woken for that.
            calls: self.wiring.calls(self.mqtt()?, self.timer()?)?,
        })
    }

    /// projector.
    pub fn projecting(&self) -> Result<Projector, BadSetting> {
        self.waking()?.projector(self.mqtt()?)
    }

    /// ledger.
    pub fn entering(&self) -> Result<LedgerKeeper, BadSetting> {
        self.wiring.ledger()
    }

    /// seal-log.
    pub fn sealing(&self) -> Result<Sealer, BadSetting> {
        let settings = &self.wiring.settings;
        let patience = TimeoutConfig::builder().operation_attempt_timeout(SEAL_TRY).operation_timeout(SEAL_ALL_TRIES);
        let s3 = aws_sdk_s3::config::Builder::from(&self.sdk).timeout_config(patience.build());
        let vault = Bucket::new(aws_sdk_s3::Client::from_conf(s3.build()), settings.seals_bucket()?);
        let key = KmsKey::new(aws_sdk_kms::Client::new(&self.sdk), settings.seal_key_arn()?, settings.ledger_name()?);
        let ledger = self.wiring.ledger()?.ledger;
        Ok(Sealer { ledger, vault: Arc::new(vault), key: Arc::new(key), clock: self.wiring.clock.clone() })
    }

    /// expire-call.
    pub fn expiring(&self) -> Result<Calls, BadSetting> {
        self.waking()?.calls(self.mqtt()?, self.timer()?)
    }

    /// mqtt-authorizer.
    pub fn authorizing(&self) -> Result<(MqttAccess, Directory, Clock), BadSetting> {
        Ok((self.wiring.mqtt_access()?, self.wiring.directory()?, self.wiring.clock.clone()))
    }

    /// presence.
    pub fn watching_presence(&self) -> Result<(Directory, DelayQueue), BadSetting> {
        Ok((self.wiring.directory()?, self.queue(self.wiring.settings.presence_queue_url()?)))
    }

    /// Opens connections. What fails here fails again, and is answered, when somebody asks.
    pub async fn warm(&self, connections: &[Warm]) {
        let opened = connections.iter().map(async |connection| {
            let outcome = match connection {
                Warm::Log => match self.wiring.log() {
                    Ok(log) => log.warm().await.map_err(|error| error.to_string()),
                    Err(bad) => Err(bad.to_string()),
                },
                Warm::Ledger => match self.wiring.ledger() {
                    Ok(keeper) => keeper.ledger.warm().await.map_err(|error| error.to_string()),
                    Err(bad) => Err(bad.to_string()),
                },
                Warm::Directory => match self.wiring.directory() {
                    Ok(directory) => directory.warm().await.map_err(|error| error.to_string()),
                    Err(bad) => Err(bad.to_string()),
                },
                Warm::Broker => match self.iot() {
                    Ok(iot) => iot.warm().await.map_err(|error| error.to_string()),
                    Err(bad) => Err(bad.to_string()),
                },
                Warm::Timer => match self.timer() {
                    Ok(timer) => timer.warm().await.map_err(|error| error.to_string()),
                    Err(bad) => Err(bad.to_string()),
                },
            };
            if let Err(error) = outcome {
                tracing::warn!(error, ?connection, "not warmed");
            }
        });
        futures::future::join_all(opened).await;
    }
}
