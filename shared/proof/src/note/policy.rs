//! Policies (C2SP tlog-policy): whom one believes. Which keys are the log's, which witnesses there are, and how many of them
//! must have seen a checkpoint.

use std::collections::BTreeSet;

use super::checkpoint::Checkpoint;
use super::key::{KeyUse, VerifyKey};
use super::signature::BadNote;

/// A policy that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The log's keys; where there is none, the log is known from elsewhere.
    pub logs: Vec<VerifyKey>,
    pub witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it.
    pub name: String,
    pub key: VerifyKey,
    /// Where checkpoints are sent to, without `/add-checkpoint`.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    least: usize,
    members: Vec<String>,
}

const NONE: &str = "none";

/// Why a policy is refused, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {why}")]
pub struct BadPolicy {
    /// From 1; 0 for the policy as a whole.
    pub line: usize,
    pub why: String,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`BadPolicy`].
    pub fn read(text: &str) -> Result<Self, BadPolicy> {
        let mut reader = Reader::default();
        for (line, text) in text.lines().enumerate() {
            reader.line(text).map_err(|why| BadPolicy { line: line + 1, why })?;
        }
        let Reader { policy, .. } = reader;
        if policy.quorum.is_none() {
            return Err(BadPolicy { line: 0, why: "it has no quorum line".into() });
        }
        Ok(policy)
    }

    /// The policy of somebody who believes a log's key and asks for no witnesses.
    ///
    /// # Errors
    /// Why `key` is none of a log.
    pub fn of_log(key: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        reader.log(key)?;
        reader.quorum(NONE)?;
        Ok(reader.policy)
    }

    /// Whether `checkpoint` is one of the log's, and enough witnesses saw it.
    ///
    /// # Errors
    /// [`BadNote`] if not.
    pub fn verify(&self, checkpoint: &Checkpoint) -> Result<(), BadNote> {
        if !self.logs.is_empty() {
            checkpoint.verify(&self.logs)?;
        }
        let mut seen = BTreeSet::new();
        for witness in &self.witnesses {
            if checkpoint.cosigned_by(&witness.key)?.is_some() {
                seen.insert(witness.name.as_str());
            }
        }
        // A group names only those above it.
        for group in &self.groups {
            if group.members.iter().filter(|member| seen.contains(member.as_str())).count() >= group.least {
                seen.insert(&group.name);
            }
        }
        let reached = self.quorum.as_deref().is_some_and(|quorum| quorum == NONE || seen.contains(quorum));
        if reached { Ok(()) } else { Err(BadNote("fewer witnesses cosigned it than the policy asks for")) }
    }
}

#[derive(Default)]
struct Reader {
    policy: Policy,
    names: BTreeSet<String>,
    in_groups: BTreeSet<String>,
}

impl Reader {
    fn line(&mut self, text: &str) -> Result<(), String> {
        if text.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return Err("it has a control character".into());
        }
        let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some((*url).to_owned())),
            ["group", name, least, members @ ..] if !members.is_empty() => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            _ => {
                Err("it must be: log KEY [URL], witness NAME KEY [URL], group NAME all|any|K NAME…, or quorum NAME"
                    .into())
            }
        }
    }

    fn name(&mut self, name: &str) -> Result<(), String> {
        if name == NONE || !self.names.insert(name.to_owned()) {
            return Err(format!("the name {name} is taken"));
        }
        Ok(())
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        let key = VerifyKey::read(key).map_err(|bad| bad.to_string())?;
        if key.key_use() != KeyUse::Log {
            return Err("this is a witness's key, not a log's".into());
        }
        if self.policy.logs.iter().any(|log| log.public() == key.public()) {
            return Err("this key is there twice".into());
        }
        self.policy.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<String>) -> Result<(), String> {
        let key = VerifyKey::read(key).map_err(|bad| bad.to_string())?;
        if key.key_use() != KeyUse::Witness {
            return Err("this is a log's key, not a witness's".into());
        }
        if self.policy.witnesses.iter().any(|witness| witness.key.public() == key.public()) {
            return Err("this key is there twice".into());
        }
        self.name(name)?;
        self.policy.witnesses.push(Witness { name: name.to_owned(), key, url });
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Result<(), String> {
        for member in members {
            if !self.names.contains(*member) {
                return Err(format!("{member} is not defined above"));
            }
            if !self.in_groups.insert((*member).to_owned()) {
                return Err(format!("{member} is a member already"));
            }
        }
        let least = match least {
            "any" => 1,
            "all" => members.len(),
            number => super::number_of(number)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=members.len()).contains(number))
                .ok_or_else(|| {
                    format!("a group of {} needs 1 to {} of them, any or all", members.len(), members.len())
                })?,
        };
        self.name(name)?;
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.policy.groups.push(Group { name: name.to_owned(), least, members });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.policy.quorum.is_some() {
            return Err("there is a quorum already".into());
        }
        if name != NONE && !self.names.contains(name) {
            return Err(format!("{name} is not defined above"));
        }
        self.policy.quorum = Some(name.to_owned());
        Ok(())
    }
}
