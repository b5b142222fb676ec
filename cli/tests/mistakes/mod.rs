//! Mistakes in a deployment, as somebody makes them: with the SDK, as the console or the command line would.

use aws_sdk_cloudformation::types::{OnFailure, Tag};
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, SseSpecification, SseType, StreamSpecification, TimeToLiveSpecification,
};
use aws_sdk_lambda::types::EventSourcePosition;
use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::BoxFuture;

use crate::deployment::{Deployment, publishers};

/// Makes one mistake.
type Make = for<'a> fn(&'a Deployment) -> BoxFuture<'a, ()>;

/// Each with what the doctor says of it. In this order: later ones take away what earlier ones need.
pub const MISTAKES: [(&str, Make, &str); 28] = [
    ("a message is left in the dead letters", |on| Box::pin(leave_a_letter(on)), "holds 1 message"),
    ("recovery is switched off", |on| Box::pin(switch_recovery_off(on)), "-events has no point-in-time recovery"),
    ("time to live is switched off", |on| Box::pin(switch_ttl_off(on)), "-directory keeps expired items"),
    ("the rule of presence is disabled", |on| Box::pin(disable_the_rule(on)), "is disabled"),
    ("the doors' policy is deleted", |on| Box::pin(delete_the_policy(on)), "the doors' policy"),
    ("nobody is subscribed to the alarms", |on| Box::pin(unsubscribe(on)), "nobody has subscribed to AlarmTopicArn"),
    (
        "the alarms' topic is encrypted with SNS's own key",
        |on| Box::pin(encrypt_the_topic(on)),
        "is encrypted with alias/aws/sns, which CloudWatch may not use",
    ),
    (
        "the alarms' topic takes nothing of budgets",
        |on| Box::pin(let_publish(on, "cloudwatch.amazonaws.com")),
        "does not let budgets.amazonaws.com publish: nobody hears of the budget",
    ),
    (
        "the alarms' topic takes nothing of alarms",
        |on| Box::pin(let_publish(on, "budgets.amazonaws.com")),
        "does not let cloudwatch.amazonaws.com publish: no alarm is heard",
    ),
    ("the platform application is disabled", |on| Box::pin(disable_pushes(on)), "PushGcm is disabled"),
    (
        "another deployment is put beside it",
        |on| Box::pin(deploy_another(on)),
        "a call in one rings phones of the other",
    ),
    ("a table is put under another key", |on| Box::pin(encrypt_a_table_anew(on)), "-directory is encrypted under arn:"),
    ("a queue is put under another key", |on| Box::pin(encrypt_a_queue_anew(on)), "is encrypted under alias/other"),
    ("a bucket is put under another key", |on| Box::pin(encrypt_a_bucket_anew(on)), "is encrypted by aws:kms"),
    ("a secret is deleted", |on| Box::pin(delete_a_secret(on)), "/payload is to be deleted"),
    ("a secret is put under another key", |on| Box::pin(encrypt_a_secret_anew(on)), "/trtc is encrypted with"),
    ("the ledger's key is disabled", |on| Box::pin(disable_the_key(on)), "is disabled: nothing of the ledger"),
    ("the ledger's bucket is deleted", |on| Box::pin(delete_the_bucket(on)), "does not exist: nothing is published"),
    ("a function is switched off", |on| Box::pin(switch_a_function_off(on)), "-projector is switched off"),
    ("a third function reads the stream", |on| Box::pin(read_a_third_time(on)), "throttles a third reader"),
    ("the projector's source is disabled", |on| Box::pin(disable_the_source(on)), "projector is disabled"),
    ("the ledger's source is deleted", |on| Box::pin(delete_the_source(on)), "-ledger does not read the log's stream"),
    ("an alias is deleted", |on| Box::pin(delete_the_alias(on)), "-ledger has no alias live"),
    ("a function is deleted", |on| Box::pin(delete_the_function(on)), "-ledger does not exist"),
    ("an alarm is deleted", |on| Box::pin(delete_the_alarm(on)), "-filling does not exist"),
    ("a queue is deleted", |on| Box::pin(delete_the_queue(on)), "the queue"),
    ("the log's stream is switched off", |on| Box::pin(switch_the_stream_off(on)), "-events has no stream"),
    ("the directory is deleted", |on| Box::pin(delete_the_directory(on)), "-directory does not exist"),
];

async fn leave_a_letter(on: &Deployment) {
    on.add_letter("hello").await;
}

async fn switch_recovery_off(on: &Deployment) {
    let off = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(false).build().unwrap();
    let dynamodb = aws_sdk_dynamodb::Client::new(&on.sdk);
    let backups = dynamodb.update_continuous_backups().table_name(on.output("EventsTableName"));
    backups.point_in_time_recovery_specification(off).send().await.unwrap();
}

async fn switch_ttl_off(on: &Deployment) {
    let off = TimeToLiveSpecification::builder().enabled(false).attribute_name("ttl").build().unwrap();
    let dynamodb = aws_sdk_dynamodb::Client::new(&on.sdk);
    let table = dynamodb.update_time_to_live().table_name(on.output("DirectoryTableName"));
    table.time_to_live_specification(off).send().await.unwrap();
}

async fn encrypt_a_table_anew(on: &Deployment) {
    let key = aws_sdk_kms::Client::new(&on.sdk).create_key().send().await.unwrap().key_metadata.unwrap();
    let key = SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(key.arn.unwrap());
    let dynamodb = aws_sdk_dynamodb::Client::new(&on.sdk);
    let table = dynamodb.update_table().table_name(on.output("DirectoryTableName"));
    table.sse_specification(key.build()).send().await.unwrap();
}

async fn encrypt_a_queue_anew(on: &Deployment) {
    let sqs = aws_sdk_sqs::Client::new(&on.sdk);
    let queue = sqs.set_queue_attributes().queue_url(on.output("ProjectorDeadLettersUrl"));
    queue.attributes(QueueAttributeName::KmsMasterKeyId, "alias/other").send().await.unwrap();
}

async fn encrypt_a_bucket_anew(on: &Deployment) {
    let by = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let bucket = on.resource("LedgerBucket").await;
    let encrypt = aws_sdk_s3::Client::new(&on.sdk).put_bucket_encryption().bucket(bucket);
    encrypt.server_side_encryption_configuration(rules).send().await.unwrap();
}

async fn disable_the_rule(on: &Deployment) {
    let rule = on.resource("PresenceRule").await;
    aws_sdk_iot::Client::new(&on.sdk).disable_topic_rule().rule_name(rule).send().await.unwrap();
}

async fn delete_the_policy(on: &Deployment) {
    let policy = on.output("DoorPolicyName");
    aws_sdk_iot::Client::new(&on.sdk).delete_policy().policy_name(policy).send().await.unwrap();
}

async fn unsubscribe(on: &Deployment) {
    let sns = aws_sdk_sns::Client::new(&on.sdk);
    let topic = on.parameter("AlarmTopicArn").await;
    for one in sns.list_subscriptions_by_topic().topic_arn(topic).send().await.unwrap().subscriptions() {
        sns.unsubscribe().subscription_arn(one.subscription_arn().unwrap()).send().await.unwrap();
    }
}

async fn encrypt_the_topic(on: &Deployment) {
    let set = aws_sdk_sns::Client::new(&on.sdk).set_topic_attributes().topic_arn(on.parameter("AlarmTopicArn").await);
    set.attribute_name("KmsMasterKeyId").attribute_value("alias/aws/sns").send().await.unwrap();
}

/// Only the service, as whoever adds another one may write it.
async fn let_publish(on: &Deployment, service: &str) {
    let topic = on.parameter("AlarmTopicArn").await;
    let set = aws_sdk_sns::Client::new(&on.sdk).set_topic_attributes().topic_arn(&topic);
    set.attribute_name("Policy").attribute_value(publishers(&topic, &[service])).send().await.unwrap();
}

async fn disable_pushes(on: &Deployment) {
    let app = on.parameter("PushGcm").await;
    let set = aws_sdk_sns::Client::new(&on.sdk).set_platform_application_attributes();
    set.platform_application_arn(app).attributes("Enabled", "false").send().await.unwrap();
}

/// The tag is that of samconfig.toml; the stack has no prefix, as this one has none.
async fn deploy_another(on: &Deployment) {
    let template = r#"{"Resources":{"Queue":{"Type":"AWS::SQS::Queue"}}}"#;
    aws_sdk_cloudformation::Client::new(&on.sdk)
        .create_stack()
        .stack_name(on.name("another"))
        .template_body(template)
        .tags(Tag::builder().key("Application").value("ilock-call").build())
        .on_failure(OnFailure::Delete)
        .send()
        .await
        .unwrap();
}

async fn delete_a_secret(on: &Deployment) {
    let secret = format!("{}/payload", on.parameter("SecretsName").await);
    aws_sdk_secretsmanager::Client::new(&on.sdk).delete_secret().secret_id(secret).send().await.unwrap();
}

async fn encrypt_a_secret_anew(on: &Deployment) {
    let key = aws_sdk_kms::Client::new(&on.sdk).create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let secret = format!("{}/trtc", on.parameter("SecretsName").await);
    let client = aws_sdk_secretsmanager::Client::new(&on.sdk);
    client.update_secret().secret_id(secret).kms_key_id(key).send().await.unwrap();
}

async fn disable_the_key(on: &Deployment) {
    let key = on.resource("LedgerKey").await;
    aws_sdk_kms::Client::new(&on.sdk).disable_key().key_id(key).send().await.unwrap();
}

async fn delete_the_bucket(on: &Deployment) {
    let bucket = on.resource("LedgerBucket").await;
    aws_sdk_s3::Client::new(&on.sdk).delete_bucket().bucket(bucket).send().await.unwrap();
}

async fn switch_a_function_off(on: &Deployment) {
    let projector = format!("{}projector", on.output("FunctionPrefix"));
    let none = aws_sdk_lambda::Client::new(&on.sdk).put_function_concurrency().function_name(projector);
    none.reserved_concurrent_executions(0).send().await.unwrap();
}

async fn stream(on: &Deployment) -> String {
    let dynamodb = aws_sdk_dynamodb::Client::new(&on.sdk);
    let table = dynamodb.describe_table().table_name(on.output("EventsTableName")).send().await.unwrap();
    table.table.unwrap().latest_stream_arn.unwrap()
}

async fn read_a_third_time(on: &Deployment) {
    let projector = format!("{}projector", on.output("FunctionPrefix"));
    let lambda = aws_sdk_lambda::Client::new(&on.sdk);
    let analytics = lambda.create_function().function_name(format!("{}analytics", on.output("FunctionPrefix")));
    let role = lambda.get_function_configuration().function_name(projector).send().await.unwrap().role.unwrap();
    let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(aws_sdk_lambda::primitives::Blob::new(ZIP));
    let made = analytics.runtime("python3.11".into()).handler("index.handler").role(role).code(code.build());
    let made = made.send().await.unwrap();
    let mapping = lambda.create_event_source_mapping().function_name(made.function_name.unwrap());
    let mapping = mapping.event_source_arn(stream(on).await).starting_position(EventSourcePosition::TrimHorizon);
    mapping.send().await.unwrap();
}

/// An archive with nothing in it: its end-of-directory record.
const ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

async fn disable_the_source(on: &Deployment) {
    let id = on.resource("ProjectorLog").await;
    let lambda = aws_sdk_lambda::Client::new(&on.sdk);
    lambda.update_event_source_mapping().uuid(id).enabled(false).send().await.unwrap();
}

async fn delete_the_source(on: &Deployment) {
    let id = on.resource("LedgerLog").await;
    aws_sdk_lambda::Client::new(&on.sdk).delete_event_source_mapping().uuid(id).send().await.unwrap();
}

fn ledger(on: &Deployment) -> String {
    format!("{}ledger", on.output("FunctionPrefix"))
}

async fn delete_the_alias(on: &Deployment) {
    let lambda = aws_sdk_lambda::Client::new(&on.sdk);
    lambda.delete_alias().function_name(ledger(on)).name("live").send().await.unwrap();
}

async fn delete_the_function(on: &Deployment) {
    aws_sdk_lambda::Client::new(&on.sdk).delete_function().function_name(ledger(on)).send().await.unwrap();
}

async fn delete_the_alarm(on: &Deployment) {
    let alarm = on.resource("Filling").await;
    aws_sdk_cloudwatch::Client::new(&on.sdk).delete_alarms().alarm_names(alarm).send().await.unwrap();
}

async fn delete_the_queue(on: &Deployment) {
    let queue = on.resource("ExpireQueue").await;
    aws_sdk_sqs::Client::new(&on.sdk).delete_queue().queue_url(queue).send().await.unwrap();
}

async fn switch_the_stream_off(on: &Deployment) {
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    let table = on.output("EventsTableName");
    let dynamodb = aws_sdk_dynamodb::Client::new(&on.sdk);
    dynamodb.update_table().table_name(table).stream_specification(off).send().await.unwrap();
}

async fn delete_the_directory(on: &Deployment) {
    let table = on.output("DirectoryTableName");
    aws_sdk_dynamodb::Client::new(&on.sdk).delete_table().table_name(table).send().await.unwrap();
}
