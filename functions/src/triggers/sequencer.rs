//! sequencer: every minute it gives what was entered into the ledger its place, and publishes tiles and a signed checkpoint.

use std::time::{Duration, Instant};

use ilock_log::ledger::{NotSequenced, Sequenced, Sequencer};

use crate::metrics::{ENTRIES_SEQUENCED, LEDGER_SEQUENCED, QUORUM_MISSED};

/// Sequences all that waits, for about as long as `budget`, and counts it. That another sequencer was first is no error: it
/// does the same.
///
/// # Errors
/// [`NotSequenced`]; what was sequenced before stays so.
pub async fn sequence(sequencer: &Sequencer, budget: Duration) -> Result<Sequenced, NotSequenced> {
    let begun = Instant::now();
    let done = match sequencer.run(|| begun.elapsed() < budget).await {
        Ok(done) => done,
        Err(NotSequenced::Overtaken) => {
            tracing::info!("another sequencer is at work");
            return Ok(Sequenced::default());
        }
        Err(error) => return Err(error),
    };
    ::metrics::counter!(LEDGER_SEQUENCED).increment(1);
    ::metrics::counter!(ENTRIES_SEQUENCED).increment(done.entries);
    ::metrics::counter!(QUORUM_MISSED).increment(u64::from(done.quorum_missed));
    Ok(done)
}
