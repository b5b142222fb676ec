//! Commands for tests that use the log without HTTP.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ilock_env::Clock;
use ilock_events::{Act, Actor, CallId, Callee, ClientName, Command, Hash, Millis, Nonce, PartyId, RoomId, TenantId};
use ilock_log::{CommandOutcome, EventLog, History, LogError};

/// The time `ms` milliseconds after a call was placed.
#[must_use]
pub const fn ms(ms: i64) -> Millis {
    Millis(1_679_886_450_000 + ms)
}

/// The tenant of every command here.
#[must_use]
pub fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

/// A call id that no other test uses.
#[must_use]
pub fn fresh_call() -> CallId {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    CallId::new(format!("call_device123_user456_{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap()
}

/// The door station.
#[must_use]
pub fn door() -> Actor {
    Actor::Device { id: PartyId::new("device123").unwrap() }
}

/// The `n`th phone of the callee.
#[must_use]
pub fn phone(n: usize) -> Actor {
    let client = ClientName::new(format!("user456_phone_{n}")).unwrap();
    Actor::User { id: PartyId::new("user456").unwrap(), client: Some(client) }
}

/// Rings the callee for 30 seconds.
#[must_use]
pub fn place(personal: Option<Hash>) -> Act {
    let clients = (0..10).map(|n| ClientName::new(format!("user456_phone_{n}")).unwrap()).collect();
    let id = PartyId::new("user456").unwrap();
    let callee = Callee { id, clients, primary: None, reachable: true, busy: None };
    let room_id = RoomId::new(664_321).unwrap();
    Act::Place { callees: vec![callee], ring_seconds: 30, room_id, max_call_seconds: 7200, personal }
}

/// A request for `act` by `actor`, under `key`.
#[must_use]
pub fn under(key: &str, actor: Actor, act: Act) -> Command {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let nonce = Nonce::of(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Command { id: key.parse().unwrap(), nonce, client_is: None, actor, act }
}

/// Runs `command` on `history` at the time `at`.
///
/// # Errors
/// The log's own.
pub async fn run(
    log: &EventLog,
    history: &mut History,
    command: &Command,
    at: Millis,
) -> Result<CommandOutcome, LogError> {
    log.execute(history, &tenant(), command, &Clock::fixed(at)).await
}

/// A call with the first `steps` of: placed, alerted by phone 1, accepted by phone 1, hung up by the door.
pub async fn call_of(log: &EventLog, steps: usize) -> History {
    let script = [
        under("place", door(), place(None)),
        under("alert", phone(1), Act::Alert {}),
        under("accept", phone(1), Act::Accept {}),
        under("hang-up", door(), Act::HangUp { personal: None }),
    ];
    let mut history = History::unplaced(fresh_call());
    for (step, command) in (0..).zip(script.iter().take(steps)) {
        let ran = run(log, &mut history, command, ms(step * 100)).await.unwrap();
        assert!(matches!(ran, CommandOutcome::Committed(_)), "{command:?} was not committed: {ran:?}");
    }
    history
}

/// Asserts that the log holds exactly the commits of `history`; loading checks every hash and link.
pub async fn assert_whole(log: &EventLog, history: &History) {
    let loaded = log.load(&history.call.id).await.unwrap();
    assert_eq!(loaded.commits, history.commits);
    assert_eq!(loaded.call, history.call);
}
