//! `ilock dev` in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use ilock_auth::Role;
use ilock_tests::parties::{Party, token};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::process;

pub struct Server {
    child: Child,
    pub http: SocketAddr,
    /// From its start until it said that it is up.
    pub started_in: f64,
}

impl Server {
    /// Starts it, built for release, on free ports; in memory where there is no `data_dir`.
    pub async fn start(fast_path: &str, data_dir: Option<&Path>) -> Self {
        let ilock = std::env::current_exe().unwrap().with_file_name("ilock");
        let mut command = Command::new(&ilock);
        command
            .args(["--json", "dev", "--log", "error"])
            .args(["--port", "0", "--mqtt-port", "0", "--ws-port", "0", "--mqtts-port", "0", "--dynamodb-port", "0"])
            .env("FAST_PATH", fast_path)
            .env("LIMIT_PRESSES_A_MINUTE", "off")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Some(dir) = data_dir {
            command.arg("--data-dir").arg(dir);
        }
        let start = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error}: build it with cargo build --release -p ilock", ilock.display())
        });
        let up = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        let up: serde_json::Value = serde_json::from_str(&up).unwrap();
        let http = up["http"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, http, started_in: start.elapsed().as_secs_f64() }
    }

    pub fn party(&self, id: &str, role: Role) -> Party {
        Party::at(self.http, id, token(id, role, "default"))
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub fn memory(&self) -> f64 {
        process::resident(self.id())
    }

    /// Ends it and waits until it is gone.
    pub async fn end(mut self) {
        self.child.kill().await.unwrap();
    }
}
