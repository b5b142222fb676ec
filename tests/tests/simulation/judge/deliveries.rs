//! Everybody whom a commit concerns was told, or a receipt says why not; and who was told by receipt was told by the broker and
//! the push services.

use std::collections::BTreeMap;

use ilock_events::{Actor, Commit, CommitNo, DeliveryOutcome, PartyId};

use super::due::due;
use super::record::Record;
use crate::cloud::{Handed, Pushed};
use crate::phone::{Owner, Reach};

pub struct DeliveryCheck<'a> {
    pub handed: &'a [Handed],
    pub pushed: &'a [Pushed],
    pub owners: &'a [Owner],
}

impl DeliveryCheck<'_> {
    pub fn judge(&self, record: &Record, found: &mut Vec<String>) {
        for (commit, event) in record.events() {
            let due = due(record, commit, &event);
            for (topic, action) in due.messages {
                if let Err(why) = self.message(record, commit.n, &topic, action) {
                    let what = action.unwrap_or("incoming");
                    found.push(format!("{}: commit {}: {what} for {topic}: {why}", record.id(), commit.n));
                }
            }
            for person in due.pushes {
                for why in self.pushes(record, commit, &person) {
                    found.push(format!("{}: commit {}: pushes for {person}: {why}", record.id(), commit.n));
                }
            }
        }
    }

    fn message(&self, record: &Record, n: CommitNo, topic: &str, action: Option<&str>) -> Result<(), String> {
        let outcomes = outcomes(record, n, topic);
        let mut why = "no receipt, no reason";
        for (index, outcome) in outcomes {
            match &outcome.error {
                Some(reason) if reason.is_empty() => return Err("an empty reason".to_owned()),
                Some(_) => return Ok(()),
                None => {}
            }
            let id = format!("{}:{n}:{index}", record.id());
            let had =
                self.handed.iter().find(|handed| handed.topic == topic && handed.message["message_id"] == id.as_str());
            match had {
                None => why = "a receipt says that it was told, and the broker never had it",
                Some(handed) if action.is_none_or(|action| handed.message["action"] == action) => return Ok(()),
                // Another message of the same commit for the same topic.
                Some(_) => {}
            }
        }
        Err(why.to_owned())
    }

    /// What is wrong with the pushes of one commit for the phones of one person.
    fn pushes(&self, record: &Record, commit: &Commit, person: &PartyId) -> Vec<String> {
        let notices = outcomes(record, commit.n, &format!("users/{}/push", record.person(person).address));
        if notices.is_empty() {
            return vec!["no receipt, no reason".to_owned()];
        }
        if notices.values().any(|outcome| outcome.error.is_some()) {
            return vec![];
        }
        let own = |owner: &&Owner| owner.bearer.id == person.as_str() && owner.reach != Reach::Mqtt;
        let due = |owner: &&Owner| !knows(record, commit, owner);
        self.owners.iter().filter(own).filter(due).filter_map(|owner| self.push(record, commit.n, owner)).collect()
    }

    fn push(&self, record: &Record, n: CommitNo, owner: &Owner) -> Option<String> {
        let receipts = record.receipts.iter().filter(|receipt| receipt.n == n);
        let mut of_phone =
            receipts.flat_map(|receipt| &receipt.phones).filter(|(client, _)| client.as_str() == owner.client);
        let Some((_, outcome)) = of_phone.next() else {
            return Some(format!("{}: no receipt, no reason", owner.client));
        };
        let tokens = [owner.push_token(), owner.voip_token()];
        let is_it = |pushed: &Pushed| {
            tokens.contains(&pushed.token)
                && pushed.data["call_id"] == record.id()
                && pushed.data["seq"] == n.to_string().as_str()
        };
        let sent = outcome.error.is_some() || self.pushed.iter().any(is_it);
        (!sent).then(|| format!("{} was told by receipt, and the push service never had it", owner.client))
    }
}

/// Whether a phone need not be told: it did it, or it has declined.
fn knows(record: &Record, commit: &Commit, owner: &Owner) -> bool {
    let acted = matches!(&commit.actor, Actor::User { client: Some(client), .. } if client.as_str() == owner.client);
    acted || commit.n != CommitNo::FIRST && record.declined(commit.n).contains(&owner.client)
}

/// What the receipts say of the notices of commit `n` for one target, by index. Told in one round counts more than given up
/// in another.
fn outcomes<'a>(record: &'a Record, n: CommitNo, target: &str) -> BTreeMap<u32, &'a DeliveryOutcome> {
    let receipts = record.receipts.iter().filter(|receipt| receipt.n == n);
    let mut outcomes: BTreeMap<u32, &DeliveryOutcome> = BTreeMap::new();
    for (index, outcome) in
        receipts.flat_map(|receipt| &receipt.notices).filter(|(_, outcome)| outcome.target == target)
    {
        let kept = outcomes.entry(*index).or_insert(outcome);
        if kept.error.is_some() {
            *kept = outcome;
        }
    }
    outcomes
}
