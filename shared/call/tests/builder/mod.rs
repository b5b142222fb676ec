//! A call in each state, and the actors that act on it.

#![allow(dead_code, reason = "each test binary uses its part")]

use ilock_call::{Call, Refusal, decide};
use ilock_events::{
    Act, Actor, CallEvent, CallId, ClientName, Command, Commit, CommitNo, Millis, PartyId, RoomId, TenantId,
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

pub fn device() -> Actor {
    Actor::Device { id: PartyId::new("device123").unwrap() }
}

pub fn accept() -> Act {
    Act::Accept {}
}

pub fn place(callee: &str, ring_seconds: u32) -> Act {
    let room_id = RoomId::new(664_321).unwrap();
    Act::Place { callee: PartyId::new(callee).unwrap(), ring_seconds, room_id, personal: None }
}

pub fn act(key: &str, actor: &Actor, act: Act) -> Command {
    Command { id: key.parse().unwrap(), actor: actor.clone(), act }
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
            after.apply(event, &command.actor, at, &tenant);
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
            hash: format!("hash {n}"),
        };
        self.call.fold(&commit).expect("what was decided can be folded");
        assert_eq!(self.call.next(), CommitNo(n.0 + 1));
        self.commits.push(commit);
        Ok(true)
    }
}
