//! Checks the secrets that the functions read when they start: each is there, has a value, and is encrypted with a key that
//! the functions may use.

use aws_config::SdkConfig;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::types::KeyMetadata;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::stack::Stack;

const ABOUT: &str = "secrets";
/// What the name of the account's own key ends with.
const OF_THE_ACCOUNT: &str = "alias/aws/secretsmanager";
/// The parameter that names the operator's key of the secrets.
const OWN_KEY: &str = "SecretsKeyArn";

/// One result with the number of secrets that can be read, and one for each other. No secret is read.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let (client, kms) = (Client::new(sdk), Kms::new(sdk));
    let own_key = stack.parameter(OWN_KEY);
    let (mut readable, mut results) = (0, vec![]);
    for secret in needed(stack) {
        let asked = client.describe_secret().secret_id(&secret).send().await;
        match asked.map_err(|error| AwsError::from_sdk(&error)) {
            Ok(found) => {
                let is_own = match found.kms_key_id() {
                    Some(key) => names(&kms, key, own_key).await,
                    None => Ok(false),
                };
                match judge(&secret, &found, is_own) {
                    None => readable += 1,
                    Some(result) => results.push(result),
                }
            }
            Err(error) if error.is_not_found() => results.push(missing(&secret)),
            Err(error) => results.push(CheckResult::refused(ABOUT, &format!("the secret {secret}"), &error)),
        }
    }
    if readable > 0 {
        results.insert(0, CheckResult::ok(ABOUT, format!("{readable} are there, and the functions may read them")));
    }
    results
}

/// The names of the secrets that a deployment needs, as `secrets_of` in infra/template/deploy.py lists them.
fn needed(stack: &Stack) -> Vec<String> {
    let Some(prefix) = stack.parameter("SecretsName") else { return vec![] };
    let all = [
        ("auth", stack.parameter("AuthAlgorithms") == Some("HS256")),
        ("mqtt", true),
        ("mqtt-signing", stack.parameter("MqttSigningPublicKey").is_some()),
        ("payload", true),
        ("trtc", true),
        ("trtc-api", stack.parameter("TrtcRoomApi") == Some("on")),
        ("trtc-callback", stack.parameter("TrtcCallback") == Some("on")),
    ];
    all.into_iter().filter(|(_, is_needed)| *is_needed).map(|(name, _)| format!("{prefix}/{name}")).collect()
}

/// Whether `key` names `own`. Secrets Manager keeps an id, an ARN or an alias, whichever it was given. Only KMS knows which key an
/// alias names.
async fn names(kms: &Kms, key: &str, own: Option<&str>) -> Result<bool, AwsError> {
    let Some(own) = own.filter(|_| !key.ends_with(OF_THE_ACCOUNT)) else { return Ok(false) };
    if !key.contains("alias/") {
        return Ok(key == own || own.ends_with(&format!(":key/{key}")));
    }
    let asked = kms.describe_key().key_id(key).send().await;
    match asked.map_err(|error| AwsError::from_sdk(&error)) {
        Ok(found) => Ok(found.key_metadata().and_then(KeyMetadata::arn) == Some(own)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

fn missing(secret: &str) -> CheckResult {
    CheckResult::failed(
        ABOUT,
        format!("the secret {secret} does not exist: functions that read it do not start"),
        "docs/operators.md says how to make it; `aws secretsmanager restore-secret` where it was deleted within a month",
    )
}

/// `is_own_key`: whether the functions may use the key that it is encrypted with, or why nobody could say so.
fn judge(secret: &str, found: &DescribeSecretOutput, is_own_key: Result<bool, AwsError>) -> Option<CheckResult> {
    let current = |stages: &Vec<String>| stages.iter().any(|stage| stage == "AWSCURRENT");
    let failed = |found: String, remedy: String| Some(CheckResult::failed(ABOUT, found, remedy));
    if found.deleted_date().is_some() {
        return failed(
            format!("the secret {secret} is to be deleted, and nobody can read it: functions that do so do not start"),
            format!("aws secretsmanager restore-secret --secret-id {secret}"),
        );
    }
    if !found.version_ids_to_stages().is_some_and(|versions| versions.values().any(current)) {
        return failed(
            format!("the secret {secret} has no current version: functions that read it do not start"),
            "put a value into it: docs/operators.md says which".to_owned(),
        );
    }
    // Secrets Manager names no key where it is the account's.
    let key = found.kms_key_id().filter(|key| !key.ends_with(OF_THE_ACCOUNT))?;
    match is_own_key {
        Ok(true) => None,
        Ok(false) => failed(
            format!("the secret {secret} is encrypted with {key}, which the functions may not use: they do not start"),
            format!(
                "aws secretsmanager update-secret --secret-id {secret} --kms-key-id {OF_THE_ACCOUNT}, or deploy with {OWN_KEY}: the key's ARN"
            ),
        ),
        Err(error) => Some(CheckResult::refused(ABOUT, &format!("the key {key} of the secret {secret}"), &error)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::primitives::DateTime;

    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    fn stack(parameters: &[(&str, &str)]) -> Stack {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Stack { parameters, ..Stack::default() }
    }

    #[test]
    fn the_secrets_are_those_that_tools_deploy_wants() {
        let deploy = include_str!("../../../../infra/template/deploy.py");
        let listed = deploy.split("needed = {").nth(1).unwrap().split('}').next().unwrap();
        let listed: Vec<String> = listed
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
            .map(|name| format!("calls/{name}"))
            .collect();
        let everything = [
            ("SecretsName", "calls"),
            ("AuthAlgorithms", "HS256"),
            ("MqttSigningPublicKey", "MIIB"),
            ("TrtcRoomApi", "on"),
            ("TrtcCallback", "on"),
        ];
        assert_eq!(needed(&stack(&everything)), listed);
        let least = [("SecretsName", "calls"), ("AuthAlgorithms", "RS256"), ("TrtcRoomApi", "off")];
        assert_eq!(needed(&stack(&least)), ["calls/mqtt", "calls/payload", "calls/trtc"]);
        // A stack from before there were such secrets.
        assert!(needed(&Stack::default()).is_empty());
    }

    #[test]
    fn a_secret_has_a_current_version_under_a_key_that_the_functions_may_use() {
        let kept = || DescribeSecretOutput::builder().version_ids_to_stages("v1", vec!["AWSCURRENT".to_owned()]);
        let outcome =
            |found: DescribeSecretOutput, is_own| judge("calls/trtc", &found, Ok(is_own)).map(|found| found.outcome);
        let foreign = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd";
        assert_eq!(outcome(kept().build(), false), None);
        assert_eq!(
            outcome(kept().kms_key_id("arn:aws:kms:eu-central-1:1:alias/aws/secretsmanager").build(), false),
            None
        );
        assert_eq!(outcome(kept().kms_key_id(foreign).build(), true), None);
        assert_eq!(outcome(kept().kms_key_id(foreign).build(), false), Some(Outcome::Failed));
        assert_eq!(outcome(kept().deleted_date(DateTime::from_secs(1)).build(), false), Some(Outcome::Failed));
        let previous = DescribeSecretOutput::builder().version_ids_to_stages("v1", vec!["AWSPREVIOUS".to_owned()]);
        assert_eq!(outcome(previous.build(), false), Some(Outcome::Failed));
        assert_eq!(outcome(DescribeSecretOutput::builder().build(), false), Some(Outcome::Failed));
        assert_eq!(missing("calls/trtc").outcome, Outcome::Failed);
    }

    #[test]
    fn a_secret_whose_key_may_not_be_looked_up_is_unchecked_unless_something_else_is_wrong() {
        let refused = || {
            let code = "AccessDeniedException".to_owned();
            AwsError { message: format!("{code}: not for you"), code: Some(code) }
        };
        let kept = || DescribeSecretOutput::builder().kms_key_id("alias/secrets");
        let sound = kept().version_ids_to_stages("v1", vec!["AWSCURRENT".to_owned()]);
        let unchecked = judge("calls/trtc", &sound.clone().build(), Err(refused())).unwrap();
        assert_eq!(unchecked.outcome, Outcome::Unchecked);
        let why =
            "the key alias/secrets of the secret calls/trtc could not be checked: AccessDeniedException: not for you";
        assert_eq!(unchecked.found, why);
        for wrong in [sound.deleted_date(DateTime::from_secs(1)), kept()] {
            assert_eq!(judge("calls/trtc", &wrong.build(), Err(refused())).unwrap().outcome, Outcome::Failed);
        }
    }
}
