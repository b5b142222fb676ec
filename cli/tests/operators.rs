//! The operators' commands against a mock of AWS: the requests that they send, and what they print when AWS does not have
//! what they need. `account.rs` runs them on an emulator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod mock_aws;

#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::process::Output;
#[cfg(unix)]
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(unix)]
use std::time::Duration;

use mock_aws::{MockAws, Request, Response, ilock};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/ilock-dev-dead";
const QUEUE_ARN: &str = "arn:aws:sqs:eu-central-1:123456789012:ilock-dev-dead";

fn sqs(request: &Request, statuses: &[&str], looked: &AtomicUsize) -> Response {
    let task = |status: &str| json!({ "Status": status, "TaskHandle": (status == "RUNNING").then_some("task"), "ApproximateNumberOfMessagesMoved": 3, "StartedTimestamp": 1 });
    let response = match request.target.as_str() {
        "AmazonSQS.GetQueueUrl" => json!({ "QueueUrl": QUEUE }),
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": { "QueueArn": QUEUE_ARN } }),
        "AmazonSQS.ListDeadLetterSourceQueues" => json!({ "queueUrls": [QUEUE.replace("dead", "expire")] }),
        "AmazonSQS.StartMessageMoveTask" => json!({ "TaskHandle": "task" }),
        "AmazonSQS.ListMessageMoveTasks" => {
            let n = looked.fetch_add(1, Ordering::Relaxed);
            json!({ "Results": [task(statuses[n.min(statuses.len() - 1)])] })
        }
        other => panic!("unexpected request {other}"),
    };
    (200, response.to_string())
}

#[test]
fn dead_letters_of_a_queue_are_moved_back_by_sqs_and_watched_to_the_end() {
    let looked = AtomicUsize::new(0);
    let aws = MockAws::start(move |request| sqs(request, &["RUNNING", "COMPLETED"], &looked));
    let done = aws.run(&["--json", "redrive", "ilock-dev-dead", "--per-second", "10"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let said = lines(&done);
    assert_eq!((&said[0]["event"], &said[0]["to"]), (&json!("moving"), &json!(["ilock-dev-expire"])));
    assert_eq!((&said[1]["event"], &said[1]["moved"]), (&json!("moved"), &json!(3)));
    let start = aws.requests().into_iter().find(|request| request.target.ends_with("StartMessageMoveTask")).unwrap();
    let start: Value = serde_json::from_str(&start.body).unwrap();
    assert_eq!(start, json!({ "SourceArn": QUEUE_ARN, "MaxNumberOfMessagesPerSecond": 10 }));
}

#[test]
fn a_move_that_fails_is_told() {
    let looked = AtomicUsize::new(0);
    let aws = MockAws::start(move |request| sqs(request, &["FAILED"], &looked));
    let failed = aws.run(&["redrive", QUEUE_ARN]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("FAILED after 3 messages"), "{}", text(&failed.stderr));
}

/// SQS of a region that moves no dead letters by itself, with two of them in the queue.
fn without_moves(request: &Request, arn: &str, received: &AtomicUsize) -> Response {
    let response = match request.target.as_str() {
        "AmazonSQS.GetQueueUrl" => json!({ "QueueUrl": QUEUE }),
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": { "QueueArn": arn } }),
        "AmazonSQS.ListDeadLetterSourceQueues" => json!({ "queueUrls": [QUEUE.replace("dead", "expire")] }),
        "AmazonSQS.StartMessageMoveTask" => {
            let refused = json!({ "__type": "com.amazonaws.sqs#UnsupportedOperation", "message": "not here" });
            return (400, refused.to_string());
        }
        "AmazonSQS.ReceiveMessage" => match received.fetch_add(1, Ordering::Relaxed) {
            n @ (0 | 1) => {
                let attributes = json!({ "Kind": { "DataType": "String", "StringValue": "expiry" } });
                let (handle, body) = (format!("handle {n}"), format!("letter {n}"));
                json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": handle, "Body": body, "MessageAttributes": attributes }] })
            }
            _ => json!({}),
        },
        "AmazonSQS.SendMessage" | "AmazonSQS.DeleteMessage" => json!({}),
        other => panic!("unexpected request {other}"),
    };
    (200, response.to_string())
}

#[test]
fn where_sqs_moves_no_letters_each_is_sent_to_its_queue_before_it_is_deleted() {
    for (arn, asks_sqs) in [(QUEUE_ARN.to_owned(), true), (QUEUE_ARN.replace("arn:aws:", "arn:aws-cn:"), false)] {
        let received = AtomicUsize::new(0);
        let aws = MockAws::start(move |request| without_moves(request, &arn, &received));
        let done = aws.run(&["--json", "redrive", "ilock-dev-dead"]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert_eq!(lines(&done)[1]["moved"], json!(2));
        let requests = aws.requests();
        assert_eq!(requests.iter().any(|request| request.target.ends_with("StartMessageMoveTask")), asks_sqs);
        let changes = requests.iter().filter_map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            match request.target.as_str() {
                "AmazonSQS.SendMessage" => {
                    assert_eq!(body["QueueUrl"], QUEUE.replace("dead", "expire"));
                    assert_eq!(body["MessageAttributes"]["Kind"]["StringValue"], "expiry");
                    Some(body["MessageBody"].as_str().unwrap().to_owned())
                }
                "AmazonSQS.DeleteMessage" => Some(body["ReceiptHandle"].as_str().unwrap().to_owned()),
                _ => None,
            }
        });
        assert_eq!(changes.collect::<Vec<_>>(), ["letter 0", "handle 0", "letter 1", "handle 1"]);
    }
}

#[test]
fn a_queue_that_does_not_exist_is_named() {
    let aws = MockAws::start(|_| {
        (400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no" }).to_string())
    });
    let failed = aws.run(&["redrive", "nowhere"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("there is no queue nowhere"), "{}", text(&failed.stderr));
}

const STREAM: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/ilock-dev-events/stream/2026-11-22T00:00:00.000";

/// The letter of a function about the stream's records 100 to 200.
fn letter(function: &str) -> String {
    let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:ilock-dev-{function}:live");
    json!({
        "requestContext": { "requestId": "r", "functionArn": arn, "condition": "RetryAttemptsExhausted" },
        "DDBStreamBatchInfo": {
            "shardId": "shardId-1", "startSequenceNumber": "100", "endSequenceNumber": "200", "batchSize": 2,
            "streamArn": STREAM,
        },
    })
    .to_string()
}

/// A record of the stream: what `event` did to the item at `sk`.
fn stream_record(number: u32, event: &str, sk: &str) -> Value {
    let keys = json!({ "pk": { "S": "call#call_a_b_1" }, "sk": { "S": sk } });
    json!({
        "eventID": number.to_string(), "eventName": event, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": keys, "NewImage": keys, "SequenceNumber": number.to_string(), "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

/// What SQS says of the dead-letter queue itself; none where `target` asks for something else.
fn about_the_queue(target: &str) -> Option<Value> {
    Some(match target {
        "AmazonSQS.GetQueueUrl" => json!({ "QueueUrl": QUEUE }),
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": { "QueueArn": QUEUE_ARN } }),
        "AmazonSQS.ListDeadLetterSourceQueues" => json!({ "queueUrls": [] }),
        _ => return None,
    })
}

/// A dead-letter queue with one letter, a stream with these records, and functions that succeed.
fn with_letter(letter: String, records: Vec<Value>) -> MockAws {
    with_stream(letter, move |request| {
        let is_iterator = request.target.ends_with("GetShardIterator");
        let answer = if is_iterator { json!({ "ShardIterator": "first" }) } else { json!({ "Records": records }) };
        (200, answer.to_string())
    })
}

/// The same with a stream that answers as `stream` says.
fn with_stream(letter: String, stream: impl Fn(&Request) -> Response + Send + Sync + 'static) -> MockAws {
    let received = AtomicUsize::new(0);
    MockAws::start(move |request| {
        if let Some(answer) = about_the_queue(&request.target) {
            return (200, answer.to_string());
        }
        let answer = match request.target.as_str() {
            "AmazonSQS.ReceiveMessage" if received.fetch_add(1, Ordering::Relaxed) == 0 => {
                json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": "handle", "Body": letter }] })
            }
            "AmazonSQS.ReceiveMessage" | "AmazonSQS.DeleteMessage" | "AmazonSQS.ChangeMessageVisibility" => json!({}),
            streams if streams.starts_with("DynamoDBStreams_20120810.") => return stream(request),
            invoked if invoked.starts_with("POST /2015-03-31/functions/") => json!({ "batchItemFailures": [] }),
            other => panic!("unexpected request {other}"),
        };
        (200, answer.to_string())
    })
}

/// The sort keys of what functions were invoked with, and whether the letter was deleted.
fn sent_and_deleted(aws: &MockAws) -> (Vec<String>, bool) {
    let requests = aws.requests();
    let invoked = requests.iter().filter(|request| request.target.starts_with("POST /2015-03-31/functions/"));
    let sent = invoked.flat_map(|request| {
        let event: Value = serde_json::from_str(&request.body).unwrap();
        event["Records"].as_array().unwrap().clone()
    });
    let sent = sent.map(|record| record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().to_owned()).collect();
    (sent, requests.iter().any(|request| request.target == "AmazonSQS.DeleteMessage"))
}

#[test]
fn a_letter_of_the_ledger_that_holds_only_receipts_is_redriven_with_all_of_them() {
    let records = vec![
        stream_record(100, "INSERT", "receipt#000001#0000"),
        stream_record(150, "INSERT", "personal#00"),
        stream_record(160, "REMOVE", "receipt#000001#0000"),
        stream_record(200, "INSERT", "receipt#000001#0001"),
    ];
    let aws = with_letter(letter("ledger"), records);
    let done = aws.run(&["--json", "redrive", "ilock-dev-dead", "--drop-expired"]);
    assert_eq!(done.status.code(), Some(0), "{} {}", text(&done.stdout), text(&done.stderr));
    let counts = lines(&done).pop().unwrap();
    assert_eq!((&counts["redriven"], &counts["dropped"]), (&json!(1), &json!(0)));
    let receipts = ["receipt#000001#0000", "receipt#000001#0001"].map(str::to_owned).to_vec();
    assert_eq!(sent_and_deleted(&aws), (receipts, true));
}

#[test]
fn everything_that_the_ledger_is_given_is_redriven_and_the_projector_is_given_commits_alone() {
    let all = ["commit#000001", "receipt#000001#0000", "alert#a", "forgotten#00", "access#1#00", "archived"];
    let records = || (100..).zip(all).map(|(number, sk)| stream_record(number, "INSERT", sk)).collect::<Vec<_>>();
    for (function, given) in [("ledger", &all[..]), ("projector", &all[..1])] {
        let aws = with_letter(letter(function), records());
        let done = aws.run(&["redrive", "ilock-dev-dead"]);
        assert_eq!(done.status.code(), Some(0), "{} {}", text(&done.stdout), text(&done.stderr));
        let given: Vec<String> = given.iter().map(|sk| (*sk).to_owned()).collect();
        assert_eq!(sent_and_deleted(&aws), (given, true), "{function}");
    }
}

#[test]
fn a_letter_whose_records_the_stream_still_has_is_not_dropped_as_expired() {
    // None of them is for the projector: nobody is invoked, and nothing is lost.
    let aws = with_letter(letter("projector"), vec![stream_record(100, "INSERT", "receipt#000001#0000")]);
    let kept = aws.run(&["redrive", "ilock-dev-dead", "--drop-expired"]);
    assert_eq!(kept.status.code(), Some(1));
    let said = text(&kept.stdout) + &text(&kept.stderr);
    assert!(said.contains("0 redriven, 0 dropped, 1 kept") && said.contains("is given none of them"), "{said}");
    assert_eq!(sent_and_deleted(&aws), (vec![], false));

    let aws = with_letter(letter("ledger"), vec![]);
    let dropped = aws.run(&["redrive", "ilock-dev-dead", "--drop-expired"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", text(&dropped.stderr));
    assert_eq!(sent_and_deleted(&aws), (vec![], true));

    let aws = with_letter(letter("expire"), vec![stream_record(100, "INSERT", "commit#000001")]);
    assert_eq!(aws.run(&["redrive", "ilock-dev-dead", "--drop-expired"]).status.code(), Some(1));
    assert_eq!(sent_and_deleted(&aws), (vec![], false));
}

/// A dead-letter queue that never ends, of letters that nobody can read.
#[cfg(unix)]
fn unreadable_letters() -> MockAws {
    let received = AtomicUsize::new(0);
    MockAws::start(move |request| {
        if let Some(answer) = about_the_queue(&request.target) {
            return (200, answer.to_string());
        }
        let answer = match request.target.as_str() {
            "AmazonSQS.ReceiveMessage" => {
                std::thread::sleep(Duration::from_millis(50));
                let handle = format!("handle {}", received.fetch_add(1, Ordering::Relaxed));
                json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": handle, "Body": "no letter" }] })
            }
            "AmazonSQS.ChangeMessageVisibility" => json!({}),
            other => panic!("unexpected request {other}"),
        };
        (200, answer.to_string())
    })
}

#[cfg(unix)]
#[test]
fn a_redrive_that_is_told_to_stop_shows_all_letters_that_it_received_to_others() {
    for with in ["-INT", "-TERM"] {
        let aws = unreadable_letters();
        let mut redrive = aws.ilock(&["--json", "redrive", "ilock-dev-dead"]);
        let mut redrive = redrive.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut events = vec![];
        for line in BufReader::new(redrive.stdout.take().unwrap()).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if events.is_empty() {
                assert!(Command::new("kill").args([with, &redrive.id().to_string()]).status().unwrap().success());
            }
            events.push(line);
        }
        assert_eq!(redrive.wait().unwrap().code(), Some(1), "{with}: {events:?}");
        let requests = aws.requests();
        let to = |operation: &str| -> Vec<Value> {
            let asked = requests.iter().filter(|request| request.target == format!("AmazonSQS.{operation}"));
            asked.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
        };
        let shown = to("ChangeMessageVisibility");
        assert!(shown.iter().all(|request| request["VisibilityTimeout"] == 0), "{with}: {shown:?}");
        let handles: Vec<&str> = shown.iter().map(|request| request["ReceiptHandle"].as_str().unwrap()).collect();
        let received: Vec<String> = (0..to("ReceiveMessage").len()).map(|n| format!("handle {n}")).collect();
        assert_eq!(handles, received, "{with}");
        assert_eq!(events.last().unwrap()["kept"], json!(received.len()), "{with}");
    }
}

/// A stream that has trimmed the letter's first record, and says so at `refusing`, one of its operations. From the oldest record on
/// it has `pages`, and then empty ones without an end, as a shard that is still open has.
fn trimmed(refusing: &'static str, pages: Vec<Vec<Value>>) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request| {
        let asked: Value = serde_json::from_str(&request.body).unwrap();
        let at_first = asked["ShardIteratorType"] == "AT_SEQUENCE_NUMBER" || asked["ShardIterator"] == "first";
        if at_first && request.target.ends_with(refusing) {
            let kind = "com.amazonaws.dynamodb.v20120810#TrimmedDataAccessException";
            return (400, json!({ "__type": kind, "message": "no" }).to_string());
        }
        if request.target.ends_with("GetShardIterator") {
            let iterator = if at_first { "first" } else { "0" };
            return (200, json!({ "ShardIterator": iterator }).to_string());
        }
        let page: usize = asked["ShardIterator"].as_str().unwrap().parse().unwrap();
        let records = pages.get(page).cloned().unwrap_or_default();
        (200, json!({ "Records": records, "NextShardIterator": (page + 1).to_string() }).to_string())
    }
}

#[test]
fn what_the_stream_still_has_of_a_letter_whose_first_records_it_trimmed_is_redriven_before_the_letter_is_dropped() {
    // The letter is about 100 to 200: as text, 99 would be behind it, and 1000 in it.
    let pages = || {
        let others = stream_record(99, "INSERT", "receipt#000009#0000");
        let left = stream_record(150, "INSERT", "receipt#000001#0001");
        let behind = stream_record(1000, "INSERT", "receipt#000009#0001");
        vec![vec![others], vec![], vec![left, behind]]
    };
    for refusing in ["GetShardIterator", "GetRecords"] {
        let kept = &["redrive", "ilock-dev-dead"][..];
        let dropped = &["redrive", "ilock-dev-dead", "--drop-expired"][..];
        for (arguments, code, deleted) in [(kept, 1, false), (dropped, 0, true)] {
            let aws = with_stream(letter("ledger"), trimmed(refusing, pages()));
            let done = aws.run(arguments);
            let said = text(&done.stdout) + &text(&done.stderr);
            assert_eq!(done.status.code(), Some(code), "{said}");
            assert_eq!(sent_and_deleted(&aws), (vec!["receipt#000001#0001".to_owned()], deleted), "{said}");
            for says in ["trimmed the first", "ilock redrive --call CALL_ID", "ilock ledger backfill DAY"] {
                assert!(said.contains(says), "{says}: {said}");
            }
        }
    }
}

#[test]
fn a_letter_of_which_a_shard_that_never_ends_has_nothing_more_is_expired_and_one_that_is_half_read_is_kept() {
    let others = || vec![stream_record(99, "INSERT", "receipt#000009#0000")];
    let aws = with_stream(letter("ledger"), trimmed("GetShardIterator", vec![others()]));
    let kept = aws.run(&["redrive", "ilock-dev-dead"]);
    assert_eq!(kept.status.code(), Some(1));
    let said = text(&kept.stdout) + &text(&kept.stderr);
    assert!(said.contains("24 hours") && said.contains("ilock ledger backfill DAY"), "{said}");
    assert_eq!(sent_and_deleted(&aws), (vec![], false));

    let aws = with_stream(letter("ledger"), trimmed("GetShardIterator", vec![others()]));
    let dropped = aws.run(&["redrive", "ilock-dev-dead", "--drop-expired"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", text(&dropped.stderr));
    assert_eq!(sent_and_deleted(&aws), (vec![], true));

    // The stream has the record 200, as it has one before it: it was not shown yet.
    let left = vec![stream_record(150, "INSERT", "receipt#000001#0001")];
    let aws = with_stream(letter("ledger"), trimmed("GetShardIterator", vec![others(), left]));
    let kept = aws.run(&["redrive", "ilock-dev-dead", "--drop-expired"]);
    assert_eq!(kept.status.code(), Some(1));
    assert_eq!(sent_and_deleted(&aws), (vec!["receipt#000001#0001".to_owned()], false));
}

#[test]
fn a_call_is_sent_again_with_all_that_the_ledger_is_given_of_it() {
    let all = ["archived", "commit#000001", "personal#00", "receipt#000001#0000"];
    let aws = MockAws::start(move |request| {
        if request.body.contains("Action=DescribeStacks") {
            let output = |key: &str, value: &str| {
                format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
            };
            let outputs = output("FunctionPrefix", "ilock-dev-") + &output("EventsTableName", "events");
            let stack = format!(
                "<member><StackName>ilock-dev</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>\
                 <CreationTime>2024-01-01T00:00:00Z</CreationTime><Outputs>{outputs}</Outputs></member>"
            );
            let result = format!("<DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>");
            return (200, format!("<DescribeStacksResponse>{result}</DescribeStacksResponse>"));
        }
        if request.body.contains("Action=ListStackResources") {
            let result = "<ListStackResourcesResult><StackResourceSummaries/></ListStackResourcesResult>";
            return (200, format!("<ListStackResourcesResponse>{result}</ListStackResourcesResponse>"));
        }
        if request.target == "DynamoDB_20120810.Query" {
            let items = all.map(|sk| json!({ "pk": { "S": "call#call_a_b_1" }, "sk": { "S": sk } }));
            return (200, json!({ "Items": items, "Count": 4, "ScannedCount": 4 }).to_string());
        }
        assert!(request.target.starts_with("POST /2015-03-31/functions/"), "unexpected request {}", request.target);
        (200, json!({ "batchItemFailures": [] }).to_string())
    });
    let done = aws.run(&["--json", "redrive", "--call", "call_a_b_1"]);
    assert_eq!(done.status.code(), Some(0), "{} {}", text(&done.stdout), text(&done.stderr));
    assert_eq!(lines(&done)[0]["records"], json!({ "projector": 1, "ledger": 3 }));
    let sent = ["commit#000001", "archived", "commit#000001", "receipt#000001#0000"].map(str::to_owned).to_vec();
    assert_eq!(sent_and_deleted(&aws), (sent, false));
}

/// A stack with one resource of each kind, and nothing else that answers.
fn a_stack_and_nothing_else(request: &Request) -> Response {
    let stack = "<Stacks><member><StackName>ilock-dev</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>\
        <StackId>arn:aws:cloudformation:eu-central-1:123456789012:stack/ilock-dev/0</StackId>\
        <CreationTime>2024-01-01T00:00:00Z</CreationTime></member></Stacks>";
    let kinds = [
        "AWS::Lambda::Function",
        "AWS::Lambda::EventSourceMapping",
        "AWS::IoT::Authorizer",
        "AWS::IoT::DomainConfiguration",
        "AWS::IoT::TopicRule",
        "AWS::DynamoDB::Table",
        "AWS::CloudWatch::Alarm",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
    ];
    let resource = |kind: &str| {
        format!(
            "<member><LogicalResourceId>L</LogicalResourceId><PhysicalResourceId>P</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus>\
             <LastUpdatedTimestamp>2024-01-01T00:00:00Z</LastUpdatedTimestamp></member>"
        )
    };
    let resources = kinds.map(resource).concat();
    let wrapped = |action: &str, inner: &str| {
        (200, format!("<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"))
    };
    if request.body.contains("Action=DescribeStacks") {
        wrapped("DescribeStacks", stack)
    } else if request.body.contains("Action=ListStackResources") {
        wrapped("ListStackResources", &format!("<StackResourceSummaries>{resources}</StackResourceSummaries>"))
    } else {
        (400, json!({ "__type": "AccessDeniedException", "message": "not for you" }).to_string())
    }
}

#[test]
fn the_doctor_counts_apart_what_it_may_not_see_and_sees_a_wrong_clock() {
    let aws = MockAws::start(a_stack_and_nothing_else);
    let said = lines(&aws.run(&["--json", "doctor"]));
    let checks: Vec<&Value> = said.iter().map(|line| &line["check"]).filter(|check| check.is_object()).collect();
    let of = |about: &str| -> Vec<&str> {
        checks.iter().filter(|check| check["about"] == about).map(|check| check["outcome"].as_str().unwrap()).collect()
    };
    assert_eq!(of("clock"), ["failed"], "the mock lives in 1994");
    assert_eq!(of("functions"), ["unchecked"]);
    assert_eq!(of("broker"), ["unchecked"; 4]);
    assert_eq!(of("tables"), ["unchecked"]);
    assert_eq!(of("feeds"), ["unchecked"]);
    assert_eq!(of("alarms"), ["unchecked"]);
    assert_eq!(of("keys"), ["unchecked"]);
    assert_eq!(of("ledger"), ["unchecked"]);
    let counts = said.last().unwrap();
    assert_eq!((&counts["event"], &counts["unchecked"]), (&json!("checked"), &json!(12)), "{counts}");
    let failed = checks.iter().filter(|check| check["outcome"] == "failed").count();
    assert_eq!(counts["failed"], json!(failed));
    for check in checks.iter().filter(|check| check["outcome"] != "ok" && check["outcome"] != "unchecked") {
        assert!(check["do"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{check}");
    }
}

/// That stack with secrets, and a key of the operator's that they name by an alias.
fn secrets_under_an_alias(request: &Request) -> Response {
    if request.target == "secretsmanager.DescribeSecret" {
        let versions = json!({ "v1": ["AWSCURRENT"] });
        return (200, json!({ "KmsKeyId": "alias/secrets", "VersionIdsToStages": versions }).to_string());
    }
    let key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd";
    deployed_with([("SecretsName", "calls"), ("SecretsKeyArn", key)], a_stack_and_nothing_else(request))
}

/// An answer of AWS; the stack, where it is about that, with these parameters.
fn deployed_with<const N: usize>(parameters: [(&str, &str); N], (status, body): Response) -> Response {
    let parameter = |(name, value): (&str, &str)| {
        format!("<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue></member>")
    };
    let parameters = parameters.map(parameter).concat();
    (status, body.replace("<StackName>", &format!("<Parameters>{parameters}</Parameters><StackName>")))
}

#[test]
fn a_secret_whose_key_the_doctor_may_not_look_up_is_unchecked() {
    let aws = MockAws::start(secrets_under_an_alias);
    let said = lines(&aws.run(&["--json", "doctor"]));
    let checks = said.iter().map(|line| &line["check"]);
    let of_secrets: Vec<&Value> = checks.filter(|check| check["about"] == "secrets").collect();
    assert_eq!(of_secrets.len(), 3, "those that every deployment has: {of_secrets:?}");
    for check in of_secrets {
        assert_eq!(check["outcome"], "unchecked", "{check}");
        assert!(check["found"].as_str().unwrap().contains("AccessDeniedException"), "{check}");
    }
}

/// That stack after somebody deleted everything in it, and the operator's topic of alarms.
fn a_stack_of_which_nothing_is_there(request: &Request) -> Response {
    if request.body.contains("Action=GetTopicAttributes") {
        let error = "<ErrorResponse><Error><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>";
        return (404, error.to_owned());
    }
    let (status, body) = a_stack_and_nothing_else(request);
    let body = body.replace("AccessDeniedException", "ResourceNotFoundException");
    deployed_with([("AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:pager")], (status, body))
}

#[test]
fn nobody_is_told_to_deploy_again_what_somebody_deleted() {
    let aws = MockAws::start(a_stack_of_which_nothing_is_there);
    let said = lines(&aws.run(&["--json", "doctor"]));
    let gone: Vec<&Value> = said
        .iter()
        .map(|line| &line["check"])
        .filter(|check| check["found"].as_str().is_some_and(|found| found.contains("does not exist")))
        .collect();
    let remedies = |about: &str| -> Vec<&str> {
        gone.iter().filter(|check| check["about"] == about).map(|check| check["do"].as_str().unwrap()).collect()
    };
    let by_hand = "deploying again does not create it: docs/operators.md, “Changes by hand”, has the commands that do";
    assert_eq!(remedies("functions"), [by_hand]);
    assert_eq!(remedies("feeds"), [by_hand]);
    assert_eq!(remedies("broker"), [by_hand; 4], "the endpoint, the authorizer, the domain, the rule");
    let topic = gone.iter().find(|check| check["found"].as_str().unwrap().starts_with("the topic ")).unwrap();
    assert_eq!((&topic["about"], &topic["outcome"]), (&json!("alarms"), &json!("failed")));
    let remedy = topic["do"].as_str().unwrap();
    assert!(remedy.starts_with("aws sns create-topic --name pager "), "{remedy}");
}

#[test]
fn a_stack_that_the_doctor_may_not_read_is_unchecked_and_the_doctor_fails() {
    let aws = MockAws::start(|_| {
        let error =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not for you</Message></Error></ErrorResponse>";
        (403, error.to_owned())
    });
    let refused = aws.run(&["--json", "doctor", "--stack", "calls"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = lines(&refused);
    let of_stack = said.iter().map(|line| &line["check"]).find(|check| check["about"] == "stack").unwrap();
    assert_eq!(of_stack["outcome"], "unchecked", "{of_stack}");
    assert_eq!(of_stack["found"], "the stack calls could not be checked: AccessDenied: not for you");
}

#[test]
fn the_doctor_without_a_stack_says_where_it_looked_and_fails() {
    let aws = MockAws::start(|_| {
        let error = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id calls does not exist</Message></Error></ErrorResponse>";
        (400, error.to_owned())
    });
    let failed = aws.run(&["doctor", "--stack", "calls"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = text(&failed.stdout);
    assert!(said.contains("the stack calls cannot be read") && said.contains("--stack"), "{said}");
}

#[test]
fn without_region_or_credentials_it_says_how_to_set_them() {
    for command in [&["doctor"][..], &["provision", "door", "door1"], &["redrive", "queue"]] {
        let nowhere = ilock(command).output().unwrap();
        assert_eq!(nowhere.status.code(), Some(1));
        assert!(text(&nowhere.stderr).contains("AWS_REGION"), "{}", text(&nowhere.stderr));
        let nobody = ilock(command).env("AWS_REGION", "eu-central-1").output().unwrap();
        assert_eq!(nobody.status.code(), Some(1));
        assert!(text(&nobody.stderr).contains("AWS_PROFILE"), "{}", text(&nobody.stderr));
    }
}

#[test]
fn a_command_that_makes_no_sense_is_refused_before_any_request() {
    for (command, says) in [
        (&["provision", "door", "a\nb"][..], "1 to 128"),
        (&["provision", "door", "door1", "--revoke", "--token"], "--token"),
        (&["provision", "door", "door1", "--only", "0a1b"], "--revoke"),
        (&["redrive"], "QUEUE"),
        (&["redrive", "queue", "--call", "call_a_b_1"], "--call"),
        (&["redrive", "queue", "--per-second", "501"], "500"),
    ] {
        let refused = ilock(command).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{command:?}");
        assert!(text(&refused.stderr).contains(says), "{}", text(&refused.stderr));
    }
}
