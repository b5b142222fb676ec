//! The ledger: where it is, who signs and cosigns it, and how long it is kept.

use std::time::Duration;

use ilock_proof::Policy;

use super::forms::{bucket, is_arn, require, table};
use super::{BadSetting, Settings, bad};

/// How long nobody may delete what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whether not even the account's root may.
    pub compliance: bool,
    pub days: u32,
}

/// One method a setting, or two that only count together.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
impl Settings {
    /// `LEDGER_TABLE`: the table of the ledger.
    pub fn ledger_table(&self) -> Result<String, BadSetting> {
        self.must_be("LEDGER_TABLE", "ledger", table)
    }

    /// `LEDGER_ORIGIN`: what the ledger is called in its checkpoints. On Lambda only.
    pub fn ledger_origin(&self) -> Result<String, BadSetting> {
        self.must_be("LEDGER_ORIGIN", "ilock.local/ledger", |text| {
            let is_name =
                text.len() <= 200 && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
            require(is_name, || "must be a name without spaces and without +, of at most 200 bytes".to_owned())
        })
    }

    /// `LEDGER_BUCKET`: the S3 bucket of tiles and checkpoints. On Lambda only.
    pub fn ledger_bucket(&self) -> Result<String, BadSetting> {
        self.must_be("LEDGER_BUCKET", "ledger", bucket)
    }

    /// `LEDGER_KEY_ARNS`: the KMS keys that sign checkpoints, of Ed25519, separated by commas. On Lambda only.
    pub fn ledger_key_arns(&self) -> Result<Vec<String>, BadSetting> {
        let arns = self.must("LEDGER_KEY_ARNS", "arn:aws:kms:local:000000000000:key/ledger")?;
        let arns: Vec<String> =
            arns.split(',').map(|arn| arn.trim().to_owned()).filter(|arn| !arn.is_empty()).collect();
        if arns.is_empty() || !arns.iter().all(|arn| is_arn(arn, "kms", "key/")) {
            let rule = "must be the ARNs of KMS keys, arn:aws:kms:REGION:ACCOUNT:key/ID, separated by commas";
            return Err(bad("LEDGER_KEY_ARNS", rule));
        }
        Ok(arns)
    }

    /// `LEDGER_RETENTION_MODE`, `LEDGER_RETENTION_DAYS`: how full tiles and kept checkpoints are locked. On Lambda only.
    pub fn ledger_retention(&self) -> Result<Retention, BadSetting> {
        let compliance = match self.must("LEDGER_RETENTION_MODE", "GOVERNANCE")?.as_str() {
            "GOVERNANCE" => false,
            "COMPLIANCE" => true,
            _ => return Err(bad("LEDGER_RETENTION_MODE", "must be GOVERNANCE or COMPLIANCE")),
        };
        Ok(Retention { compliance, days: self.number("LEDGER_RETENTION_DAYS", 3653, 1..=36_500)? })
    }

    /// `LEDGER_WITNESSES`: the witnesses that cosign checkpoints, as a policy of C2SP tlog-policy; lines may be separated by
    /// semicolons. None without it.
    pub fn witnesses(&self) -> Result<Option<Policy>, BadSetting> {
        let Some(text) = self.get("LEDGER_WITNESSES") else { return Ok(None) };
        let policy = Policy::read(&text.replace(';', "\n"));
        policy.map(Some).map_err(|error| bad("LEDGER_WITNESSES", error.to_string()))
    }

    /// `ILOCK_SEQUENCE_SECONDS`: how often `ilock dev` sequences the ledger. On AWS the template's schedule does, every minute.
    pub fn sequence_every(&self) -> Result<Duration, BadSetting> {
        Ok(Duration::from_secs(self.number("ILOCK_SEQUENCE_SECONDS", 2, 1..=3600)?.into()))
    }
}
