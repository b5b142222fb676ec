//! seal-log: after every hour, also one in which nothing happened, it seals what was entered into the ledger.

use ilock_log::ledger::{NotSealed, Sealer};
use ilock_proof::Hour;

use crate::metrics::{HOURS_SEALED, count};

/// Seals every hour that is due, counts them, and answers which.
///
/// # Errors
/// [`NotSealed`]; the hours before stay sealed.
pub async fn seal_due(sealer: &Sealer) -> Result<Vec<Hour>, NotSealed> {
    let sealed = sealer.seal_due().await?;
    ::metrics::counter!(HOURS_SEALED).increment(count(sealed.len()));
    Ok(sealed)
}
