//! Moves what was written from SQLite's write-ahead log into the database file, beside the writes. SQLite alone does it in
//! every commit that finds a thousand pages in the log: that commit waits for the disk, and the call behind it rings late.

use std::time::Duration;

use rusqlite::Connection;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// At a hundred calls a second the log reaches a thousand pages in a third of a second.
const EVERY: Duration = Duration::from_millis(100);

/// Runs until `stop`. A database in memory has no `path`, and no such log.
pub(super) async fn keep_log_short(path: Option<String>, stop: CancellationToken) {
    let Some(path) = path else { return };
    if let Some(Err(error)) = stop.run_until_cancelled(move_again_and_again(path)).await {
        tracing::warn!(%error, "from here on commits move the embedded DynamoDB's write-ahead log");
    }
}

async fn move_again_and_again(path: String) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    loop {
        sleep(EVERY).await;
        let moved = spawn_blocking(move || checkpoint(&connection).map(|()| connection)).await;
        // It is not awaited any more only where the runtime ends.
        let Ok(moved) = moved else { return Ok(()) };
        connection = moved?;
    }
}

/// Passive: waits for no reader or writer, and makes none wait.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
