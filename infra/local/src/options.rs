//! How the stack starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_env::Clock;
use ilock_notify::Mqtt;

use crate::broker::BrokerAddresses;
use crate::stream;

/// Where the stack listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub http: SocketAddr,
    pub broker: BrokerAddresses,
    /// DynamoDB: what `ilock log` reads.
    pub dynamodb: SocketAddr,
}

/// Puts a layer between the functions and the broker: tests make it slow, or count.
pub type MqttLayer = Box<dyn FnOnce(Arc<dyn Mqtt>) -> Arc<dyn Mqtt> + Send>;

/// Settings by name, as an environment has them.
pub type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the pages need for Tencent's rooms. It counts where the settings name a TRTC application of one's own.
#[derive(Debug, Clone, Default)]
pub struct TrtcPages {
    /// The operator's copy of trtc-sdk-v5: its file `trtc.js`.
    pub sdk: Option<PathBuf>,
    /// Where the pages may connect to besides, as `PagesTrtcHosts` has it on AWS; the hosts that Tencent lists when absent.
    pub hosts: Option<String>,
}

/// Long enough for a client that keeps its connection between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How to start.
pub struct Options {
    /// Where to listen; port 0 is any.
    pub at: Addresses,
    /// Where everything is kept over a restart; in memory when absent.
    pub data_dir: Option<PathBuf>,
    /// Settings, by name, before those of development.
    pub settings: Lookup,
    /// How long an HTTP client may take for the header of a request, and be idle before it.
    pub header_timeout: Duration,
    /// How often the stream is polled.
    pub poll: Duration,
    /// What sees every DynamoDB request of the functions.
    pub watch: Option<SharedInterceptor>,
    /// What stands between the functions and the broker.
    pub mqtt_layer: Option<MqttLayer>,
    pub clock: Clock,
    pub trtc_pages: TrtcPages,
}

impl Options {
    /// In memory, on any free ports of 127.0.0.1, with the settings of development.
    #[must_use]
    pub fn anywhere() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let broker = BrokerAddresses { tcp: any, websocket: any, tls: any };
        Self {
            at: Addresses { http: any, broker, dynamodb: any },
            data_dir: None,
            settings: Box::new(|_| None),
            header_timeout: HEADER_TIMEOUT,
            poll: stream::POLL,
            watch: None,
            mqtt_layer: None,
            clock: Clock::system(),
            trtc_pages: TrtcPages::default(),
        }
    }
}
