//! Whether whoever reports to a topic can publish to it: what the topic's policy lets them, and the key that encrypts it.

use serde_json::Value;

use crate::aws::doctor::check_result::CheckResult;

const ABOUT: &str = "alarms";
/// The section with a policy that lets both publish.
const POLICY: &str = "docs/operators.md, “A budget”";
/// SNS's own key. Its policy is AWS's, and lets no other service use it.
const KEY_OF_SNS: &str = "alias/aws/sns";

/// A service of AWS that reports to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporter {
    /// For the alarms.
    CloudWatch,
    /// For the budget.
    Budgets,
}

impl Reporter {
    const fn principal(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch.amazonaws.com",
            Self::Budgets => "budgets.amazonaws.com",
        }
    }

    const fn lost(self) -> &'static str {
        match self {
            Self::CloudWatch => "no alarm is heard",
            Self::Budgets => "nobody hears of the budget",
        }
    }

    /// The policy that SNS gives a new topic lets everybody of the topic's account publish. An alarm counts as that, a budget
    /// does not.
    const fn acts_for_the_account(self) -> bool {
        matches!(self, Self::CloudWatch)
    }
}

/// What keeps `reporters` from publishing to the topic `arn`, which `parameter` names; its `policy` and `key` as SNS tells them.
pub fn judge(
    parameter: &str,
    arn: &str,
    reporters: &[Reporter],
    policy: Option<&str>,
    key: Option<&str>,
) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> = key.and_then(|key| judge_key(parameter, arn, key)).into_iter().collect();
    // A policy that cannot be read is none that SNS would have taken.
    if let Some(policy) = policy.and_then(|policy| serde_json::from_str::<Value>(policy).ok()) {
        let shut_out = reporters.iter().filter(|reporter| !lets_publish(&policy, **reporter));
        results.extend(shut_out.map(|reporter| {
            let (principal, lost) = (reporter.principal(), reporter.lost());
            CheckResult::failed(
                ABOUT,
                format!("the policy of {parameter} ({arn}) does not let {principal} publish: {lost}"),
                format!("{POLICY}, has a policy that does: aws sns set-topic-attributes --topic-arn {arn} --attribute-name Policy …"),
            )
        }));
    }
    results
}

fn judge_key(parameter: &str, arn: &str, key: &str) -> Option<CheckResult> {
    if key.is_empty() {
        return None;
    }
    if !key.ends_with(KEY_OF_SNS) {
        let found = format!(
            "{parameter} is encrypted with {key}: whether that key's policy lets CloudWatch use it, only AWS KMS says"
        );
        return Some(CheckResult::unchecked(ABOUT, found));
    }
    Some(CheckResult::failed(
        ABOUT,
        format!("{parameter} ({arn}) is encrypted with {KEY_OF_SNS}, which CloudWatch may not use: no alarm is heard"),
        format!(
            "aws sns set-topic-attributes --topic-arn {arn} --attribute-name KmsMasterKeyId --attribute-value …, a key of your own whose policy \
             lets cloudwatch.amazonaws.com kms:Decrypt and kms:GenerateDataKey*; or with '', for no key"
        ),
    ))
}

fn lets_publish(policy: &Value, reporter: Reporter) -> bool {
    let concerning = |statement: &&Value| {
        each(&statement["Action"]).iter().filter_map(|action| action.as_str()).any(is_publishing)
            && names(statement, reporter)
    };
    let statements: Vec<&Value> = each(&policy["Statement"]).into_iter().filter(concerning).collect();
    let is_allowed = statements.iter().any(|statement| statement["Effect"] == "Allow");
    // A denial on a condition, such as of what does not come by TLS, is none of a service of AWS.
    let is_denied =
        statements.iter().any(|statement| statement["Effect"] == "Deny" && statement["Condition"].is_null());
    is_allowed && !is_denied
}

fn is_publishing(action: &str) -> bool {
    ["*", "sns:*", "sns:publish"].contains(&action.to_ascii_lowercase().as_str())
}

/// Whether a statement's principals are the service, or everybody.
fn names(statement: &Value, reporter: Reporter) -> bool {
    let principal = &statement["Principal"];
    let everybody = principal == "*" || each(&principal["AWS"]).iter().any(|one| *one == "*");
    let on_condition = !statement["Condition"].is_null();
    each(&principal["Service"]).iter().any(|one| *one == reporter.principal())
        || everybody && (reporter.acts_for_the_account() || !on_condition || statement["Effect"] == "Deny")
}

/// What a policy has one of, or a list of.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::Reporter::{Budgets, CloudWatch};
    use super::*;
    use crate::aws::doctor::check_result::Outcome;
    use serde_json::json;

    fn policy(statements: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    fn publishers(statements: &Value) -> Vec<Reporter> {
        let policy = policy(statements);
        [CloudWatch, Budgets].into_iter().filter(|reporter| lets_publish(&policy, *reporter)).collect()
    }

    /// As SNS gives it to a new topic.
    fn first_policy() -> Value {
        json!({
            "Effect": "Allow", "Principal": { "AWS": "*" }, "Resource": "arn:t",
            "Action": ["SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:Subscribe", "SNS:Publish"],
            "Condition": { "StringEquals": { "AWS:SourceOwner": "111122223333" } }
        })
    }

    fn allowing(services: &Value) -> Value {
        let condition = json!({ "StringEquals": { "aws:SourceAccount": "111122223333" } });
        json!({ "Effect": "Allow", "Principal": { "Service": services }, "Action": "SNS:Publish", "Resource": "arn:t", "Condition": condition })
    }

    #[test]
    fn who_may_publish_stands_in_the_policy() {
        let both = json!(["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]);
        let one = json!("budgets.amazonaws.com");
        assert_eq!(publishers(&allowing(&both)), [CloudWatch, Budgets]);
        assert_eq!(publishers(&json!([allowing(&one)])), [Budgets]);
        assert_eq!(publishers(&json!([first_policy(), allowing(&one)])), [CloudWatch, Budgets]);
        assert_eq!(publishers(&json!([allowing(&json!("backup.amazonaws.com"))])), []);
        // A budget is not somebody of the account.
        assert_eq!(publishers(&first_policy()), [CloudWatch]);
        let everybody = json!({ "Effect": "Allow", "Principal": "*", "Action": "sns:*", "Resource": "*" });
        assert_eq!(publishers(&everybody), [CloudWatch, Budgets]);
        let reading =
            json!({ "Effect": "Allow", "Principal": "*", "Action": "SNS:GetTopicAttributes", "Resource": "*" });
        assert_eq!(publishers(&reading), []);
    }

    #[test]
    fn a_denial_goes_before_and_one_on_a_condition_does_not_count() {
        let both = allowing(&json!(["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]));
        let denial =
            json!({ "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "SNS:Publish", "Resource": "arn:t" });
        assert_eq!(publishers(&json!([both, denial])), []);
        let mut by_tls_only = denial;
        by_tls_only["Condition"] = json!({ "Bool": { "aws:SecureTransport": "false" } });
        assert_eq!(publishers(&json!([both, by_tls_only])), [CloudWatch, Budgets]);
        assert_eq!(publishers(&by_tls_only), []);
    }

    #[test]
    fn each_reporter_that_is_shut_out_is_named_with_what_it_means_and_what_to_do() {
        let of_topic = |policy: &Value, key| {
            judge("AlarmTopicArn", "arn:t", &[CloudWatch, Budgets], Some(&policy.to_string()), key)
        };
        let shut_out = of_topic(&policy(&json!([])), None);
        let found: Vec<&str> = shut_out.iter().map(|result| result.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "the policy of AlarmTopicArn (arn:t) does not let cloudwatch.amazonaws.com publish: no alarm is heard",
                "the policy of AlarmTopicArn (arn:t) does not let budgets.amazonaws.com publish: nobody hears of the budget",
            ]
        );
        let section = POLICY.strip_prefix("docs/operators.md, “").and_then(|rest| rest.strip_suffix('”')).unwrap();
        assert!(shut_out.iter().all(|result| result.remedy.as_ref().unwrap().starts_with(POLICY)));
        let (_, page) =
            include_str!("../../../../docs/operators.md").split_once(&format!("\n**{section}.** ")).unwrap();
        assert!(
            page.split_once("\n**").unwrap().0.contains(r#"["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]"#)
        );

        let well = policy(&first_policy());
        let outcomes = |key| {
            judge("AlarmTopicArn", "arn:t", &[CloudWatch], Some(&well.to_string()), key)
                .into_iter()
                .map(|result| result.outcome)
                .collect::<Vec<_>>()
        };
        assert_eq!(outcomes(None), []);
        assert_eq!(outcomes(Some("")), []);
        for own in ["alias/aws/sns", "arn:aws:kms:eu-central-1:111122223333:alias/aws/sns"] {
            assert_eq!(outcomes(Some(own)), [Outcome::Failed]);
        }
        assert_eq!(outcomes(Some("arn:aws:kms:eu-central-1:111122223333:key/1")), [Outcome::Unchecked]);
    }
}
