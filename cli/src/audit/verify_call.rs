//! One call of the log, judged by itself and beside those that were placed before it.

use ilock_audit::verify::{CallsTogether, Neighbour, archived};
use ilock_audit::{Counts, Finding, Line, verify};
use ilock_events::Millis;
use ilock_proof::StoredCall;

use crate::audit::source::export_line;
use crate::ui::error::CommandError;

/// Judges a call as it is stored, and the mark that it was archived, where it has one; `archive` is the digest of the archive that was
/// read. Calls come in the order in which they were placed.
pub fn judge_stored(
    call: &StoredCall,
    archive: Option<&str>,
    together: &mut CallsTogether,
    now: Millis,
) -> Result<(Counts, Vec<Finding>), CommandError> {
    let text = export_line(call)?;
    let Line::Call(line) = Line::read(&text).map_err(CommandError::new)?.1 else {
        return Err(CommandError::new("this line of the export does not hold a call"));
    };
    let mut judged = verify::call(&line, now);
    let span = judged.span.as_ref();
    let neighbour = Neighbour { call_id: &line.call_id, at: line.at, span, with_personal: line.personal.is_some() };
    judged.findings.extend(together.call(neighbour, true));
    judged.findings.extend(archived::mark(call, archive, now));
    judged.findings.extend(verify::unreadable(call));
    let findings = u64::try_from(judged.findings.len()).unwrap_or(u64::MAX);
    Ok((Counts { findings, ..judged.counts }, judged.findings))
}
