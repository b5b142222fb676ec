//! `ilock forget USER_ID`: deletes the personal text of all of a person's calls and records that it did. The commits do not
//! change, so `ilock verify` reports no finding, and `ilock replay` shows `[forgotten]`. Text of a call that was never placed
//! stands in no history: it is found by a scan.

use std::process::ExitCode;

use clap::Args;
use futures::future::try_join_all;
use ilock_directory::Page;
use ilock_env::Clock;
use ilock_events::{CallId, Millis, Party, PartyAddress, PartyId, PartyKind, TenantId};
use ilock_log::{EventLog, LogError};
use serde_json::json;

use crate::audit::source::{LogAndDirectory, read_error};
use crate::play::target::default_tenant;
use crate::ui::confirm::confirm;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use crate::ui::progress;

/// How many calls are worked on at a time.
const BATCH_SIZE: u16 = 16;

#[derive(Debug, Args)]
pub struct Forget {
    /// The user whose personal text is deleted.
    user_id: PartyId,
    /// The user's tenant. [default: `default`]
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Count what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete without asking for confirmation.
    #[arg(long, short)]
    yes: bool,
    /// Leave out the scan of the whole log for text of calls that were never placed: the ring timer deletes it within three
    /// minutes.
    #[arg(long)]
    no_scan: bool,
    #[command(flatten)]
    tables: LogAndDirectory,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    calls: u64,
    with_text: u64,
    texts: u64,
    live: u64,
    /// Of calls that were never placed, or that no history has any more.
    beside: u64,
}

impl Forget {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let (log, directory) = self.tables.open().await?;
        let person = Party { kind: PartyKind::User, id: self.user_id.clone() };
        let tenant = self.tenant.clone().map_or_else(default_tenant, Ok)?;
        if !self.dry_run && !self.yes {
            let id = &person.id;
            let question = format!("Permanently delete the personal text of all calls of {id} in tenant {tenant}?");
            confirm(&question, output)?;
        }
        let mut counts = Counts::default();
        let bar = progress::count(None, "calls", output);
        let mut cursor = None;
        loop {
            let page = directory.history(&tenant, &person, BATCH_SIZE, cursor.as_deref()).await.map_err(read_error)?;
            let Page { entries, next } = page.map_err(CommandError::new)?;
            let now = Clock::system().now();
            let each = entries.iter().map(|entry| forget_call(&log, &entry.call_id, &person, now, self.dry_run));
            let texts = try_join_all(each).await.map_err(|error| {
                let deleted = format!("; {} texts were deleted before that", counts.texts);
                let error = read_error(error);
                CommandError { message: error.message + &deleted, ..error }
                    .hint("run the same command again to continue")
            })?;
            counts.calls += u64::try_from(entries.len()).unwrap_or_default();
            counts.live += entries.iter().map(|entry| u64::from(!entry.state.is_final())).sum::<u64>();
            counts.with_text += texts.iter().map(|texts| u64::from(*texts > 0)).sum::<u64>();
            counts.texts += texts.iter().sum::<u64>();
            bar.set_position(counts.calls);
            bar.set_message(format!("{} texts", counts.texts));
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        bar.finish_and_clear();
        if !self.no_scan {
            let (beside, awaited) = self.forget_beside(&log, &tenant, &person).await?;
            counts.beside = beside;
            counts.live += awaited;
        }
        let registered = directory.clients(&PartyAddress::of(&tenant, &person)).await.map_err(read_error)?.len();
        self.print_summary(&tenant, counts, registered, output);
        Ok(ExitCode::SUCCESS)
    }

    fn print_summary(&self, tenant: &TenantId, counts: Counts, registered: usize, output: Output) {
        let Counts { calls, with_text, texts, live, beside } = counts;
        let (event, done) = if self.dry_run { ("to_forget", "would be deleted") } else { ("forgotten", "deleted") };
        let unlisted = if beside == 0 {
            String::new()
        } else {
            format!("; {beside} texts of calls that are in no history {done}")
        };
        let text = format!("{texts} texts in {with_text} calls {done}; {} has {calls} calls{unlisted}", self.user_id);
        let details = json!({
            "user_id": self.user_id, "tenant": tenant, "calls": calls, "calls_with_text": with_text, "texts": texts,
            "texts_in_no_history": beside,
            "live_calls": live, "registered_clients": registered,
        });
        output.line(Level::Success, event, &text, details);
        if calls + beside + live == 0 && registered == 0 {
            output.warn(&format!(
                "nothing of {} was found in tenant {tenant}: is the id right? --tenant names another tenant",
                self.user_id
            ));
        }
        if live > 0 {
            output.warn(&format!(
                "{live} calls had not ended: personal text that is added to them later stays. Run the command again when they have \
                 ended"
            ));
        }
        if registered > 0 {
            output.warn(&format!(
                "{registered} clients are still registered, with device, app version and push token. Logging out removes a \
                 client: DELETE /api/mqtt/clients/CLIENT_ID"
            ));
        }
    }
}

impl Forget {
    /// Deletes the texts that were written for a call of `person` and that the histories do not lead to. Answers how many these
    /// are, and how many stay because their call is being placed.
    async fn forget_beside(
        &self,
        log: &EventLog,
        tenant: &TenantId,
        person: &Party,
    ) -> Result<(u64, u64), CommandError> {
        let mut texts = log.texts_of(&PartyAddress::of(tenant, person));
        let (mut found, mut awaited) = (0, 0);
        while let Some(text) = texts.next().await.map_err(read_error)? {
            let never_placed = log.load(text.call_id()).await.is_ok_and(|history| history.commits.is_empty());
            // A commit may be about to name it, and would then name text that is missing.
            if never_placed && !text.is_left_behind(Clock::system().now()) {
                awaited += 1;
                continue;
            }
            // What a dry run counted by the histories stands there still.
            if self.dry_run && !never_placed {
                continue;
            }
            found += 1;
            match (self.dry_run, never_placed) {
                (true, _) => {}
                (false, true) => log.drop_left_behind(&text).await.map_err(read_error)?,
                (false, false) => log.forget(&text, person, Clock::system().now()).await.map_err(read_error)?,
            }
        }
        Ok((found, awaited))
    }
}

/// Deletes the personal text of one call, unless `dry_run`. Returns how many texts it has.
async fn forget_call(
    log: &EventLog,
    call_id: &CallId,
    person: &Party,
    now: Millis,
    dry_run: bool,
) -> Result<u64, LogError> {
    let texts = log.kept_texts(call_id).await?;
    if !dry_run {
        try_join_all(texts.iter().map(|text| log.forget(text, person, now))).await?;
    }
    Ok(u64::try_from(texts.len()).unwrap_or_default())
}
