//! What the broker lets a client do: an AWS IoT policy, and how AWS reads one (IoT developer guide, "AWS IoT Core
//! policies"; IAM user guide, "Policy evaluation logic").

use ilock_events::{ClientName, Topics};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where an AWS account's IoT resources are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arns {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: String,
    /// `eu-central-1` …
    pub region: String,
    /// The account's number: twelve digits.
    pub account: String,
}

impl Arns {
    /// What `iot:Connect` asks for.
    #[must_use]
    pub fn client(&self, client: &str) -> String {
        self.arn("client", client)
    }

    /// What `iot:Subscribe` asks for.
    #[must_use]
    pub fn topic_filter(&self, filter: &str) -> String {
        self.arn("topicfilter", filter)
    }

    /// What `iot:Receive` and `iot:Publish` ask for.
    #[must_use]
    pub fn topic(&self, topic: &str) -> String {
        self.arn("topic", topic)
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:iot:{region}:{account}:{kind}/{name}")
    }
}

/// An IoT policy in AWS's JSON form. Elements that the evaluator does not know (`Condition`, `NotResource` …) do not
/// parse, so that none is ever ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// `2012-10-17`.
    pub version: String,
    /// What is allowed and denied.
    pub statement: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// Allow or deny.
    pub effect: Effect,
    /// `iot:Connect` …; `*` and `?` stand for any text and any character. One is written as a text, more as a list.
    #[serde(deserialize_with = "one_or_more", serialize_with = "one_as_text_more_as_list")]
    pub action: Vec<String>,
    /// ARNs; `*` and `?` as above. MQTT's own wildcards `+` and `#` are plain characters here.
    #[serde(deserialize_with = "one_or_more")]
    pub resource: Vec<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Permits, unless another statement denies.
    Allow,
    /// Forbids, whatever others permit.
    Deny,
}

impl Policy {
    /// What `client` may do: connect under its own id; subscribe to, and receive on, `topics`, which are its owner's.
    /// Nothing may be published. ARNs are literal: no wildcards, no policy variables. Under AWS's 2,048 characters.
    #[must_use]
    pub fn for_client(topics: &Topics, client: &ClientName, at: &Arns) -> Self {
        let own: Vec<&str> = [&topics.incoming_calls, &topics.device_sync]
            .into_iter()
            .flatten()
            .chain([&topics.call_control])
            .map(String::as_str)
            .collect();
        let allow = |action: &str, resource| Statement { effect: Effect::Allow, action: vec![action.into()], resource };
        Self {
            version: "2012-10-17".into(),
            statement: vec![
                allow("iot:Connect", vec![at.client(client.as_str())]),
                allow("iot:Subscribe", own.iter().map(|topic| at.topic_filter(topic)).collect()),
                allow("iot:Receive", own.iter().map(|topic| at.topic(topic)).collect()),
            ],
        }
    }

    /// Whether AWS would let `action` be done to `resource`: some statement allows it, and none denies it.
    #[must_use]
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        let says = |effect| {
            self.statement.iter().any(|statement| statement.effect == effect && statement.covers(action, resource))
        };
        says(Effect::Allow) && !says(Effect::Deny)
    }
}

impl Statement {
    fn covers(&self, action: &str, resource: &str) -> bool {
        // Action names are compared without regard to case, resources with.
        let action = action.to_ascii_lowercase();
        self.action.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resource.iter().any(|pattern| matches(pattern, resource))
    }
}

/// Whether `text` is as `pattern` says, where `*` stands for any text and `?` for any character.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Only the last star is ever widened again: so the time is at most pattern times text, whatever they are.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((after, from)) = star else {
                    return false;
                };
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}

fn one_as_text_more_as_list<S: Serializer>(list: &[String], to: S) -> Result<S::Ok, S::Error> {
    match list {
        [one] => to.serialize_str(one),
        more => more.serialize(to),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_match_as_aws_has_it() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "a/b/c"),
            ("a*c", "abbc"),
            ("a*c", "ac"),
            ("a?c", "a门c"),
            ("*b*", "abc"),
            ("a*b*c", "a1b2b3c"),
            ("iot:*", "iot:connect"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a?c", "ac"), ("a*c", "abcd"), ("a+", "ab"), ("a/#", "a/b"), ("A", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        assert!(!matches(&format!("{}b", "*a".repeat(500)), &"a".repeat(5_000)));
    }
}
