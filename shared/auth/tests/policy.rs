//! What the broker lets a client do.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as its tests may")]

use ilock_auth::{Arns, Policy};
use ilock_events::{ClientName, Party, PartyAddress, PartyId, PartyKind, SentClientId, TenantId, TopicPrefix};
use serde_json::{Value, json};

fn at() -> Arns {
    Arns { partition: "aws".into(), region: "eu-central-1".into(), account: "123456789012".into() }
}

fn party(kind: PartyKind, id: &str) -> PartyAddress {
    PartyAddress::of(&TenantId::new("default").unwrap(), &Party { kind, id: PartyId::new(id).unwrap() })
}

fn policy(kind: PartyKind, id: &str, client: &str) -> Policy {
    of_stack("", kind, id, client)
}

fn of_stack(prefix: &str, kind: PartyKind, id: &str, client: &str) -> Policy {
    let topics = TopicPrefix::new(prefix).unwrap().topics(&party(kind, id));
    Policy::for_client(&topics, &ClientName::new(client).unwrap(), &at())
}

fn phone() -> Policy {
    policy(PartyKind::User, "user456", "user456_ios_1")
}

fn parsed(statements: &Value) -> Policy {
    serde_json::from_value(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

#[test]
fn a_phones_policy_is_in_awss_form() {
    let own = |kind: &str| {
        ["calls/incoming", "devices/sync", "calls/control"]
            .map(|topic| format!("arn:aws:iot:eu-central-1:123456789012:{kind}/users/user456/{topic}"))
    };
    assert_eq!(
        serde_json::to_value(phone()).unwrap(),
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect",
             "Resource": ["arn:aws:iot:eu-central-1:123456789012:client/user456_ios_1"]},
            {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": own("topicfilter")},
            {"Effect": "Allow", "Action": "iot:Receive", "Resource": own("topic")},
        ]})
    );
}

#[test]
fn a_phone_connects_under_its_own_id_only() {
    assert!(phone().allows("iot:Connect", &at().client("user456_ios_1")));
    for other in ["user456_ios_2", "user456", "user456_ios_1x", "*"] {
        assert!(!phone().allows("iot:Connect", &at().client(other)));
    }
}

#[test]
fn a_phone_reads_its_own_three_topics_only() {
    for own in ["users/user456/calls/incoming", "users/user456/calls/control", "users/user456/devices/sync"] {
        assert!(phone().allows("iot:Subscribe", &at().topic_filter(own)));
        assert!(phone().allows("iot:Receive", &at().topic(own)));
    }
    for other in [
        "users/user457/calls/incoming",
        "devices/user456/calls/control",
        "users/user456/calls",
        "users/user456/#",
        "users/+/calls/incoming",
        "#",
        "$aws/things/user456/shadow",
        "$share/g/users/user456/calls/incoming",
    ] {
        assert!(!phone().allows("iot:Subscribe", &at().topic_filter(other)));
        assert!(!phone().allows("iot:Receive", &at().topic(other)));
    }
}

#[test]
fn a_door_station_reads_its_control_topic_only() {
    let door = policy(PartyKind::Device, "door-1", "door-1_main");
    let may = |topic| {
        door.allows("iot:Subscribe", &at().topic_filter(topic)) && door.allows("iot:Receive", &at().topic(topic))
    };
    assert!(may("devices/door-1/calls/control"));
    assert!(!may("devices/door-1/calls/incoming"));
    assert!(!may("users/door-1/calls/control"));
}

#[test]
fn a_stack_with_a_prefix_lets_its_clients_read_its_own_topics_only() {
    let blue = of_stack("blue", PartyKind::User, "user456", "blue.user456_ios_1");
    let may = |policy: &Policy, topic: &str| {
        policy.allows("iot:Subscribe", &at().topic_filter(topic)) && policy.allows("iot:Receive", &at().topic(topic))
    };
    for leaf in ["calls/incoming", "calls/control", "devices/sync"] {
        let (own, others) = (format!("blue/users/user456/{leaf}"), format!("users/user456/{leaf}"));
        assert!(may(&blue, &own) && !may(&blue, &others) && !may(&blue, &format!("green/{others}")), "{leaf}");
        assert!(may(&phone(), &others) && !may(&phone(), &own), "{leaf}");
    }
    assert!(blue.allows("iot:Connect", &at().client("blue.user456_ios_1")));
    assert!(!blue.allows("iot:Connect", &at().client("user456_ios_1")));
}

#[test]
fn nobody_publishes() {
    for topic in ["users/user456/calls/control", "a", "*"] {
        for action in ["iot:Publish", "iot:RetainPublish", "iot:*", "*"] {
            assert!(!phone().allows(action, &at().topic(topic)), "{action}");
        }
    }
}

#[test]
fn another_account_or_region_is_not_allowed() {
    let mut elsewhere = at();
    elsewhere.account = "210987654321".into();
    assert!(!phone().allows("iot:Connect", &elsewhere.client("user456_ios_1")));
}

#[test]
fn a_policy_has_literal_arns() {
    for id in ["_-".repeat(16), "a*b?c$d+e#f/g".to_owned()] {
        for kind in [PartyKind::User, PartyKind::Device] {
            let client = SentClientId("1".into())
                .name(&party(kind, &id), &PartyId::new(&id).unwrap(), &TopicPrefix::default())
                .unwrap();
            let text = serde_json::to_string(&policy(kind, &id, client.as_str())).unwrap();
            assert!(!text.contains(['*', '?', '$', '+', '#']), "{text}");
        }
    }
}

#[test]
fn the_longest_ids_still_fit_awss_2048_characters() {
    let id = "x".repeat(64);
    let prefix = TopicPrefix::new("12345678").unwrap();
    let client = format!("{prefix}.{id}_{}", "y".repeat(52));
    let far = Arns {
        partition: "aws-us-gov".into(),
        region: "ap-southeast-1-and-longer".into(),
        account: "123456789012".into(),
    };
    let topics = prefix.topics(&party(PartyKind::User, &id));
    let policy = Policy::for_client(&topics, &ClientName::new(client).unwrap(), &far);
    let length = serde_json::to_string(&policy).unwrap().len();
    assert!(length < 2_048, "{length}");
}

#[test]
fn a_policy_is_read_as_it_was_written() {
    let text = serde_json::to_string(&phone()).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), phone());
}

#[test]
fn an_explicit_deny_wins_over_every_allow() {
    let policy = parsed(&json!([
        {"Effect": "Deny", "Action": "iot:Publish", "Resource": "arn:x:topic/secret/*"},
        {"Effect": "Allow", "Action": ["iot:*"], "Resource": ["*"]},
    ]));
    assert!(policy.allows("iot:Publish", "arn:x:topic/open"));
    assert!(policy.allows("iot:Receive", "arn:x:topic/secret/a"));
    assert!(!policy.allows("iot:Publish", "arn:x:topic/secret/a"));
}

#[test]
fn what_no_statement_allows_is_denied() {
    assert!(!parsed(&json!([])).allows("iot:Connect", "arn"));
    let deny = parsed(&json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]));
    assert!(!deny.allows("iot:Connect", "arn"));
}

#[test]
fn action_names_are_compared_without_case_and_resources_with() {
    let policy = parsed(&json!([{"Effect": "Allow", "Action": "IOT:connect", "Resource": "arn:A"}]));
    assert!(policy.allows("iot:Connect", "arn:A"));
    assert!(!policy.allows("iot:Connect", "arn:a"));
}

#[test]
fn a_condition_is_never_ignored() {
    for more in ["Condition", "NotResource", "NotAction", "Principal"] {
        let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        statement[more] = json!({});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        assert!(serde_json::from_value::<Policy>(policy).is_err(), "{more}");
    }
}
