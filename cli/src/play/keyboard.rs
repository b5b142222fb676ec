//! What is typed.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The lines of standard input. A thread of its own reads them: tokio's reader would keep the process from ending until the
/// next line.
pub fn lines() -> UnboundedReceiver<String> {
    let (lines, typed) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    typed
}
