//! What carries messages on AWS. Each client is made once, when a function first needs it: two would open their
//! connections twice.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use ilock_env::Clock;
use ilock_functions::service::delivery::FAST_BUDGET;
use ilock_functions::service::http_push::{FCM_URL, Fcm, GoogleAccess, HttpPush};
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::wiring::Carriers;
use ilock_notify::push::PushCarrier;
use ilock_notify::{Mqtt, RingTimer};

use super::delay_queue::DelayQueue;
use super::iot_core::IotCore;
use super::kept_account::KeptAccount;
use super::sns::Sns;

/// How long a request to AWS may take: one try, and all of them together.
#[must_use]
pub fn request_timeouts() -> TimeoutConfig {
    let one_try = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1));
    one_try.operation_timeout(Duration::from_secs(3)).build()
}

/// How long a message is tried. It says for how long a phone rings, and that the call rings at all, as of the first try; what was
/// not taken is told anew, by another look.
fn message_timeouts() -> TimeoutConfig {
    let one_try = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(500));
    one_try.operation_timeout(Duration::from_secs(1)).build()
}

/// How often a message is tried within one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Somebody waits for the answer: one try, within the fast path's budget. The projector does the rest.
    CallerWaiting,
    Background,
}

/// The carriers of one function on AWS.
pub struct AwsCarriers {
    settings: Settings,
    sdk: SdkConfig,
    retry: RetryPolicy,
    clock: Clock,
    iot: OnceLock<Arc<IotCore>>,
    sns: OnceLock<Arc<Sns>>,
    push: OnceLock<Arc<dyn PushCarrier>>,
    timer: OnceLock<Arc<DelayQueue>>,
}

impl AwsCarriers {
    /// In the account that `sdk` reaches.
    #[must_use]
    pub fn new(settings: Settings, sdk: SdkConfig, retry: RetryPolicy, clock: Clock) -> Self {
        let (iot, sns, push, timer) = (OnceLock::new(), OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { settings, sdk, retry, clock, iot, sns, push, timer }
    }

    /// IoT Core.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn iot(&self) -> Result<Arc<IotCore>, BadSetting> {
        if let Some(made) = self.iot.get() {
            return Ok(made.clone());
        }
        let (timeouts, retries) = match self.retry {
            RetryPolicy::CallerWaiting => {
                (TimeoutConfig::builder().operation_timeout(FAST_BUDGET).build(), RetryConfig::disabled())
            }
            RetryPolicy::Background => (message_timeouts(), RetryConfig::standard()),
        };
        let config = aws_sdk_iotdataplane::config::Builder::from(&self.sdk)
            .endpoint_url(self.settings.iot_endpoint()?)
            .timeout_config(timeouts)
            .retry_config(retries);
        let client = aws_sdk_iotdataplane::Client::from_conf(config.build());
        let made = Arc::new(IotCore::new(client, self.settings.topic_prefix()?));
        Ok(self.iot.get_or_init(|| made).clone())
    }

    fn pushes(&self, retries: RetryConfig) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting> {
        if let Some(made) = self.push.get() {
            return Ok(Some(made.clone()));
        }
        let sns = self.sns_with(retries)?.map(|sns| sns as Arc<dyn PushCarrier>);
        let made = match self.settings.push_fcm_account()? {
            Some(account) => Some(self.fcm(account, sns)?),
            None => sns,
        };
        Ok(made.map(|made| self.push.get_or_init(|| made).clone()))
    }

    /// FCM without SNS, and `beside` it SNS for the others, and for tokens that were registered there before.
    fn fcm(&self, account: String, beside: Option<Arc<dyn PushCarrier>>) -> Result<Arc<dyn PushCarrier>, BadSetting> {
        let bad = |why| BadSetting { name: "PUSH_FCM_ACCOUNT", why };
        let kept = KeptAccount::new(aws_sdk_secretsmanager::Client::new(&self.sdk), account);
        let google = GoogleAccess::new(Arc::new(kept), self.clock.clone()).map_err(bad)?;
        let fcm = Arc::new(Fcm::new(FCM_URL, Arc::new(google)));
        let made = HttpPush::new(vec![fcm], beside, self.clock.clone()).map_err(bad)?;
        made.prepare();
        Ok(Arc::new(made))
    }

    /// SNS, as pushes are sent by it: without retries of its own. None where no pushes go by it.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn sns(&self) -> Result<Option<Arc<Sns>>, BadSetting> {
        self.sns_with(RetryConfig::disabled())
    }

    fn sns_with(&self, retries: RetryConfig) -> Result<Option<Arc<Sns>>, BadSetting> {
        if let Some(made) = self.sns.get() {
            return Ok(Some(made.clone()));
        }
        let Some(apps) = self.settings.push_apps()? else { return Ok(None) };
        let config = aws_sdk_sns::config::Builder::from(&self.sdk);
        let config = config.timeout_config(request_timeouts()).retry_config(retries);
        let made = Arc::new(Sns::new(aws_sdk_sns::Client::from_conf(config.build()), apps));
        Ok(Some(self.sns.get_or_init(|| made).clone()))
    }

    fn queue(&self, url: String) -> DelayQueue {
        DelayQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url, self.clock.clone())
    }

    /// The ring timer's queue.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn ring_queue(&self) -> Result<Arc<DelayQueue>, BadSetting> {
        let url = self.settings.expire_queue_url()?;
        Ok(self.timer.get_or_init(|| Arc::new(self.queue(url))).clone())
    }

    /// The queue in which a commit waits whose push, or row in a history, failed.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn projector_queue(&self) -> Result<DelayQueue, BadSetting> {
        Ok(self.queue(self.settings.projector_queue_url()?))
    }

    /// The queue in which a disconnect waits until it is looked at again.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn presence_queue(&self) -> Result<DelayQueue, BadSetting> {
        Ok(self.queue(self.settings.presence_queue_url()?))
    }
}

impl Carriers for AwsCarriers {
    fn mqtt(&self) -> Result<Arc<dyn Mqtt>, BadSetting> {
        Ok(self.iot()?)
    }

    fn timer(&self) -> Result<Arc<dyn RingTimer>, BadSetting> {
        Ok(self.ring_queue()?)
    }

    /// A push is tried anew by its delivery, with the time that it has left then: the client does not retry by itself.
    fn push(&self) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting> {
        self.pushes(RetryConfig::disabled())
    }

    fn push_registry(&self) -> Result<Option<Arc<dyn PushCarrier>>, BadSetting> {
        self.pushes(RetryConfig::standard())
    }
}
