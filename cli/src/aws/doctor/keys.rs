//! Checks the KMS keys of the deployment: one that is disabled, or on its way to deletion, stops what it is for.

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyMetadata, KeyState};

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::stack::Stack;

const ABOUT: &str = "keys";
const NO_LEDGER: &str = "nothing of the ledger is published";
/// Parameters that name a key, and what happens without it.
const NAMED: [(&str, &str); 4] = [
    ("KmsKeyArn", "no table can be read or written"),
    ("SecretsKeyArn", "functions do not start"),
    ("LedgerKeyArn", NO_LEDGER),
    ("NextLedgerKeyArn", NO_LEDGER),
];

/// A key, by its name in the template or the parameter that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key<'a> {
    name: &'a str,
    id: &'a str,
    /// What happens without it.
    without: &'static str,
}

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let client = Client::new(sdk);
    let mut results = vec![];
    for key in keys(stack) {
        let asked = client.describe_key().key_id(key.id).send().await;
        results.push(match asked.map_err(|error| AwsError::from_sdk(&error)) {
            Ok(found) => judge(key, found.key_metadata().and_then(KeyMetadata::key_state)),
            Err(error) if error.is_not_found() => gone(key),
            Err(error) => CheckResult::refused(ABOUT, &format!("{} ({})", key.name, key.id), &error),
        });
    }
    results
}

/// The stack's own key, which signs the ledger, and those that the operator named.
fn keys(stack: &Stack) -> Vec<Key<'_>> {
    let own =
        stack.of_kind("AWS::KMS::Key").map(|key| Key { name: &key.logical, id: &key.physical, without: NO_LEDGER });
    let named = NAMED.into_iter().filter_map(|(name, without)| {
        let id = stack.parameter(name)?;
        Some(Key { name, id, without })
    });
    own.chain(named).collect()
}

fn gone(Key { name, id, without }: Key<'_>) -> CheckResult {
    CheckResult::failed(
        ABOUT,
        format!("{name} ({id}) does not exist: {without}"),
        "no deleted key comes back; for the ledger see runbook ledger.md, “A new key”",
    )
}

fn judge(Key { name, id, without }: Key<'_>, state: Option<&KeyState>) -> CheckResult {
    let failed = |state: &str, remedy: String| {
        CheckResult::failed(ABOUT, format!("{name} ({id}) is {state}: {without}"), remedy)
    };
    let enable = format!("aws kms enable-key --key-id {id}");
    match state {
        Some(KeyState::Enabled) => CheckResult::ok(ABOUT, format!("{name} is enabled")),
        Some(KeyState::Creating | KeyState::Updating) => {
            CheckResult::warning(ABOUT, format!("{name} is not ready yet"), "check again in a minute")
        }
        Some(KeyState::Disabled) => failed("disabled", enable),
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
            failed("to be deleted", format!("aws kms cancel-key-deletion --key-id {id}, then {enable}"))
        }
        state => {
            failed(state.map_or("in no known state", KeyState::as_str), "see the key in the KMS console".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;
    use crate::aws::stack::Resource;

    const KEY: Key<'_> = Key { name: "LedgerKey", id: "1234abcd", without: NO_LEDGER };

    #[test]
    fn a_key_works_only_while_it_is_enabled() {
        let found = |state: Option<KeyState>| judge(KEY, state.as_ref());
        assert_eq!(found(Some(KeyState::Enabled)).outcome, Outcome::Ok);
        assert_eq!(found(Some(KeyState::Updating)).outcome, Outcome::Warning);
        for state in [Some(KeyState::Unavailable), Some(KeyState::PendingImport), None] {
            assert_eq!(found(state.clone()).outcome, Outcome::Failed, "{state:?}");
        }
        let disabled = found(Some(KeyState::Disabled));
        assert_eq!(disabled.found, "LedgerKey (1234abcd) is disabled: nothing of the ledger is published");
        assert_eq!(disabled.remedy.as_deref(), Some("aws kms enable-key --key-id 1234abcd"));
        let remedy = found(Some(KeyState::PendingDeletion)).remedy.unwrap();
        assert!(remedy.starts_with("aws kms cancel-key-deletion --key-id 1234abcd"), "{remedy}");
        assert_eq!(gone(KEY).outcome, Outcome::Failed);
    }

    #[test]
    fn the_stacks_own_key_and_those_that_are_named_are_looked_at() {
        let parameters = [("KmsKeyArn", "arn:tables"), ("SecretsKeyArn", ""), ("NextLedgerKeyArn", "arn:next")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let own = Resource { logical: "LedgerKey".into(), physical: "1234abcd".into(), kind: "AWS::KMS::Key".into() };
        let stack = Stack { parameters, resources: vec![own], ..Stack::default() };
        let ids: Vec<&str> = keys(&stack).iter().map(|key| key.id).collect();
        assert_eq!(ids, ["1234abcd", "arn:tables", "arn:next"]);
        let template = include_str!("../../../../template.yaml");
        let keys = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix("KeyArn:"));
        assert_eq!(keys.collect::<Vec<_>>(), NAMED.map(|(name, _)| name.trim_end_matches("KeyArn")), "each parameter");
    }
}
