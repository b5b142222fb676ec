//! A call as it stands in the log at the end.

use std::collections::BTreeSet;

use ilock_events::{
    CallEvent, CallPlaced, CallState, ClientName, Commit, CommitNo, Millis, Party, PartyAddress, PartyId, PartyKind,
    Receipt, TenantId,
};
use ilock_proof::StoredCall;

pub struct Record {
    pub stored: StoredCall,
    pub commits: Vec<Commit>,
    pub receipts: Vec<Receipt>,
    pub placed: CallPlaced,
    pub tenant: TenantId,
}

impl Record {
    /// None where nothing was committed.
    pub fn read(stored: StoredCall) -> Result<Self, String> {
        let commits: Vec<Commit> = parsed(&stored.commits)?;
        let receipts = parsed(&stored.receipts)?;
        let first = commits.first().ok_or("it has no commit")?;
        let (placed, tenant) = match CallEvent::read(&first.events[0]) {
            Ok(CallEvent::CallPlaced(placed)) => (placed, first.tenant.clone()),
            other => return Err(format!("the first event does not place it: {other:?}")),
        };
        Ok(Self { stored, commits, receipts, placed, tenant })
    }

    pub fn id(&self) -> &str {
        &self.stored.call_id
    }

    pub fn events(&self) -> impl Iterator<Item = (&Commit, CallEvent)> {
        self.commits
            .iter()
            .flat_map(|commit| commit.events.iter().map(move |event| (commit, CallEvent::read(event).unwrap())))
    }

    /// The commit after which it no longer rang.
    pub fn ring_ended(&self) -> Option<&Commit> {
        self.commits.iter().find(|commit| commit.state != CallState::Ringing)
    }

    /// The commit after which `phone` was not to ring: its person had rejected, or the call rang nobody.
    pub fn ring_ended_for(&self, phone: &str) -> Option<&Commit> {
        let owner = ClientName::new(phone).unwrap().owner().map(|(_, owner)| owner);
        let rejected = self.events().find_map(|(commit, event)| match event {
            CallEvent::CallRejected(rejected) => (Some(self.person(&rejected.callee)) == owner).then_some(commit),
            _ => None,
        });
        rejected.into_iter().chain(self.ring_ended()).min_by_key(|commit| commit.n)
    }

    /// Who had not rejected by commit `n`.
    pub fn rung(&self, n: CommitNo) -> Vec<PartyId> {
        let rejected: BTreeSet<PartyId> = self
            .events()
            .filter(|(commit, _)| commit.n <= n)
            .filter_map(|(_, event)| match event {
                CallEvent::CallRejected(rejected) => Some(rejected.callee),
                _ => None,
            })
            .collect();
        let callees = self.placed.callees.iter().map(|callee| callee.id.clone());
        callees.filter(|callee| !rejected.contains(callee)).collect()
    }

    /// Which phones had declined by commit `n`.
    pub fn declined(&self, n: CommitNo) -> BTreeSet<String> {
        let declined = self.events().filter(|(commit, _)| commit.n <= n).filter_map(|(_, event)| match event {
            CallEvent::CallDeclined(declined) => Some(declined.client_id.to_string()),
            _ => None,
        });
        declined.collect()
    }

    pub fn address(&self, party: &Party) -> PartyAddress {
        PartyAddress::of(&self.tenant, party)
    }

    pub fn person(&self, id: &PartyId) -> PartyAddress {
        self.address(&Party { kind: PartyKind::User, id: id.clone() })
    }

    /// The person who answered.
    pub fn answered(&self) -> Option<PartyId> {
        self.events().find_map(|(_, event)| match event {
            CallEvent::CallAccepted(accepted) => Some(accepted.callee),
            _ => None,
        })
    }

    /// The client that answered.
    pub fn answerer(&self) -> Option<String> {
        self.events().find_map(|(_, event)| match event {
            CallEvent::CallAccepted(accepted) => Some(accepted.client_id.map(|client| client.to_string()))?,
            _ => None,
        })
    }

    pub fn deadline(&self) -> Millis {
        self.placed.deadline
    }
}

fn parsed<T: serde::de::DeserializeOwned>(values: &[serde_json::Value]) -> Result<Vec<T>, String> {
    values
        .iter()
        .map(|value| serde_json::from_value(value.clone()).map_err(|error| format!("{error}: {value}")))
        .collect()
}
