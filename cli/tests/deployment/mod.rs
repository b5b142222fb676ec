//! A small deployment on the emulator: a resource of each kind that the commands look at, named and wired as the project's
//! own template does. The API behind it is a running `ilock dev`.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{AttributeValue, PointInTimeRecoverySpecification, TimeToLiveSpecification};
use aws_sdk_sqs::types::QueueAttributeName;
use ilock_env::Clock;
use serde_json::{Value, json};

use crate::server::Server;

/// Fails at commits that are "bad", until it is mended, and never takes those that are "refused".
const PROJECTOR: &str = r#"
import os
def handler(event, context):
    failed = []
    for record in event["Records"]:
        change = record["dynamodb"]
        assert record["eventName"] == "INSERT" and change["Keys"]["sk"]["S"].startswith("commit#")
        kind = change["NewImage"]["kind"]["S"]
        if kind == "bad" and not os.environ.get("MENDED"):
            raise Exception("this commit is bad")
        if kind == "refused":
            failed.append({"itemIdentifier": change["SequenceNumber"]})
    return {"batchItemFailures": failed}
"#;

pub struct Deployment {
    pub sdk: SdkConfig,
    stack: String,
    outputs: BTreeMap<String, String>,
    /// Ends with the test.
    _api: Server,
}

impl Deployment {
    /// Deploys it under a unique name.
    pub async fn start(about: &str) -> Self {
        let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names the emulator");
        assert!(endpoint.contains("127.0.0.1") || endpoint.contains("localhost"), "an emulator, not {endpoint}");
        let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let millis = Clock::system().now().0 % 1_000_000_000;
        let stack = format!("t-{about}-{}-{millis}", std::process::id());
        let api = Server::start();
        let client = aws_sdk_cloudformation::Client::new(&sdk);
        let template = template(&stack, api.at("http")).to_string();
        let (topic, app) = subscribed(&sdk, &stack).await;
        let parameter = |name: &str, value: &str| {
            aws_sdk_cloudformation::types::Parameter::builder().parameter_key(name).parameter_value(value).build()
        };
        let create = client.create_stack().stack_name(&stack).template_body(template);
        let create = create.parameters(parameter("AlarmTopicArn", &topic)).parameters(parameter("PushGcm", &app));
        store_secrets(&sdk, &stack).await;
        let create = create.parameters(parameter("SecretsName", &stack));
        create.capabilities(aws_sdk_cloudformation::types::Capability::CapabilityNamedIam).send().await.unwrap();
        let mut deployment = Self { sdk, stack, outputs: BTreeMap::new(), _api: api };
        let found = loop {
            let answer = client.describe_stacks().stack_name(&deployment.stack).send().await.unwrap();
            let found = answer.stacks()[0].clone();
            match found.stack_status().unwrap().as_str() {
                "CREATE_COMPLETE" => break found,
                "CREATE_IN_PROGRESS" => tokio::time::sleep(Duration::from_millis(200)).await,
                status => panic!("{status}: {:?}", found.stack_status_reason()),
            }
        };
        for output in found.outputs() {
            deployment
                .outputs
                .insert(output.output_key().unwrap().to_owned(), output.output_value().unwrap().to_owned());
        }
        deployment.enable_recovery_and_ttl().await;
        deployment
    }

    /// The emulator's CloudFormation ignores recovery and time to live.
    async fn enable_recovery_and_ttl(&self) {
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.sdk);
        for name in ["EventsTableName", "DirectoryTableName", "LedgerTableName"] {
            let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
            let keep = dynamodb.update_continuous_backups().table_name(self.output(name));
            keep.point_in_time_recovery_specification(recovery.unwrap()).send().await.unwrap();
        }
        for name in ["EventsTableName", "DirectoryTableName"] {
            let forget = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
            let table = dynamodb.update_time_to_live().table_name(self.output(name));
            table.time_to_live_specification(forget).send().await.unwrap();
        }
    }

    /// A parameter of the stack.
    pub async fn parameter(&self, name: &str) -> String {
        let client = aws_sdk_cloudformation::Client::new(&self.sdk);
        let answer = client.describe_stacks().stack_name(&self.stack).send().await.unwrap();
        let found = answer.stacks()[0].parameters().iter().find(|one| one.parameter_key() == Some(name)).unwrap();
        found.parameter_value().unwrap().to_owned()
    }

    /// The physical id of a resource, by its name in the template.
    pub async fn resource(&self, logical: &str) -> String {
        let client = aws_sdk_cloudformation::Client::new(&self.sdk);
        let asked = client.describe_stack_resource().stack_name(&self.stack).logical_resource_id(logical).send().await;
        asked.unwrap().stack_resource_detail.unwrap().physical_resource_id.unwrap()
    }

    pub fn output(&self, name: &str) -> String {
        self.outputs[name].clone()
    }

    /// A unique id for a door: the tests share the emulator's account.
    pub fn name(&self, door: &str) -> String {
        let tail: String = self.stack.chars().rev().take(12).collect();
        format!("{door}-{tail}")
    }

    /// Lets a command use this deployment.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("ILOCK_STACK", &self.stack).env_remove("STAGE").stdin(Stdio::null())
    }

    /// Runs `ilock` against it.
    pub fn ilock(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
        self.environment(command.args(arguments).env_remove("AUTH_SECRET")).output().unwrap()
    }

    /// How many certificates the doors' policy is attached to.
    pub async fn certificates_with_policy(&self) -> usize {
        let iot = aws_sdk_iot::Client::new(&self.sdk);
        let policy = self.output("DoorPolicyName");
        iot.list_targets_for_policy().policy_name(policy).send().await.unwrap().targets().len()
    }

    /// The account's certificates that no thing has: those are left over.
    pub async fn certificates(&self) -> usize {
        let iot = aws_sdk_iot::Client::new(&self.sdk);
        let mut left_over = 0;
        for certificate in iot.list_certificates().page_size(250).send().await.unwrap().certificates() {
            let things = iot.list_principal_things().principal(certificate.certificate_arn().unwrap()).send().await;
            left_over += usize::from(things.is_ok_and(|things| things.things().is_empty()));
        }
        left_over
    }

    /// A commit, as far as this projector reads it.
    pub async fn commit(&self, call: &str, kind: &str) {
        let text = |text: String| AttributeValue::S(text);
        aws_sdk_dynamodb::Client::new(&self.sdk)
            .put_item()
            .table_name(self.output("EventsTableName"))
            .item("pk", text(format!("call#{call}")))
            .item("sk", text("commit#000001".into()))
            .item("kind", text(kind.into()))
            .send()
            .await
            .unwrap();
    }

    /// Puts a letter into the projector's dead-letter queue.
    pub async fn add_letter(&self, letter: &str) {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        let queue = self.output("ProjectorDeadLettersUrl");
        sqs.send_message().queue_url(queue).message_body(letter).send().await.unwrap();
    }

    /// A letter about a record that the stream does not have.
    pub async fn letter_about(&self, number: &str) -> String {
        let table = self.output("EventsTableName");
        let table = aws_sdk_dynamodb::Client::new(&self.sdk).describe_table().table_name(table).send().await.unwrap();
        let stream = table.table().unwrap().latest_stream_arn().unwrap().to_owned();
        let shard = aws_sdk_dynamodbstreams::Client::new(&self.sdk).describe_stream().stream_arn(&stream).send().await;
        let shard = shard.unwrap().stream_description().unwrap().shards()[0].shard_id().unwrap().to_owned();
        json!({
            "requestContext": { "requestId": "r", "functionArn": format!("{}-projector", self.stack), "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1 },
            "DDBStreamBatchInfo": { "shardId": shard, "startSequenceNumber": number, "endSequenceNumber": number, "batchSize": 1, "streamArn": stream },
        })
        .to_string()
    }

    /// Waits for the first letter.
    pub async fn until_first_letter(&self) {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        for _ in 0..240 {
            let queue = self.output("ProjectorDeadLettersUrl");
            let name = QueueAttributeName::ApproximateNumberOfMessages;
            let answer =
                sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await.unwrap();
            if answer.attributes().unwrap()[&name] != "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("the emulator never gave the commit up");
    }

    /// Lets the projector accept every commit from now on.
    pub async fn mend(&self) {
        let environment = aws_sdk_lambda::types::Environment::builder().variables("MENDED", "yes").build();
        aws_sdk_lambda::Client::new(&self.sdk)
            .update_function_configuration()
            .function_name(format!("{}-projector", self.stack))
            .environment(environment)
            .send()
            .await
            .unwrap();
    }
}

/// A topic for the alarms that somebody hears, and a platform application for pushes: the operator makes them beforehand.
async fn subscribed(sdk: &SdkConfig, stack: &str) -> (String, String) {
    let sns = aws_sdk_sns::Client::new(sdk);
    let topic = sns.create_topic().name(format!("{stack}-pager")).send().await.unwrap().topic_arn.unwrap();
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let url = sqs.create_queue().queue_name(format!("{stack}-paged")).send().await.unwrap().queue_url.unwrap();
    let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn).send();
    let queue = asked.await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(queue).send().await.unwrap();
    let policy = publishers(&topic, &["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]);
    let set = sns.set_topic_attributes().topic_arn(&topic).attribute_name("Policy").attribute_value(policy);
    set.send().await.unwrap();
    let app = sns.create_platform_application().name(stack).platform("GCM").attributes("PlatformCredential", "key");
    (topic, app.send().await.unwrap().platform_application_arn.unwrap())
}

/// A topic's policy that lets these services publish, as docs/operators.md has it. Whoever belongs to the account needs none.
pub fn publishers(topic: &str, services: &[&str]) -> String {
    let statement =
        json!({ "Effect": "Allow", "Principal": { "Service": services }, "Action": "SNS:Publish", "Resource": topic });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// What the functions of the project's own template read; the operator makes them beforehand too.
async fn store_secrets(sdk: &SdkConfig, stack: &str) {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    for name in ["auth", "mqtt", "payload", "trtc"] {
        client.create_secret().name(format!("{stack}/{name}")).secret_string("{}").send().await.unwrap();
    }
}

fn table(json: &str, name: &str) -> Value {
    let mut properties: Value = serde_json::from_str(json).unwrap();
    // The tests break it and delete it.
    properties["DeletionProtectionEnabled"] = json!(false);
    properties["TableName"] = json!(name);
    json!({ "Type": "AWS::DynamoDB::Table", "Properties": properties })
}

fn template(stack: &str, api: &str) -> Value {
    let arn = |name: &str| json!({ "Fn::GetAtt": [name, "Arn"] });
    let reference = |name: &str| json!({ "Ref": name });
    let function = |name: &str| {
        json!({ "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": format!("{stack}-{name}"), "Runtime": "python3.11", "Handler": "index.handler",
            "Role": arn("Role"), "Code": { "ZipFile": PROJECTOR } } })
    };
    let version = |of: &str| json!({ "Type": "AWS::Lambda::Version", "Properties": { "FunctionName": reference(of) } });
    let live = |of: &str| {
        json!({ "Type": "AWS::Lambda::Alias", "Properties": {
            "FunctionName": reference(of), "Name": "live", "FunctionVersion": "$LATEST" } })
    };
    json!({
        "Parameters": {
            "Stage": { "Type": "String", "Default": "dev" },
            "AuthAlgorithms": { "Type": "String", "Default": "HS256" },
            "AlarmTopicArn": { "Type": "String" },
            "MonthlyBudgetDollars": { "Type": "String", "Default": "500" },
            "PushGcm": { "Type": "String" },
            "SecretsName": { "Type": "String" },
        },
        "Resources": {
            "EventsTable": table(include_str!("../../../shared/log/table.json"), &format!("{stack}-events")),
            "DirectoryTable": table(include_str!("../../../shared/directory/table.json"), &format!("{stack}-directory")),
            "LedgerTable": table(include_str!("../../../shared/log/ledger.json"), &format!("{stack}-ledger")),
            "LedgerKey": { "Type": "AWS::KMS::Key", "Properties": { "KeyPolicy": {
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "kms:*", "Resource": "*" }] } } },
            "LedgerBucket": { "Type": "AWS::S3::Bucket", "Properties": {
                "VersioningConfiguration": { "Status": "Enabled" } } },
            "ExpireDeadLetters": { "Type": "AWS::SQS::Queue" },
            "ExpireQueue": { "Type": "AWS::SQS::Queue", "Properties": {
                "RedrivePolicy": { "deadLetterTargetArn": arn("ExpireDeadLetters"), "maxReceiveCount": 5 } } },
            "ProjectorDeadLetters": { "Type": "AWS::SQS::Queue" },
            "DoorPolicy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" }] } } },
            "Role": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] } } },
            "ProjectorFunction": function("projector"),
            "ProjectorVersion": version("ProjectorFunction"),
            "ProjectorLive": live("ProjectorFunction"),
            "LedgerFunction": function("ledger"),
            "LedgerVersion": version("LedgerFunction"),
            "LedgerLive": live("LedgerFunction"),
            "ProjectorLog": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": { "Fn::GetAtt": ["EventsTable", "StreamArn"] }, "FunctionName": reference("ProjectorFunction"),
                "StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 1, "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "DestinationConfig": { "OnFailure": { "Destination": arn("ProjectorDeadLetters") } } } },
            "LedgerLog": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": { "Fn::GetAtt": ["EventsTable", "StreamArn"] }, "FunctionName": reference("LedgerFunction"),
                "StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 1, "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "DestinationConfig": { "OnFailure": { "Destination": arn("LedgerDeadLetters") } } } },
            "LedgerDeadLetters": { "Type": "AWS::SQS::Queue" },
            "PresenceRule": { "Type": "AWS::IoT::TopicRule", "Properties": { "TopicRulePayload": {
                "Sql": "SELECT * FROM 'nobody/publishes/here'", "RuleDisabled": false,
                "Actions": [{ "Lambda": { "FunctionArn": arn("ProjectorFunction") } }] } } },
            "Filling": { "Type": "AWS::CloudWatch::Alarm", "Properties": {
                "AlarmName": format!("{stack}-filling"), "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
                "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold" } },
        },
        "Outputs": {
            "ApiUrl": { "Value": api },
            "DoorPolicyName": { "Value": reference("DoorPolicy") },
            "EventsTableName": { "Value": reference("EventsTable") },
            "DirectoryTableName": { "Value": reference("DirectoryTable") },
            "LedgerTableName": { "Value": reference("LedgerTable") },
            "ProjectorDeadLettersUrl": { "Value": reference("ProjectorDeadLetters") },
            "FunctionPrefix": { "Value": format!("{stack}-") },
        },
    })
}
