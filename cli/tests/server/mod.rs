//! A running `ilock dev` for a test, and the command beside it.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// `ilock dev` on free ports. It is ended with the test.
pub struct Server {
    child: Child,
    /// What it printed when it was up: its addresses, by name.
    pub up: Value,
    /// Who has a phone.
    phones: Mutex<BTreeSet<String>>,
}

impl Server {
    /// Starts it, with its data in memory.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts it with more arguments.
    pub fn with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ilock"))
            .args(["--json", "dev", "--log", "error", "--port", "0", "--mqtt-port", "0", "--ws-port", "0"])
            .args(["--mqtts-port", "0", "--dynamodb-port", "0"])
            // These press more often than a door is.
            .env("LIMIT_PRESSES_A_MINUTE", "off")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let up = serde_json::from_str(&line).expect("it comes up");
        Self { child, up, phones: Mutex::default() }
    }

    /// An address: `http`, `mqtt`, `ws`, `mqtts`, `dynamodb`.
    pub fn at(&self, name: &str) -> &str {
        self.up[name].as_str().unwrap()
    }

    /// The command, pointed at this server.
    pub fn ilock(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
        command
            .args(arguments)
            .env("ILOCK_SERVER", self.at("http"))
            .env("ILOCK_DYNAMODB", self.at("dynamodb").trim_start_matches("http://"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the command and waits for it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.ilock(arguments).output().unwrap()
    }

    /// `user` has a phone from now on, which is off.
    pub fn has_phone(&self, user: &str) {
        if !self.phones.lock().unwrap().insert(user.into()) {
            return;
        }
        let mut phone = self.ilock(&["--json", "phone", "--user", user]);
        let mut phone = phone.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(phone.stdout.take().unwrap()).lines().map(Result::unwrap);
        // One of an earlier run may ring first.
        assert!(said.any(|line| line.contains("\"ready\"")), "the phone is ready");
        phone.kill().unwrap();
        phone.wait().unwrap();
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON objects on the lines of the output.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// The names of what such lines say, in their order.
pub fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

/// The command, with nothing but its arguments.
pub fn ilock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ilock")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Places a call with personal text and cancels it. Returns its id.
pub fn a_call(server: &Server, door: &str) -> String {
    server.has_phone("user456");
    let pressed =
        server.run(&["--json", "door", "press", "--device", door, "--callee", "user456", "--cancel-after", "0"]);
    let said = lines(&pressed);
    assert_eq!(pressed.status.code(), Some(5), "{said:?}");
    said[0]["call"]["call_id"].as_str().unwrap().to_owned()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

pub fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
