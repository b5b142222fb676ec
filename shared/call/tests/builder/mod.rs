//! A call in each state, and the actors that act on it.

#![allow(dead_code, reason = "each test binary uses its part")]

use ilock_call::{Call, Refusal, decide};
use ilock_events::{
    Act, Actor, CallEvent, CallId, Callee, ClientName, Command, Commit, CommitNo, Millis, Nonce, PartyId, Reason,
    RoomId, TenantId,
};

pub fn ms(ms: i64) -> Millis {
    Millis(1_679_886_450_000 + ms)
}

pub fn actor(user: &str, client: Option<&str>) -> Actor {
    Actor::User { id: PartyId::new(user).unwrap(), client: client.map(|client| ClientName::new(client).unwrap()) }
}

pub fn user(id: &str) -> Actor {
    actor(id, None)
}

pub fn phone(n: usize) -> Actor {
    actor("user456", Some(&format!("user456_phone_{n}")))
}

/// Phone `n` of somebody in the household.
pub fn phone_of(person: &str, n: usize) -> Actor {
    actor(person, Some(&format!("{person}_phone_{n}")))
}

pub fn device() -> Actor {
    Actor::Device { id: PartyId::new("device123").unwrap() }
}

pub fn accept() -> Act {
    Act::Accept {}
}

pub fn decline() -> Act {
    Act::Decline {}
}

pub fn reject() -> Act {
    Act::Reject { reason: Reason::Declined, personal: None }
}

pub fn cancel() -> Act {
    Act::Cancel { personal: None }
}

pub fn hang_up() -> Act {
    Act::HangUp { personal: None }
}

/// A person with `phones` phones: `{id}_phone_0` and so on.
pub fn callee(id: &str, phones: usize) -> Callee {
    let clients = (0..phones).map(|n| ClientName::new(format!("{id}_phone_{n}")).unwrap()).collect();
    Callee { id: PartyId::new(id).unwrap(), clients, primary: None, reachable: true, busy: None }
}

pub fn place(callee_id: &str, ring_seconds: u32) -> Act {
    place_to(vec![callee(callee_id, 5)], ring_seconds)
}

pub fn place_to(callees: Vec<Callee>, ring_seconds: u32) -> Act {
    let room_id = RoomId::new(664_321).unwrap();
    Act::Place { callees, ring_seconds, room_id, max_call_seconds: 60, personal: None }
}

pub fn act(key: &str, actor: &Actor, act: Act) -> Command {
    Command { id: key.parse().unwrap(), nonce: Nonce::of([0; 8]), client_is: None, actor: actor.clone(), act }
}

/// A call with its commits, as the log would have them; hashes are counted, not computed.
#[derive(Clone)]
pub struct Story {
    pub call: Call,
    pub commits: Vec<Commit>,
}

impl Story {
    pub fn nothing() -> Self {
        Self { call: Call::new(CallId::new("call_device123_user456_1").unwrap()), commits: vec![] }
    }

    pub fn ringing() -> Self {
        Self::nothing().then(&device(), place("user456", 30), ms(0))
    }

    /// A call to a household: mum and dad with two phones each.
    pub fn household() -> Self {
        let everybody = place_to(vec![callee("mum", 2), callee("dad", 2)], 30);
        Self::nothing().then(&device(), everybody, ms(0))
    }

    pub fn active() -> Self {
        Self::ringing().then(&phone(1), accept(), ms(5))
    }

    pub fn decide(&self, actor: &Actor, asked: Act, at: Millis) -> Result<Vec<CallEvent>, Refusal> {
        self.decide_under("fresh", actor, asked, at)
    }

    pub fn decide_under(&self, key: &str, actor: &Actor, asked: Act, at: Millis) -> Result<Vec<CallEvent>, Refusal> {
        decide(&self.call, &act(key, actor, asked), at)
    }

    #[must_use]
    pub fn then(self, actor: &Actor, asked: Act, at: Millis) -> Self {
        let key = format!("k{}", self.commits.len());
        self.then_under(&key, actor, asked, at)
    }

    #[must_use]
    pub fn then_under(mut self, key: &str, actor: &Actor, asked: Act, at: Millis) -> Self {
        self.try_commit(act(key, actor, asked), at).expect("it is not refused");
        self
    }

    /// What the log does: decide, append, fold. Returns whether something was committed.
    pub fn try_commit(&mut self, command: Command, at: Millis) -> Result<bool, Refusal> {
        let events = decide(&self.call, &command, at)?;
        if events.is_empty() {
            return Ok(false);
        }
        let tenant = TenantId::new("default").unwrap();
        let n = self.call.next();
        let mut after = self.call.clone();
        for event in &events {
            after.apply(event, &command, at, &tenant);
        }
        let commit = Commit {
            call_id: self.call.id.clone(),
            n,
            prev: format!("hash {}", n.0 - 1),
            tenant,
            cmd: command.stored(),
            events: events.iter().map(CallEvent::stored).collect(),
            state: after.state().unwrap(),
            actor: command.actor,
            at,
            personal_until: None,
            hash: format!("hash {n}"),
        };
        self.call.fold(&commit).expect("what was decided can be folded");
        assert_eq!(self.call.next(), CommitNo(n.0 + 1));
        self.commits.push(commit);
        Ok(true)
    }
}
