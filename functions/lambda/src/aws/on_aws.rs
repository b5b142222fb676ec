//! What [`Wiring`] is made of on AWS.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::wiring::Wiring;
use ilock_log::ledger::{LedgerReader, LedgerSigner, Sequencer};

use super::bucket::Bucket;
use super::carriers::{AwsCarriers, RetryPolicy};
use super::kms_key::KmsKey;

/// How long one try of reading or writing a tile may take, and all of them: the next run is a minute away.
const STORE_TRY: Duration = Duration::from_secs(3);
const STORE_ALL_TRIES: Duration = Duration::from_secs(10);

/// A connection that is opened before somebody rings, not while they do.
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
    /// To SNS, where pushes go by it. FCM without SNS asks Google for its access token once it is made.
    Push,
}

/// One function's parts, on AWS.
pub struct OnAws {
    /// The parts that are made the same everywhere.
    pub wiring: Wiring,
    /// What carries messages here.
    pub carriers: Arc<AwsCarriers>,
    sdk: SdkConfig,
}

impl OnAws {
    /// In the account that `sdk` reaches.
    #[must_use]
    pub fn new(settings: Settings, sdk: SdkConfig, retry: RetryPolicy) -> Self {
        let clock = Clock::system();
        let carriers = Arc::new(AwsCarriers::new(settings.clone(), sdk.clone(), retry, clock.clone()));
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        Self { wiring: Wiring { settings, dynamodb, carriers: carriers.clone(), clock }, carriers, sdk }
    }

    /// What sequences the ledger, into S3 and with KMS.
    ///
    /// # Errors
    /// [`BadSetting`] when what it reads is missing or wrong.
    pub fn sequencer(&self) -> Result<Sequencer, BadSetting> {
        let settings = &self.wiring.settings;
        let store = self.bucket()?;
        let (ledger, clock, origin) = (self.wiring.ledger()?, self.wiring.clock.clone(), settings.ledger_origin()?);
        let kms = aws_sdk_kms::Client::new(&self.sdk);
        let signer = |arn: String| Arc::new(KmsKey::new(kms.clone(), arn, &origin)) as Arc<dyn LedgerSigner>;
        Ok(Sequencer {
            ledger,
            store: Arc::new(store.locking(settings.ledger_retention()?, clock.clone())),
            signers: settings.ledger_key_arns()?.into_iter().map(signer).collect(),
            witnesses: self.wiring.witnesses()?,
            clock,
            origin,
        })
    }

    /// The published ledger, in S3.
    ///
    /// # Errors
    /// [`BadSetting`] when what it reads is missing or wrong.
    pub fn ledger_reader(&self) -> Result<LedgerReader, BadSetting> {
        Ok(LedgerReader::new(Arc::new(self.bucket()?)))
    }

    fn bucket(&self) -> Result<Bucket, BadSetting> {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(STORE_TRY).operation_timeout(STORE_ALL_TRIES);
        let s3 = aws_sdk_s3::config::Builder::from(&self.sdk).timeout_config(timeouts.build());
        Ok(Bucket::new(aws_sdk_s3::Client::from_conf(s3.build()), self.wiring.settings.ledger_bucket()?))
    }

    /// Opens `connections`. What fails here fails again, and is answered, when somebody asks.
    pub async fn warm(&self, connections: &[Warm]) {
        let opened = connections.iter().map(async |connection| {
            if let Err(error) = self.open(*connection).await {
                tracing::warn!(error, ?connection, "connection not opened at start; the first request opens it");
            }
        });
        futures::future::join_all(opened).await;
    }

    fn open(&self, connection: Warm) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let bad = |bad: BadSetting| bad.to_string();
            match connection {
                Warm::Log => in_words(self.wiring.log().map_err(bad)?.warm().await),
                Warm::Ledger => in_words(self.wiring.ledger().map_err(bad)?.warm().await),
                Warm::Directory => in_words(self.wiring.directory().map_err(bad)?.warm().await),
                Warm::Broker => in_words(self.carriers.iot().map_err(bad)?.warm().await),
                Warm::Timer => in_words(self.carriers.ring_queue().map_err(bad)?.warm().await),
                Warm::Push => match self.carriers.sns().map_err(bad)? {
                    Some(sns) => in_words(sns.warm().await),
                    None => Ok(()),
                },
            }
        })
    }
}

fn in_words(outcome: Result<(), impl ToString>) -> Result<(), String> {
    outcome.map_err(|error| error.to_string())
}
