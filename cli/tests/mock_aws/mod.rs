//! A mock of the AWS endpoints: answers as the test says, and records the requests.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The `X-Amz-Target` header, or else the method and path.
    pub target: String,
    pub body: String,
}

/// Status and body.
pub type Response = (u16, String);

/// It ends with the test's process.
pub struct MockAws {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl MockAws {
    /// Listens on a free port and answers every request with `respond`.
    pub fn start(respond: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let (all, respond) = (requests.clone(), Arc::new(respond));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, respond) = (all.clone(), respond.clone());
                thread::spawn(move || serve(stream, &all, respond.as_ref()));
            }
        });
        Self { url, requests }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// `ilock` against it.
    pub fn ilock(&self, arguments: &[&str]) -> Command {
        let mut command = ilock(arguments);
        command
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// Runs `ilock` against it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.ilock(arguments).output().unwrap()
    }
}

/// `ilock` without this machine's AWS settings.
pub fn ilock(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("ILOCK_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env_remove("STAGE")
        .env_remove("AUTH_SECRET")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Request>>, respond: &(impl Fn(&Request) -> Response + ?Sized)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let (mut target, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => target = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = first.rsplit_once(' ').map_or("", |(path, _)| path).to_owned();
        let request = Request { target: target.unwrap_or(path), body: String::from_utf8(body).unwrap() };
        all.lock().unwrap().push(request.clone());
        let (status, body) = respond(&request);
        let kind = if body.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.0" };
        let head = format!("HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
        if write!(stream, "{head}date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n{body}").is_err() {
            return;
        }
    }
}
