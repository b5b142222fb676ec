//! A day of calls, made in this process the way in which the log makes them: decided, chained, told.

#![allow(dead_code, reason = "each test binary uses its part")]

use ilock_audit::export::Progress;
use ilock_audit::{Counts, Finding, Header, verify};
use ilock_call::{Call, decide};
use ilock_events::{
    Act, Actor, Alert, CallEvent, CallId, Callee, CallerInfo, ClientName, ClientProof, Command, Commit, Day,
    DeliveryOutcome, DeliveryPath, Millis, Nonce, PartyId, Personal, PersonalText, Reason, Receipt, RoomId, TenantId,
};
use ilock_notify::notices;
use ilock_proof::{StoredCall, commit_hash, first_prev, salt_personal};
use serde_json::{Value, json};

/// 2026-11-22T00:00:00Z.
pub const MIDNIGHT: i64 = 1_795_305_600_000;

const DAY_MS: i64 = 86_400_000;

/// 30 days after the calls: they are all over, and personal text is still kept.
pub const LATER: Millis = Millis(MIDNIGHT + 30 * DAY_MS);

/// 200 days after the calls: personal text is not kept any more.
pub const MUCH_LATER: Millis = Millis(MIDNIGHT + 200 * DAY_MS);

/// A call in the making.
pub struct Making {
    pub call: Call,
    pub stored: StoredCall,
    pub now: Millis,
    keys: u32,
}

impl Making {
    pub fn new(id: &str, at: Millis) -> Self {
        Self {
            call: Call::new(CallId::new(id).unwrap()),
            stored: StoredCall { call_id: id.into(), ..StoredCall::default() },
            now: at,
            keys: 0,
        }
    }

    /// Does `act` after `ms`, with `words`; and tells who is to be told.
    #[must_use]
    pub fn then(mut self, ms: i64, actor: Actor, act: Act, words: PersonalText) -> Self {
        self.now = self.now.plus(ms);
        self.keys += 1;
        // Each text of each call has its own.
        let hash = ilock_proof::digest(format!("{} {}", self.stored.call_id, self.keys).as_bytes());
        let salt: [u8; 16] = hash.as_bytes()[..16].try_into().unwrap();
        let personal = salt_personal(words, salt).unwrap();
        let act = act.with_personal(personal.as_ref().map(|personal| personal.digest.clone()));
        let nonce = Nonce::of(u64::from(self.keys).to_be_bytes());
        // Every other phone only says that it is that one.
        let is = if self.keys.is_multiple_of(2) { ClientProof::Claimed } else { ClientProof::Proved };
        let client_is = actor.client().map(|_| is);
        let command = Command { id: format!("key-{}", self.keys).parse().unwrap(), nonce, client_is, actor, act };
        let events = decide(&self.call, &command, self.now).expect("it is not refused");
        assert!(!events.is_empty());
        let commit = commit(&self.call, &command, &events, self.now);
        self.call.fold(&commit).unwrap();
        self.tell(&commit, personal.as_ref());
        self.stored.commits.push(serde_json::to_value(&commit).unwrap());
        self.stored.personal.extend(personal.map(|personal| serde_json::to_value(personal).unwrap()));
        self
    }

    fn tell(&mut self, commit: &Commit, personal: Option<&Personal>) {
        let placed = self.call.placed.as_ref().unwrap();
        let due = notices(commit, placed, personal.map(|personal| &personal.text)).unwrap();
        // The second of two is left to the projector, now and then.
        let late = (i64::from(commit.n.0) + commit.at.0) % 5 == 0;
        let (now, then): (Vec<_>, Vec<_>) = due.iter().partition(|notice| notice.index == 0 || !late);
        for (path, round) in [(DeliveryPath::Fast, now), (DeliveryPath::Projector, then)] {
            if round.is_empty() {
                continue;
            }
            let ms = if path == DeliveryPath::Fast { 12 } else { 480 };
            let handed = round.iter().map(|notice| {
                let carrier_id = (path == DeliveryPath::Fast).then(|| format!("id-{}", notice.index));
                let ms = ms + i64::from(notice.index) * 3;
                (
                    notice.index,
                    DeliveryOutcome { target: notice.target(), carrier: notice.carrier(), carrier_id, ms, error: None },
                )
            });
            let notices = handed.collect();
            let receipt = Receipt {
                n: commit.n,
                path,
                at: commit.at.plus(ms + 5),
                notices,
                phones: std::collections::BTreeMap::new(),
            };
            self.stored.receipts.push(serde_json::to_value(receipt).unwrap());
        }
    }
}

/// The commit that follows: chained and hashed as the log does it.
pub fn commit(call: &Call, command: &Command, events: &[CallEvent], at: Millis) -> Commit {
    let tenant = TenantId::new("default").unwrap();
    let mut after = call.clone();
    for event in events {
        after.apply(event, command, at, &tenant);
    }
    let mut commit = Commit {
        call_id: call.id.clone(),
        n: call.next(),
        prev: call.head.as_ref().map_or_else(|| first_prev(&call.id), |(_, hash)| hash.clone()),
        tenant,
        cmd: command.stored(),
        events: events.iter().map(CallEvent::stored).collect(),
        state: after.state().unwrap(),
        actor: command.actor.clone(),
        at,
        personal_until: events.iter().any(|event| event.personal().is_some()).then(|| Day::of(at).plus(180)),
        hash: String::new(),
    };
    commit.hash = commit_hash(&commit).unwrap();
    commit
}

pub fn party(id: &str) -> PartyId {
    PartyId::new(id).unwrap()
}

pub fn device(id: &str) -> Actor {
    Actor::Device { id: party(id) }
}

pub fn phone(user: &str, n: u32) -> Actor {
    Actor::User { id: party(user), client: Some(ClientName::new(format!("{user}_phone_{n}")).unwrap()) }
}

pub fn reason(text: &str) -> PersonalText {
    PersonalText { reason: Some(text.into()), ..PersonalText::default() }
}

pub fn shows(name: &str) -> PersonalText {
    let info =
        CallerInfo { name: Some(name.into()), location: Some("小区大门".into()), more: serde_json::Map::new() };
    PersonalText { caller_info: Some(info), ..PersonalText::default() }
}

pub fn place(callee: &str) -> Act {
    place_in(callee, 664_321)
}

pub fn place_in(callee: &str, room: u32) -> Act {
    let clients = (1..=2).map(|n| ClientName::new(format!("{callee}_phone_{n}")).unwrap()).collect();
    let callee = Callee { id: party(callee), clients, primary: None, reachable: true, busy: None };
    let room_id = RoomId::new(room).unwrap();
    Act::Place { callees: vec![callee], ring_seconds: 30, room_id, max_call_seconds: 7200, personal: None }
}

/// One more phone than the first says that it rings.
pub fn alert(mut stored: Making, client: &Actor) -> Making {
    let Actor::User { id, client } = client else { unreachable!("a phone rings") };
    let alert = Alert {
        callee: id.clone(),
        client_id: client.clone(),
        client_is: None,
        preview: true,
        at: stored.now.plus(40),
    };
    stored.stored.alerts.push(serde_json::to_value(alert).unwrap());
    stored
}

/// A call of the kind `number % 8` stands for.
pub fn a_call(number: u32, at: Millis) -> StoredCall {
    a_skewed_call(number, at, &mut || 0)
}

/// The same, by functions whose clocks are each off by what `skew` says.
pub fn a_skewed_call(number: u32, at: Millis, skew: &mut dyn FnMut() -> i64) -> StoredCall {
    let caller = format!("door{}", number % 7);
    let callee = format!("user{}", number % 5);
    let id = format!("call_{caller}_{callee}_{}", at.0);
    let door = device(&caller);
    let actor = |n| phone(&callee, n);
    let nothing = PersonalText::default;
    let mut before = 0;
    let mut after = |ms: i64| {
        let off = skew();
        let by = ms + off - before;
        before = off;
        by
    };
    let place = place_in(&callee, 664_321 + number);
    let ringing = Making::new(&id, at).then(0, door.clone(), place, shows("前门设备 \"A\""));
    let ringing = ringing.then(after(310), actor(1), Act::Alert {}, nothing());
    let hang_up = || Act::HangUp { personal: None };
    let made = match number % 8 {
        0 => alert(ringing, &actor(2)).then(after(4_000), actor(2), Act::Accept {}, nothing()).then(
            after(21_000),
            actor(2),
            hang_up(),
            reason("通话已结束"),
        ),
        1 => {
            let reject = Act::Reject { reason: Reason::Busy, personal: None };
            ringing.then(after(3_000), actor(1), reject, reason("busy"))
        }
        2 => ringing.then(after(5_000), door, Act::Cancel { personal: None }, nothing()),
        3 => ringing.then(after(32_700), Actor::Timer, Act::Expire {}, nothing()),
        4 => ringing.then(after(2_000), actor(1), Act::Accept {}, nothing()).then(
            after(9_000),
            door,
            hang_up(),
            nothing(),
        ),
        5 => ringing.then(after(700), Actor::System, Act::Fail { reason: "no_room".into() }, nothing()),
        6 => {
            let person = Actor::User { id: party(&callee), client: None };
            let left = Act::End { reason: Reason::Left };
            ringing.then(after(900), person, Act::Accept {}, nothing()).then(after(60), Actor::System, left, nothing())
        }
        _ => ringing.then(after(1_100), actor(1), Act::Decline {}, nothing()).then(
            after(2_400),
            actor(2),
            Act::Decline {},
            nothing(),
        ),
    };
    made.stored
}

/// Random numbers, the same at every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % end as u64).unwrap()
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Between `-most` and `most`.
    pub fn about(&mut self, most: i64) -> i64 {
        i64::try_from(self.below(usize::try_from(2 * most + 1).unwrap())).unwrap() - most
    }
}

/// `calls` calls of one day, in order; some at the very same moment.
pub fn day(calls: u32) -> Vec<StoredCall> {
    (0..calls).map(|number| a_call(number, Millis(MIDNIGHT + i64::from(number / 3) * 40_000))).collect()
}

/// In the order of an export.
pub fn in_order(mut calls: Vec<StoredCall>) -> Vec<StoredCall> {
    calls.sort_by_key(|call| (call.commits[0]["at"].as_i64(), call.call_id.clone()));
    calls
}

pub fn export(calls: &[StoredCall], with_personal: bool) -> Vec<u8> {
    let header = Header { with_personal, ..Header::default() };
    let mut out = vec![];
    let mut progress = Progress::default();
    progress.head(&mut out, &header.line().unwrap()).unwrap();
    for call in calls {
        progress.call(&mut out, call, with_personal).unwrap();
    }
    progress.finish(&mut out).unwrap();
    out
}

/// What verifying finds.
pub fn findings(export: &[u8]) -> Vec<Finding> {
    audit(export).1
}

pub fn audit(export: &[u8]) -> (Counts, Vec<Finding>) {
    audit_at(export, LATER)
}

/// On one thread; one export of four on three threads as well: they must agree.
pub fn audit_at(export: &[u8], as_of: Millis) -> (Counts, Vec<Finding>) {
    let on = |jobs: usize| {
        let (mut found, mut bytes) = (vec![], 0);
        let counts = verify::file_on(jobs, export, as_of, |finding| found.push(finding), |passed| bytes += passed);
        assert_eq!(counts.findings, found.len() as u64);
        (counts, found, bytes)
    };
    let one = on(1);
    if crc32fast::hash(export).is_multiple_of(4) {
        assert_eq!(one, on(3));
    }
    (one.0, one.1)
}

/// The lines, without their newlines.
pub fn lines(export: &[u8]) -> Vec<String> {
    std::str::from_utf8(export).unwrap().lines().map(str::to_owned).collect()
}

pub fn text(lines: &[String]) -> Vec<u8> {
    let mut text = lines.join("\n").into_bytes();
    text.push(b'\n');
    text
}

/// Line `number` again, by somebody who changed `call` in the file and made the checksum anew.
pub fn line_of(number: usize, at: i64, last: usize, call: &StoredCall) -> String {
    let list = |items: &[Value]| {
        let items: Vec<String> =
            items.iter().map(|item| String::from_utf8(ilock_proof::canonical(item).unwrap()).unwrap()).collect();
        format!("[{}]", items.join(","))
    };
    with_crc(&format!(
        "{{\"line\":{number},\"call\":{},\"at\":{at},\"last\":{last},\"commits\":{},\"receipts\":{},\"personal\":{}{}{}",
        json!(call.call_id),
        list(&call.commits),
        list(&call.receipts),
        list(&call.personal),
        if call.forgotten.is_empty() { String::new() } else { format!(",\"forgotten\":{}", list(&call.forgotten)) },
        if call.alerts.is_empty() { String::new() } else { format!(",\"alerts\":{}", list(&call.alerts)) }
    ))
}

pub fn with_crc(content: &str) -> String {
    format!("{content},\"crc\":\"{:08x}\"}}", crc32fast::hash(content.as_bytes()))
}

/// An export in which line `number` was changed by a careful forger.
pub fn with_changed(calls: &[StoredCall], number: usize, change: impl FnOnce(&mut StoredCall)) -> Vec<u8> {
    let mut lines = lines(&export(calls, true));
    let mut call = calls[number - 1].clone();
    let (at, last) = (call.commits[0]["at"].as_i64().unwrap(), call.commits.len());
    change(&mut call);
    lines[number] = line_of(number, at, last, &call);
    text(&lines)
}

/// Deletes all personal text, and says so, as forgetting does.
pub fn forget(call: &mut StoredCall, user: &str) {
    for personal in std::mem::take(&mut call.personal) {
        let person = json!({ "kind": "user", "id": user });
        call.forgotten.push(json!({ "digest": personal["digest"], "person": person, "at": LATER.0 - 1 }));
    }
    // Their keys are their digests.
    call.forgotten.sort_by_key(|mark| mark["digest"].as_str().map(str::to_owned));
}

/// Adds a receipt where the log has it: behind the others of its commit.
pub fn add_receipt(call: &mut StoredCall, receipt: Value) {
    let before = |one: &Value| one["n"].as_u64() <= receipt["n"].as_u64();
    let place = call.receipts.iter().rposition(before).map_or(0, |place| place + 1);
    call.receipts.insert(place, receipt);
}

/// Every leaf of a JSON value, as pointers.
pub fn leaves(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: String, all: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| walk(value, format!("{path}/{name}"), all));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, value)| walk(value, format!("{path}/{n}"), all));
            }
            _ => all.push(path),
        }
    }
    let mut all = vec![];
    walk(value, String::new(), &mut all);
    all
}

/// Makes the hashes anew from commit `from` on, as a forger would who may write to the table.
pub fn rehash(call: &mut StoredCall, from: usize, only: bool) {
    for at in from..call.commits.len() {
        if at > from {
            if only {
                return;
            }
            let prev = call.commits[at - 1]["hash"].clone();
            call.commits[at]["prev"] = prev;
        }
        let fields = call.commits[at].as_object_mut().unwrap();
        fields.remove("hash");
        let hash = ilock_proof::digest(&ilock_proof::canonical(&*fields).unwrap());
        fields.insert("hash".into(), hash.into());
    }
}
