//! `tools/cost` runs it: counts what a call and a client use of everything that AWS charges for, and prints it as JSON.
//! Nothing in it is an estimate; `bench/cost/tables.py` puts prices to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what cannot be counted ends the count")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ilock_lambda::{install_metrics, lines_of_json};
use ilock_tests::usage::call_usage;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

/// Counts what is written to it.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<usize>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0.lock().unwrap() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Bytes {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::main]
async fn main() {
    let (logged, metered) = (Bytes::default(), Bytes::default());
    tracing::subscriber::set_global_default(lines_of_json(logged.clone())).unwrap();
    let collector = install_metrics("iLockCall".into(), "prod".into()).unwrap();
    let start = |bytes: &Bytes| std::mem::take(&mut *bytes.0.lock().unwrap());
    let first = Mutex::new(true);
    let usage = call_usage(|| {
        // What was written before the call began does not count.
        collector.flush(metered.clone()).unwrap();
        if std::mem::take(&mut *first.lock().unwrap()) {
            start(&logged);
            start(&metered);
        }
    })
    .await;
    let trips = ilock_tests::round_trips().await;
    let in_turn = |endpoint: &str| trips.iter().find(|trips| trips.endpoint == endpoint).unwrap().in_turn;
    let counted = json!({
        "call": usage,
        "log_bytes": { "lines": *logged.0.lock().unwrap(), "metrics": *metered.0.lock().unwrap() },
        "requests_in_turn": {
            "place": in_turn("POST /api/calls"),
            "ringing": in_turn("POST callee-action ringing"),
            "accepted": in_turn("POST callee-action accepted"),
            "hangup": in_turn("POST caller-action hangup"),
            "register": in_turn("POST /api/mqtt/clients/register"),
        },
    });
    println!("{}", serde_json::to_string_pretty(&counted).unwrap());
}
