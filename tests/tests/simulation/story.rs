//! What happened in one simulation, line by line: printed when a seed fails.

use std::fmt::{Display, Write};
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

pub struct Story {
    begun: Instant,
    lines: Mutex<Vec<(Duration, String)>>,
}

impl Story {
    pub fn new() -> Self {
        Self { begun: Instant::now(), lines: Mutex::default() }
    }

    pub fn tell(&self, who: impl Display, what: impl Display) {
        self.lines.lock().unwrap().push((self.begun.elapsed(), format!("{who:<18} {what}")));
    }

    pub fn read(&self) -> String {
        let mut text = String::new();
        for (at, line) in &*self.lines.lock().unwrap() {
            writeln!(text, "{:>9.3} s  {line}", at.as_secs_f64()).unwrap();
        }
        text
    }
}
