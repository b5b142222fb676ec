//! The functions, as they are deployed: wired from settings and SDKs, whose HTTP connector is the simulation's.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use ilock_env::Clock;
use ilock_functions::http::router::{all_routes, service};
use ilock_functions::service::calls::Calls;
use ilock_functions::settings::Settings;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::wiring::Wiring;
use ilock_lambda::aws::{AwsCarriers, DelayQueue, RetryPolicy, request_timeouts};

use crate::bugs::Bug;
use crate::cloud::{Cloud, Connector};
use crate::dice::Dice;
use crate::time::Time;

/// How far behind the clock is that a planted bug hands to the function which takes answers.
const BEHIND_MS: i64 = 30_000;

/// One instance of each function. Its clock is off by as much as the weather allows.
pub struct Functions {
    pub router: Router,
    /// Takes what a callee does.
    pub callee_action: Router,
    pub calls: Calls,
    pub projector: Projector,
    /// What the projector leaves for later.
    pub retries: Arc<DelayQueue>,
}

pub fn settings() -> Settings {
    Settings::for_dev(|name| {
        let value = match name {
            "IOT_ENDPOINT" => "https://iot.simulated",
            "EXPIRE_QUEUE_URL" => "https://sqs.simulated/000000000000/expire",
            "PROJECTOR_QUEUE_URL" => "https://sqs.simulated/000000000000/projector",
            "PUSH_GCM" => "arn:aws:sns:local:000000000000:app/GCM/app",
            "PUSH_APNS" => "arn:aws:sns:local:000000000000:app/APNS/app",
            "PUSH_APNS_VOIP" => "arn:aws:sns:local:000000000000:app/APNS_VOIP/app",
            _ => return None,
        };
        Some(value.to_owned())
    })
}

/// The SDKs' configuration. Each seed has a region of its own: the SDKs share what they know of throttling by region.
pub fn sdk(seed: u64, cloud: &Arc<Cloud>) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(format!("simulated-{seed}")))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "simulated")))
        .endpoint_url("https://aws.simulated")
        .timeout_config(request_timeouts())
        .http_client(Connector(cloud.clone()))
        .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(TokioSleep))
        .build()
}

/// Sleeps by tokio's clock, which the simulation has paused.
#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_dynamodb::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: std::time::Duration) -> aws_sdk_dynamodb::config::Sleep {
        aws_sdk_dynamodb::config::Sleep::new(tokio::time::sleep(duration))
    }
}

fn wiring(sdk: &SdkConfig, retry: RetryPolicy, clock: Clock) -> (Wiring, Arc<AwsCarriers>) {
    let settings = settings();
    let carriers = Arc::new(AwsCarriers::new(settings.clone(), sdk.clone(), retry, clock.clone()));
    let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
    (Wiring { settings, dynamodb, carriers: carriers.clone(), clock }, carriers)
}

impl Functions {
    pub fn new(sdk: &SdkConfig, time: &Time, dice: &Dice, skew_ms: u64, bug: Option<Bug>) -> Self {
        let off = |dice: &Dice| {
            let ahead = i64::try_from(dice.within(0..2 * skew_ms + 1)).unwrap() - i64::try_from(skew_ms).unwrap();
            time.clock(ahead)
        };
        let (http, _) = wiring(sdk, RetryPolicy::CallerWaiting, off(dice));
        let (behind, _) = wiring(sdk, RetryPolicy::CallerWaiting, time.clock(-BEHIND_MS));
        let callee_action = if bug == Some(Bug::AcceptAfterGrace) { &behind } else { &http };
        let (background, carriers) = wiring(sdk, RetryPolicy::Background, off(dice));
        Self {
            router: service(all_routes(&http).unwrap()),
            callee_action: service(all_routes(callee_action).unwrap()),
            calls: background.calls().unwrap(),
            projector: Projector::new(&background).unwrap(),
            retries: Arc::new(carriers.projector_queue().unwrap()),
        }
    }
}
