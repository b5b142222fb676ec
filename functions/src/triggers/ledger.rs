//! ledger: fed by the log's stream as the projector is, it enters everything that the log holds: commits, receipts, alerts,
//! marks of forgetting and of archived calls, accesses.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::DynamoDbEventResponse;
use ilock_events::{CallId, TenantId};
use ilock_log::LogError;
use ilock_log::ledger::Ledger;
use ilock_proof::{Entry, EntryKind, access_digest, entry_of_item};
use serde_json::Value;

use crate::settings::BadSetting;
use crate::triggers::stream_batch::shown_again;
use crate::wiring::Wiring;

/// Enters what the log holds into the ledger.
#[derive(Debug, Clone)]
pub struct LedgerKeeper {
    pub ledger: Ledger,
}

impl LedgerKeeper {
    /// With the ledger that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { ledger: wiring.ledger()? })
    }

    /// Enters everything of a batch, or says that all of it is to be shown again. The projector counts what was changed
    /// or removed.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let first = event.records.first().and_then(|record| record.change.sequence_number.clone());
        let entries: Vec<Entry> = event.records.into_iter().filter_map(entry_in).collect();
        match self.enter(&entries).await {
            Ok(()) => shown_again(vec![]),
            Err(error) => {
                tracing::warn!(%error, entries = entries.len(), "not entered yet; the batch is shown again");
                shown_again(first.into_iter().collect())
            }
        }
    }

    /// Enters `entries`.
    ///
    /// # Errors
    /// [`LogError::Store`]; then enter all of them again.
    pub async fn enter(&self, entries: &[Entry]) -> Result<(), LogError> {
        self.ledger.enter(entries).await
    }
}

/// The entry of what a record inserted; none for personal text, and for everything but an insert.
#[must_use]
pub fn entry_in(record: EventRecord) -> Option<Entry> {
    if record.event_name != "INSERT" {
        return None;
    }
    let item = record.change.new_image;
    let body: Value = match serde_dynamo::from_item(item) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "item skipped: it cannot be read as JSON, and is not in the ledger");
            return None;
        }
    };
    let entry = entry_of(&body);
    if entry.is_none() && kind_of(&body).is_some() {
        tracing::error!(pk = %body["pk"], sk = %body["sk"], "item skipped: it cannot be entered into the ledger");
    }
    entry
}

fn kind_of(body: &Value) -> Option<EntryKind> {
    match body["sk"].as_str()?.split('#').next()? {
        "commit" => Some(EntryKind::Commit),
        "receipt" => Some(EntryKind::Receipt),
        "alert" => Some(EntryKind::Alert),
        "forgotten" => Some(EntryKind::Forgotten),
        "access" => Some(EntryKind::Access),
        "archived" => Some(EntryKind::Archived),
        _ => None,
    }
}

/// The entry of an item of the log, with its keys; none for an item that is not entered.
#[must_use]
pub fn entry_of(body: &Value) -> Option<Entry> {
    let (kind, pk, sk) = (kind_of(body)?, body["pk"].as_str()?, body["sk"].as_str()?);
    if kind == EntryKind::Access {
        let (tenant, _) = pk.strip_prefix("audit#")?.rsplit_once('#')?;
        let digest = access_digest(&TenantId::new(tenant).ok()?, sk.rsplit('#').next()?, body).ok()?;
        return Some(Entry::of_log(kind, digest));
    }
    let call_id = CallId::new(pk.strip_prefix("call#")?).ok()?;
    entry_of_item(kind, &call_id, body)
}
