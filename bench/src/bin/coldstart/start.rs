//! One start of one function process, with the environment that Lambda and the template give it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use super::endpoint::{Endpoint, Trust};
use super::runtime_api::RuntimeApi;

/// Longer than any start takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One implementation of the function.
pub struct Function {
    pub name: String,
    /// The command that Lambda would start, and its folder.
    pub command: Vec<String>,
    pub folder: PathBuf,
    /// Its `Handler`.
    pub handler: &'static str,
    pub secrets: Secrets,
}

/// Where a function has its secrets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// From Secrets Manager, to which its environment refers: as deployed.
    Fetched,
    /// From its environment.
    Given,
}

/// What Secrets Manager here keeps all of them under.
pub const SECRET_NAME: &str = "bench";

/// What every function is started with.
pub struct Environment {
    pub dynamodb: SocketAddr,
    pub secrets_manager: SocketAddr,
    pub trust: Trust,
    /// The function's own settings.
    pub settings: Vec<(&'static str, String)>,
    /// Those of its settings that are secret.
    pub secrets: Vec<(&'static str, String)>,
    /// The request, and the same with a token of another signer.
    pub event: Value,
    pub forged: Value,
}

/// When connections to AWS are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Warm,
    /// For the first event.
    Cold,
}

/// How long each part took, in milliseconds.
pub struct Times {
    /// Process start → first `/next`.
    pub next: f64,
    /// Process start → first response.
    pub first: f64,
    /// First event → its response.
    pub event_first: f64,
    /// Second event → its response.
    pub event_second: f64,
    /// CPU time of both events and the start.
    pub cpu: f64,
    /// Peak resident memory, MB.
    pub memory: f64,
    pub answer: Value,
}

fn ms(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

impl Function {
    /// Starts it, invokes it twice, and ends it.
    pub async fn start(&self, environment: &Environment, sdk: Sdk) -> Times {
        let mut api = RuntimeApi::start().await;
        let mut aws = Endpoints::closed(environment);
        if sdk == Sdk::Warm {
            aws.open();
        }
        let log = tempfile::NamedTempFile::new().unwrap();
        let written = log.reopen().unwrap();
        let mut command = self.command(environment, sdk, api.at, &aws);
        command.stdout(written.try_clone().unwrap()).stderr(written);
        let started = Instant::now();
        let mut child = self.spawn(&mut command);
        let measured = tokio::select! {
            measured = timeout(TIMEOUT, invoke_twice(&mut api, &mut aws, &environment.event, started)) => measured.ok(),
            _ = child.wait() => None,
        };
        let (cpu, memory) = (cpu(&child), peak_memory(&child));
        child.kill().await.unwrap();
        let Some(times) = measured else {
            let log = std::fs::read_to_string(log.path()).unwrap();
            panic!("{} ({sdk:?}) ended, or did not answer within {TIMEOUT:?}. It wrote:\n{log}", self.name)
        };
        Times { cpu, memory, ..times }
    }

    /// Asserts that it checks the token: an implementation that does not would have less to do.
    pub async fn refuses_a_forged_token(&self, environment: &Environment) {
        let mut api = RuntimeApi::start().await;
        let mut aws = Endpoints::closed(environment);
        aws.open();
        let log = tempfile::NamedTempFile::new().unwrap();
        let written = log.reopen().unwrap();
        let mut command = self.command(environment, Sdk::Warm, api.at, &aws);
        let mut child = self.spawn(command.stdout(written.try_clone().unwrap()).stderr(written));
        let refused = timeout(TIMEOUT, async {
            let waiting = api.next().await;
            api.invoke(waiting, &environment.forged).await.2
        });
        let refused = refused.await.unwrap_or_else(|_| panic!("{} does not answer", self.name));
        let log = std::fs::read_to_string(log.path()).unwrap();
        assert_eq!(refused["statusCode"], 401, "{} takes a forged token: {refused}. It wrote:\n{log}", self.name);
        child.kill().await.unwrap();
    }

    fn spawn(&self, command: &mut Command) -> Child {
        let child = command.spawn();
        child.unwrap_or_else(|error| panic!("{} does not start: {error}", self.command.join(" ")))
    }

    fn command(&self, environment: &Environment, sdk: Sdk, api: SocketAddr, aws: &Endpoints) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true).env_clear();
        // Lambda's.
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
            .env("LAMBDA_TASK_ROOT", &self.folder)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs([
                ("_HANDLER", self.handler),
                ("AWS_LAMBDA_FUNCTION_NAME", "bench-get-call"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench-get-call"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[1]0123456789abcdef0123456789abcdef"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_DEFAULT_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                ("AWS_SESSION_TOKEN", "a-session-of-the-functions-role"),
                ("LANG", "en_US.UTF-8"),
                ("TZ", ":UTC"),
            ]);
        // What stands for AWS here, and whom to trust for it, in the words of each SDK.
        command
            .env("AWS_ENDPOINT_URL", format!("https://{}", aws.dynamodb.at))
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("https://{}", aws.secrets_manager.at))
            .env("SSL_CERT_FILE", &environment.trust.bundle)
            .env("SSL_CERT_DIR", &environment.trust.folder)
            .env("AWS_CA_BUNDLE", &environment.trust.bundle)
            .env("NODE_EXTRA_CA_CERTS", &environment.trust.authority);
        command.envs(environment.settings.iter().map(|(name, value)| (*name, value)));
        command.envs(environment.secrets.iter().map(|(name, value)| match self.secrets {
            Secrets::Fetched => (*name, format!("secretsmanager:{SECRET_NAME}:{name}")),
            Secrets::Given => (*name, value.clone()),
        }));
        match sdk {
            Sdk::Warm => command.env("COLDSTART_WARM", "on"),
            // The binary warms whatever happens: its one try is refused. The others do not try.
            Sdk::Cold => command.env("AWS_MAX_ATTEMPTS", "1"),
        };
        command
    }
}

/// What stands for AWS.
struct Endpoints {
    dynamodb: Endpoint,
    secrets_manager: Endpoint,
}

impl Endpoints {
    fn closed(environment: &Environment) -> Self {
        let closed = |at| Endpoint::closed(&environment.trust, at);
        Self { dynamodb: closed(environment.dynamodb), secrets_manager: closed(environment.secrets_manager) }
    }

    fn open(&mut self) {
        self.dynamodb.open();
        self.secrets_manager.open();
    }
}

async fn invoke_twice(api: &mut RuntimeApi, aws: &mut Endpoints, event: &Value, started: Instant) -> Times {
    let waiting = api.next().await;
    let next = ms(started, waiting.since);
    aws.open();
    let (handed, answered, answer) = api.invoke(waiting, event).await;
    let (first, event_first) = (ms(started, answered), ms(handed, answered));
    let waiting = api.next().await;
    let (handed, answered, again) = api.invoke(waiting, event).await;
    assert_eq!(envelope(&again), envelope(&answer), "two answers to one question");
    Times {
        next,
        first,
        event_first,
        event_second: ms(handed, answered),
        cpu: 0.0,
        memory: 0.0,
        answer: envelope(&answer),
    }
}

/// The envelope in an answer to API Gateway.
fn envelope(answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 200, "not well: {answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// Processor time of all threads, in milliseconds.
fn cpu(child: &Child) -> f64 {
    let Some(threads) = child.id().and_then(|id| std::fs::read_dir(format!("/proc/{id}/task")).ok()) else {
        return 0.0;
    };
    let nanos = |thread: PathBuf| {
        let stat = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
        stat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or_default()
    };
    threads.flatten().map(|thread| nanos(thread.path())).sum::<f64>() / 1e6
}

fn peak_memory(child: &Child) -> f64 {
    let Some(id) = child.id() else { return 0.0 };
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().to_owned();
    line.split(' ').next().unwrap().parse::<f64>().unwrap() / 1024.0
}
