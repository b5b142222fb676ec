//! `ilock seal`: signs the checkpoints of finished hours now, as `ilock dev` does every hour.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use ilock_env::Clock;
use ilock_local::vault::Folder;
use ilock_log::ledger::Sealer;
use serde_json::json;

use crate::audit::source::Source;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Args)]
pub struct Seal {
    /// The folder with bundles, checkpoints and the signing key, as `ilock dev` prints it.
    #[arg(long, env = "ILOCK_CHECKPOINTS")]
    checkpoints: PathBuf,
    /// The table of the ledger.
    #[arg(long, env = "LEDGER_TABLE", default_value = "ledger")]
    ledger_table: String,
    #[command(flatten)]
    source: Source,
}

impl Seal {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let folder = Folder::new(&self.checkpoints);
        let key =
            folder.key().map_err(|error| CommandError::new(format!("{}: {error}", self.checkpoints.display())))?;
        let ledger = self.source.ledger(&self.ledger_table).await;
        let sealer = Sealer { ledger, vault: Arc::new(folder), signer: Arc::new(key), clock: Clock::system() };
        let hours = sealer.seal_due().await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            CommandError::new(format!("{error}{cause}")).hint("is `ilock dev` running?")
        })?;
        for hour in &hours {
            output.line(Level::Success, "sealed", &format!("sealed {hour}"), json!({ "hour": hour.to_string() }));
        }
        if hours.is_empty() {
            output.line(Level::Info, "sealed_already", "every finished hour is already sealed", json!({}));
        }
        Ok(ExitCode::SUCCESS)
    }
}
