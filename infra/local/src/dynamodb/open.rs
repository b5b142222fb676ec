//! Opens the embedded DynamoDB, and adds to its SQLite tables what its streams lack: an index by sequence number, and
//! a horizon, before which records are deleted. Decision 0011 says why.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::Database;
use rusqlite::Connection;

use super::position::{StreamPosition, TABLE};
use crate::error::NotStarted;

/// Opens the database: in memory, or in the file `dynamodb.sqlite` below `data_dir`.
///
/// # Errors
/// [`NotStarted::Database`].
pub fn open(data_dir: Option<&Path>) -> Result<Database, NotStarted> {
    let path = match data_dir {
        None => in_memory(),
        Some(dir) => dir.join("dynamodb.sqlite").to_string_lossy().into_owned(),
    };
    let database = Database::new(&path).map_err(|error| NotStarted::Database(error.to_string()))?;
    StreamPosition::create_table(&database).map_err(NotStarted::Database)?;
    Connection::open(&path)
        .and_then(|sqlite| sqlite.execute_batch(&additions()))
        .map_err(|error| NotStarted::Database(format!("index and horizon of its streams: {error}")))?;
    // The other thing that this sets, beside SQLite's defaults: a commit waits for the file system, not for the disk.
    // What is written survives the process, kill -9 included; a power cut may take the last moments.
    database.disable_bulk_loading().map_err(|error| NotStarted::Database(error.to_string()))?;
    Ok(database)
}

/// A database of this process that two connections can open; it is gone when the last of them closes.
fn in_memory() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("file:ilock-{}?mode=memory&cache=shared", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Each write asks for the highest sequence number of its table, and each poll for what is above one: without the index
/// both read every record. The trigger runs with the write that keeps a position. It leaves the record at the position,
/// so the highest number, from which the next follows, is never deleted. A public sequence number is the stored one
/// behind a 1, with leading zeros.
fn additions() -> String {
    format!(
        r#"CREATE INDEX IF NOT EXISTS ilock_stream_by_number
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
           CREATE TRIGGER IF NOT EXISTS ilock_stream_horizon AFTER INSERT ON "{TABLE}" BEGIN
             DELETE FROM _stream_records
              WHERE table_name = json_extract(NEW.item_json, '$.table.S')
                AND CAST(sequence_number AS INTEGER)
                  < CAST(substr(json_extract(NEW.item_json, '$.read_to.S'), 2) AS INTEGER);
           END;"#
    )
}
