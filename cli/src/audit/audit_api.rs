//! The HTTP API for auditors: how a backend is asked whose tables and files are out of reach.

use std::time::Duration;

use futures::future::BoxFuture;
use ilock_auth::Role;
use ilock_events::{CallId, Envelope, PartyId};
use ilock_log::ledger::{Found, LedgerStore, StoreError};
use serde_json::Value;

use crate::audit::bounded::{LEDGER_FILE, Limit, PROOF};
use crate::play::target::token_for;
use crate::ui::error::CommandError;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Who asks a backend on this machine, where no token is given.
const AUDITOR: &str = "ilock-verify";
const NOT_FOUND: u16 = 404;
const UNAVAILABLE: u16 = 503;

/// A backend, asked as an auditor.
pub struct AuditApi {
    server: String,
    token: String,
    client: reqwest::Client,
}

struct Answer {
    status: u16,
    bytes: Vec<u8>,
}

impl Answer {
    /// What the backend says went wrong.
    fn refusal(&self) -> String {
        let said = serde_json::from_slice::<Envelope<Value>>(&self.bytes).ok();
        let said = said.map(|said| format!(": {} ({})", said.message, said.code)).unwrap_or_default();
        format!("it answers {}{said}", self.status)
    }
}

impl AuditApi {
    /// The backend at `server`, with this access token of an auditor; on this machine the default is one of the development
    /// secret.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, CommandError> {
        let auditor = PartyId::new(AUDITOR).map_err(CommandError::new)?;
        let token = token_for(server, token, &auditor, Role::Auditor)?;
        let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(CommandError::new)?;
        Ok(Self { server: server.trim_end_matches('/').to_owned(), token, client })
    }

    /// Which backend it is.
    pub fn described(&self) -> String {
        format!("the backend at {}", self.server)
    }

    /// The answer to a question; `limit` says how long it may be.
    async fn get(&self, path: &str, limit: Limit) -> Result<Answer, String> {
        let asked = self.client.get(format!("{}/api/audit/{path}", self.server)).bearer_auth(&self.token);
        let asked = asked.header("accept-language", "en").send().await.map_err(|error| error.to_string())?;
        let status = asked.status().as_u16();
        Ok(Answer { status, bytes: limit.receive(asked).await? })
    }

    /// The file that proves a call; none while something of it still waits for the ledger.
    pub async fn proof(&self, call_id: &CallId) -> Result<Option<Vec<u8>>, CommandError> {
        let failed = |why: String| CommandError::new(format!("{}: {why}", self.described()));
        let answer = self.get(&format!("calls/{call_id}/proof"), PROOF).await.map_err(failed)?;
        match answer.status {
            200 => Ok(Some(answer.bytes)),
            UNAVAILABLE => Ok(None),
            _ => Err(failed(answer.refusal())
                .hint("only an auditor of the call's tenant may ask: ILOCK_TOKEN is an access token of one")),
        }
    }
}

/// The ledger as auditors read it. Nothing is written.
impl LedgerStore for AuditApi {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        Box::pin(async move {
            let failed = |why: String| StoreError { name: format!("{name} of {}", self.described()), why };
            let answer = self.get(&format!("ledger/{name}"), LEDGER_FILE).await.map_err(failed)?;
            match answer.status {
                200 => Ok(Some(Found { bytes: answer.bytes, version: String::new() })),
                NOT_FOUND => Ok(None),
                _ => Err(failed(answer.refusal())),
            }
        })
    }

    fn create(&self, name: String, _: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        read_only(name)
    }

    fn replace(&self, name: String, _: Vec<u8>, _: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        read_only(name)
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        read_only(prefix)
    }
}

fn read_only<'a, T: Send + 'a>(name: String) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(async move { Err(StoreError { name, why: "auditors read the ledger, and write nothing".into() }) })
}
