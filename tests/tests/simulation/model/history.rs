//! A small call: what may be commanded, and what a log of such commands leads to, by the real `decide`, `fold` and `notices`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ilock_call::{Call, Refusal, decide};
use ilock_events::{
    Act, Actor, CallEvent, CallId, Callee, ClientName, Command, CommandId, Commit, Millis, Nonce, PartyId, Reason,
    RoomId, TenantId,
};
use ilock_notify::{Notice, notices};

pub const PHONES: u8 = 3;

const RING_SECONDS: u32 = 30;

/// The moments of the model, in milliseconds after the call was placed: while it rings, in the grace, and after it.
pub const MOMENTS: [i64; 3] = [1_000, 31_000, 33_000];

/// What is commanded, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    Place,
    Accept(u8),
    Decline(u8),
    Reject(u8),
    Cancel,
    Expire,
}

/// A commit, as short as the model can name it: what led to it, and when.
pub type Entry = (Deed, Millis);

fn id(text: &str) -> PartyId {
    PartyId::new(text).unwrap()
}

fn client(phone: u8) -> ClientName {
    ClientName::new(format!("mum_{phone}")).unwrap()
}

impl Deed {
    fn actor(self) -> Actor {
        match self {
            Self::Place | Self::Cancel => Actor::Device { id: id("door") },
            Self::Accept(phone) | Self::Decline(phone) | Self::Reject(phone) => {
                Actor::User { id: id("mum"), client: Some(client(phone)) }
            }
            Self::Expire => Actor::Timer,
        }
    }

    fn act(self) -> Act {
        match self {
            Self::Place => Act::Place {
                callees: vec![Callee {
                    id: id("mum"),
                    clients: (0..PHONES).map(client).collect(),
                    primary: None,
                    reachable: true,
                    busy: None,
                }],
                ring_seconds: RING_SECONDS,
                room_id: RoomId::from_bits(7),
                max_call_seconds: 7_200,
                personal: None,
            },
            Self::Accept(_) => Act::Accept {},
            Self::Decline(_) => Act::Decline {},
            Self::Reject(_) => Act::Reject { reason: Reason::Declined, personal: None },
            Self::Cancel => Act::Cancel { personal: None },
            Self::Expire => Act::Expire {},
        }
    }

    pub fn command(self) -> Command {
        let key = match self {
            Self::Place => "place",
            Self::Accept(_) => "accept",
            Self::Decline(_) => "decline",
            Self::Reject(_) => "reject",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
        };
        let nonce = Nonce::of([0; 8]);
        Command { id: CommandId::new(key).unwrap(), nonce, client_is: None, actor: self.actor(), act: self.act() }
    }
}

/// What a log leads to.
#[derive(Debug)]
pub struct History {
    pub call: Call,
    /// The commits, each with its notices.
    pub commits: Vec<(Commit, Vec<Notice>)>,
}

impl History {
    fn new() -> Self {
        Self { call: Call::new(CallId::new("call_door_mum_1_a").unwrap()), commits: vec![] }
    }

    /// What follows from `deed` at `now`; none when it was done before.
    pub fn decide(&self, deed: Deed, now: Millis) -> Result<Option<Vec<CallEvent>>, Refusal> {
        decide(&self.call, &deed.command(), now).map(|events| Some(events).filter(|events| !events.is_empty()))
    }

    /// The history after one more commit.
    fn then(&self, (deed, at): Entry) -> Self {
        let events = self.decide(deed, at).expect("a model commits what was decided").expect("and only once");
        let (command, tenant) = (deed.command(), TenantId::new("default").unwrap());
        let mut call = self.call.clone();
        let mut after = call.clone();
        for event in &events {
            after.apply(event, &command, at, &tenant);
        }
        let n = call.next();
        let commit = Commit {
            call_id: call.id.clone(),
            n,
            prev: format!("hash {}", n.0 - 1),
            tenant,
            cmd: command.stored(),
            events: events.iter().map(CallEvent::stored).collect(),
            state: after.state().unwrap(),
            actor: command.actor.clone(),
            at,
            personal_until: None,
            hash: format!("hash {n}"),
        };
        call.fold(&commit).expect("what was decided can be folded");
        let mut commits = self.commits.clone();
        let told = notices(&commit, call.placed.as_ref().unwrap(), None).unwrap();
        commits.push((commit, told));
        Self { call, commits }
    }
}

/// Histories, each worked out once.
#[derive(Default)]
pub struct Histories(Mutex<HashMap<Vec<Entry>, Arc<History>>>);

impl Histories {
    pub fn of(&self, log: &[Entry]) -> Arc<History> {
        if let Some(known) = self.0.lock().unwrap().get(log) {
            return known.clone();
        }
        let history = match log.split_last() {
            None => History::new(),
            Some((last, before)) => self.of(before).then(*last),
        };
        let history = Arc::new(history);
        self.0.lock().unwrap().insert(log.to_vec(), history.clone());
        history
    }
}
