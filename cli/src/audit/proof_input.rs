//! A file of `ilock prove`, read; and which option reads a file of another kind.

use std::path::Path;

use ilock_audit::read_proof;
use ilock_events::ProofFile;

use crate::audit::bounded::{PROOF, text};
use crate::ui::error::CommandError;

/// The magic number of a zstd frame.
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The beginning of each line of an export.
const EXPORT: &[u8] = b"{\"line\":";
/// The first field of a proof, which stands within so many bytes of its beginning.
const FIELD: &[u8] = b"\"ilock_proof\"";
const WITHIN: usize = 64;

/// Reads the file of `--proof`.
pub fn read_proof_file(path: &Path) -> Result<ProofFile, CommandError> {
    let bytes = PROOF.bytes(path)?;
    if bytes.starts_with(&ZSTD_MAGIC) || bytes.starts_with(EXPORT) {
        let why = format!("{} is an export, and no file of `ilock prove`", path.display());
        return Err(CommandError::new(why).hint("--file reads it, instead of --proof"));
    }
    read_proof(&text(path, bytes)?).map_err(|why| CommandError::new(format!("{}: {why}", path.display())))
}

/// Refuses the beginning of the file of `--file` where it is that of a proof.
pub fn refuse_proof(path: &Path, beginning: &[u8]) -> Result<(), CommandError> {
    let beginning = beginning.get(..WITHIN).unwrap_or(beginning);
    if beginning.starts_with(b"{") && beginning.windows(FIELD.len()).any(|part| part == FIELD) {
        let why = format!("{} is a file of `ilock prove`, and no export", path.display());
        return Err(CommandError::new(why).hint("--proof reads it, instead of --file"));
    }
    Ok(())
}
