//! Whether what keeps data is encrypted as the template says. Somebody may have changed that by hand: no deployment changes it back,
//! and a function that may not use the other key can neither read nor write.

use aws_sdk_dynamodb::types::SseDescription;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata};
use aws_sdk_s3::types::ServerSideEncryption;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;

/// The parameter that names the operator's key of the tables.
pub const OF_TABLES: &str = "KmsKeyArn";

/// Whether AWS made the key `arn` for the account, as `aws/dynamodb`, and nobody in it.
pub async fn is_aws_s(kms: &Kms, arn: &str) -> Result<bool, AwsError> {
    let asked = kms.describe_key().key_id(arn).send().await.map_err(|error| AwsError::from_sdk(&error))?;
    Ok(asked.key_metadata().and_then(KeyMetadata::key_manager) == Some(&KeyManagerType::Aws))
}

/// The key of a table, where it has one. DynamoDB names none of its own, under which a table stands that names no other.
pub fn key_of(encryption: Option<&SseDescription>) -> Option<&str> {
    encryption.and_then(SseDescription::kms_master_key_arn).filter(|key| !key.is_empty())
}

/// What is wrong with the key of the table `name`, and what corrects it. `own`: what the parameter names; `is_aws_s`: whether the table's
/// key is the account's `aws/dynamodb`.
pub fn judge_table(name: &str, own: Option<&str>, key: Option<&str>, is_aws_s: bool) -> Option<(String, String)> {
    let is_right = own.map_or(is_aws_s, |own| key == Some(own));
    if is_right {
        return None;
    }
    let has = key.unwrap_or("a key that DynamoDB owns");
    let wanted = own.map_or("the account's aws/dynamodb", |own| own);
    let found = format!("{name} is encrypted under {has}, and the template says {wanted}");
    let key = own.map(|own| format!(",KMSMasterKeyId={own}")).unwrap_or_default();
    let remedy =
        format!("aws dynamodb update-table --table-name {name} --sse-specification Enabled=true,SSEType=KMS{key}");
    Some((found, remedy))
}

/// What is wrong with the encryption of a queue: the template has SQS do it, under a key of SQS's own.
pub fn judge_queue(about: &'static str, url: &str, is_by_sqs: Option<&str>, key: Option<&str>) -> Option<CheckResult> {
    let name = url.rsplit('/').next().unwrap_or(url);
    let remedy =
        |attributes: &str| format!("aws sqs set-queue-attributes --queue-url {url} --attributes '{attributes}'");
    match key.filter(|key| !key.is_empty()) {
        Some(key) => Some(CheckResult::failed(
            about,
            format!(
                "{name} is encrypted under {key}, and the template says SQS's own key: who may not use it sends and reads nothing"
            ),
            remedy(r#"{"KmsMasterKeyId":"","SqsManagedSseEnabled":"true"}"#),
        )),
        None if is_by_sqs == Some("true") => None,
        None => Some(CheckResult::warning(
            about,
            format!("{name} is not encrypted, and the template says that SQS does it"),
            remedy(r#"{"SqsManagedSseEnabled":"true"}"#),
        )),
    }
}

/// What is wrong with the key of a topic of the stack: the template gives it none, so that AWS's services may publish to it.
pub fn judge_topic(about: &'static str, arn: &str, key: Option<&str>) -> Option<CheckResult> {
    let key = key.filter(|key| !key.is_empty())?;
    Some(CheckResult::failed(
        about,
        format!(
            "{arn} is encrypted under {key}, and the template gives it no key: what may not use that key publishes nothing"
        ),
        format!("aws sns set-topic-attributes --topic-arn {arn} --attribute-name KmsMasterKeyId --attribute-value ''"),
    ))
}

/// What is wrong with the encryption of a bucket: the template has S3 do it, under keys of S3's own.
pub fn judge_bucket(about: &'static str, name: &str, by: Option<&ServerSideEncryption>) -> Option<CheckResult> {
    if by == Some(&ServerSideEncryption::Aes256) {
        return None;
    }
    let has = by.map_or("nothing", ServerSideEncryption::as_str);
    let rules = r#"{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}"#;
    Some(CheckResult::failed(
        about,
        format!(
            "{name} is encrypted by {has}, and the template says AES256: who may not use another key writes and reads nothing"
        ),
        format!("aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration '{rules}'"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    const OWN: &str = "arn:aws:kms:eu-central-1:123456789012:key/own";
    const OTHER: &str = "arn:aws:kms:eu-central-1:123456789012:key/other";

    #[test]
    fn a_table_under_another_key_than_the_template_s_is_told_with_what_changes_it_back() {
        assert_eq!(judge_table("calls-events", Some(OWN), Some(OWN), false), None);
        assert_eq!(judge_table("calls-events", None, Some(OTHER), true), None);
        let command =
            "aws dynamodb update-table --table-name calls-events --sse-specification Enabled=true,SSEType=KMS";
        for (own, key, says) in [
            (Some(OWN), Some(OTHER), format!("calls-events is encrypted under {OTHER}, and the template says {OWN}")),
            (
                Some(OWN),
                None,
                format!("calls-events is encrypted under a key that DynamoDB owns, and the template says {OWN}"),
            ),
            (
                None,
                Some(OTHER),
                format!("calls-events is encrypted under {OTHER}, and the template says the account's aws/dynamodb"),
            ),
        ] {
            let (found, remedy) = judge_table("calls-events", own, key, false).unwrap();
            assert_eq!(found, says);
            let named = own.map(|own| format!(",KMSMasterKeyId={own}")).unwrap_or_default();
            assert_eq!(remedy, format!("{command}{named}"));
        }
    }

    #[test]
    fn a_queue_a_topic_and_a_bucket_under_a_key_that_the_template_does_not_name_are_told() {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/calls-expire";
        assert_eq!(judge_queue("queues", url, Some("true"), None), None);
        let bare = judge_queue("queues", url, Some("false"), None).unwrap();
        assert_eq!(bare.outcome, Outcome::Warning);
        let other = judge_queue("queues", url, Some("false"), Some(OTHER)).unwrap();
        assert!(other.outcome == Outcome::Failed && other.found.starts_with("calls-expire is encrypted under arn:"));
        let remedy = other.remedy.unwrap();
        assert!(remedy.contains(url) && remedy.contains(r#""KmsMasterKeyId":"""#), "{remedy}");

        assert_eq!(judge_topic("push", "arn:topic", Some("")), None);
        let topic = judge_topic("push", "arn:topic", Some("alias/aws/sns")).unwrap();
        assert!(topic.outcome == Outcome::Failed && topic.remedy.unwrap().ends_with("--attribute-value ''"));

        assert_eq!(judge_bucket("ledger", "b", Some(&ServerSideEncryption::Aes256)), None);
        let bucket = judge_bucket("ledger", "b", Some(&ServerSideEncryption::AwsKms)).unwrap();
        assert!(bucket.found.contains("by aws:kms, and the template says AES256"), "{}", bucket.found);
    }

    #[test]
    fn the_template_encrypts_as_is_judged_here() {
        let template = include_str!("../../../../template.yaml");
        let count = |text: &str| template.matches(text).count();
        assert_eq!(count("    Type: AWS::SQS::Queue\n"), count("SqsManagedSseEnabled: true"));
        assert_eq!(count("    Type: AWS::S3::Bucket\n"), count("SSEAlgorithm: AES256"));
        assert_eq!(count("    Type: AWS::DynamoDB::Table\n"), count("KMSMasterKeyId: !If [OwnKey, !Ref KmsKeyArn, "));
        assert_eq!(count("KmsMasterKeyId:"), 0, "no topic and no queue has a key of its own");
    }
}
