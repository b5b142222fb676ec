//! The signals that end a command: SIGINT, and on Unix SIGTERM, and SIGHUP when its terminal is closed.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Heard from now on, also before anybody waits for it.
pub struct StopSignal {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    /// None where the process is to outlive its terminal.
    #[cfg(unix)]
    hang_up: Option<Signal>,
}

#[cfg(unix)]
impl StopSignal {
    pub fn listen() -> io::Result<Self> {
        let hang_up = if outlives_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hang_up })
    }

    pub async fn received(&mut self) {
        let Self { interrupt, terminate, hang_up } = self;
        let terminal_closed = async {
            match hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = terminal_closed => {}
        }
    }
}

/// Whether the process was started with SIGHUP ignored, as `nohup` does. To listen for it would undo that.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => ignores_hang_up(&status),
        // This system does not say it. What `nohup` starts prints to no terminal.
        Err(_) => !io::IsTerminal::is_terminal(&io::stdout()),
    }
}

/// Whether SIGHUP, the first signal, is among those that a process ignores, by Linux's `/proc/PID/status`.
#[cfg(unix)]
fn ignores_hang_up(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
impl StopSignal {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    pub async fn received(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hang_up_stands_in_the_status() {
        for (mask, ignored) in [("0000000000000001", true), ("0000000000001003", true), ("0000000000001000", false)] {
            let status = format!("Name:\tilock\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n");
            assert_eq!(ignores_hang_up(&status), ignored, "{mask}");
        }
        assert!(!ignores_hang_up("SigCgt:\t0000000000000001\n"));
    }
}
