//! `ilock dev`: the whole backend in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ilock_functions::settings::{DEV_SDK_APP_ID, DEV_SECRET};
use ilock_local::broker::BrokerAddresses;
use ilock_local::{Addresses, NotStarted, Options, Stack, TrtcPages, reachable};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::ui::error::CommandError;
use crate::ui::log_lines::escaped_fields;
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

/// The addresses, the data folder, and what the pages need for Tencent's rooms. Everything else is read from the
/// environment, as in a deployment.
#[derive(Debug, Args)]
pub struct Dev {
    /// The HTTP address.
    #[arg(long, env = "ILOCK_HTTP", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// The address of MQTT over TCP.
    #[arg(long, env = "ILOCK_MQTT", default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// The address of MQTT over WebSocket; its path is /mqtt.
    #[arg(long, env = "ILOCK_WS", default_value = "127.0.0.1:8083")]
    ws: SocketAddr,
    /// The address of MQTT over TLS, with a self-signed certificate.
    #[arg(long, env = "ILOCK_MQTTS", default_value = "127.0.0.1:8883")]
    mqtts: SocketAddr,
    /// The address of the embedded DynamoDB, which `ilock log` reads.
    #[arg(long, env = "ILOCK_DYNAMODB", default_value = "127.0.0.1:18000")]
    dynamodb: SocketAddr,
    /// Listen on all addresses of this machine, so that phones on the same network can connect. The embedded DynamoDB
    /// stays on loopback.
    #[arg(long)]
    lan: bool,
    /// Replaces the port of --http; 0 chooses a free one. The next four flags do the same.
    #[arg(long)]
    port: Option<u16>,
    #[arg(long)]
    mqtt_port: Option<u16>,
    #[arg(long)]
    ws_port: Option<u16>,
    #[arg(long)]
    mqtts_port: Option<u16>,
    #[arg(long)]
    dynamodb_port: Option<u16>,
    /// Keep calls, registrations, timers and undelivered notices in this folder across restarts. Without it they are kept in memory.
    #[arg(long, env = "ILOCK_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Your copy of the npm package trtc-sdk-v5: its file trtc.js. The pages load it where TRTC_SDK_APP_ID and TRTC_SECRET_KEY
    /// name a TRTC application of your own.
    #[arg(long, env = "ILOCK_TRTC_SDK")]
    trtc_sdk: Option<PathBuf>,
    /// Where the pages may connect to for Tencent's rooms: https:// and wss:// addresses with spaces between them. Without it,
    /// the hosts that Tencent lists for its SDK.
    #[arg(long, env = "ILOCK_TRTC_HOSTS")]
    trtc_hosts: Option<String>,
    /// The log filter, in the syntax of RUST_LOG.
    #[arg(long, env = "RUST_LOG", default_value = "info,mqtt5=warn,dynoxide=warn")]
    log: String,
}

fn with_port(mut address: SocketAddr, port: Option<u16>) -> SocketAddr {
    if let Some(port) = port {
        address.set_port(port);
    }
    address
}

impl Dev {
    fn addresses(&self) -> Addresses {
        let all = |address: SocketAddr| {
            if self.lan { SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())) } else { address }
        };
        Addresses {
            http: all(with_port(self.http, self.port)),
            broker: BrokerAddresses {
                tcp: all(with_port(self.mqtt, self.mqtt_port)),
                websocket: all(with_port(self.ws, self.ws_port)),
                tls: all(with_port(self.mqtts, self.mqtts_port)),
            },
            dynamodb: with_port(self.dynamodb, self.dynamodb_port),
        }
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Dev {
    /// Runs until Ctrl-C, SIGTERM, or the end of its terminal.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| {
            CommandError::new(format!("--log (or RUST_LOG): {error}")).hint("for example: info,ilock=debug")
        })?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .fmt_fields(escaped_fields())
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            // It would be told to the same standard error, and panic where that is full.
            .log_internal_errors(false)
            .init();

        let options = Options {
            at: self.addresses(),
            data_dir: self.data_dir.clone(),
            settings: Box::new(env),
            trtc_pages: TrtcPages { sdk: self.trtc_sdk.clone(), hosts: self.trtc_hosts.clone() },
            ..Options::anywhere()
        };
        let mut stop = StopSignal::listen().map_err(CommandError::new)?;
        let stack = tokio::select! {
            stack = Stack::start(options) => stack.map_err(|error| start_error(&error))?,
            () = stop.received() => return Ok(ExitCode::SUCCESS),
        };
        let known = |name: &str| env(name).is_none_or(|secret| secret == DEV_SECRET);
        let shared = env("AUTH_ALGORITHMS").is_none_or(|algorithms| algorithms == "HS256");
        if known("MQTT_SECRET") || shared && known("AUTH_SECRET") {
            let who = if self.lan { "anybody on this network" } else { "anybody" };
            output.warn(&format!(
                "development secrets are in use: {who} can sign a token. Use them where you trust everybody; a \
                 deployment refuses them."
            ));
        }
        announce(output, &stack, self.data_dir.as_ref());
        stop.received().await;
        stack.stop().await;
        output.line(Level::Info, "stopped", "stopped", json!({}));
        Ok(ExitCode::SUCCESS)
    }
}

fn announce(output: Output, stack: &Stack, data_dir: Option<&PathBuf>) {
    let (tlog, origin) = (stack.tlog.display(), &stack.sequencer.origin);
    let data = data_dir.map_or_else(|| "in memory".to_owned(), |dir| dir.display().to_string());
    let sdk_app_id = env("TRTC_SDK_APP_ID").unwrap_or_else(|| DEV_SDK_APP_ID.to_string());
    let own = std::env::args().next().unwrap_or_else(|| "ilock".into());
    let at = &stack.at;
    let http = format!("http://{}", reachable(at.http));
    let mqtt = format!("tcp://{}", reachable(at.broker.tcp));
    let ws = format!("ws://{}/mqtt", reachable(at.broker.websocket));
    let mqtts = format!("ssl://{}", reachable(at.broker.tls));
    // By a name of this machine alone: browsers give no camera to a page from an address of the network.
    let page = if at.http.ip().is_unspecified() {
        format!("http://127.0.0.1:{}/", at.http.port())
    } else {
        format!("{http}/")
    };
    let phones = if reachable(at.http).ip().is_loopback() {
        "only programs of this machine can connect; --lan lets phones on the same network connect"
    } else {
        "phones on the same network can connect to these addresses"
    };
    // The other commands look for it on the usual port.
    let server =
        if at.http.port() == 8080 { String::new() } else { format!("--server {} ", page.trim_end_matches('/')) };
    let text = format!(
        "iLock Call is up: {phones}\n  HTTP       {http}\n  MQTT       {mqtt}\n  WebSocket  {ws}\n  TLS        {mqtts}\n  DynamoDB   http://{}\n  SDKAppID   {sdk_app_id}\n  data       {data}\n  ledger     {tlog}\n  origin     {origin}\n\nOpen {page} in a browser: a door and a phone. Or, in two other terminals:\n  {own} phone {server}--user user456 --accept\n  {own} door press {server}--callee user456",
        at.dynamodb
    );
    let details = json!({
        "http": http,
        "page": page,
        "mqtt": mqtt,
        "ws": ws,
        "mqtts": mqtts,
        "dynamodb": format!("http://{}", at.dynamodb),
        "ledger": stack.tlog,
        "origin": origin,
    });
    output.line(Level::Success, "up", &text, details);
}

fn start_error(error: &NotStarted) -> CommandError {
    let command_error = CommandError::new(error);
    match error {
        NotStarted::Address { .. } | NotStarted::NotLoopback(_) | NotStarted::Broker(_) => {
            command_error.hint("ILOCK_HTTP, ILOCK_MQTT, ILOCK_WS, ILOCK_MQTTS and ILOCK_DYNAMODB set other addresses")
        }
        NotStarted::InUse(_) => command_error.hint("stop the other `ilock dev`, or use another --data-dir"),
        _ => command_error,
    }
}
