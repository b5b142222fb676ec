//! Races in a household of six persons with two phones each: one winner, and everybody else falls silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt, join_all};
use ilock_audit::{Line, export, verify};
use ilock_env::Clock;
use ilock_events::CallId;
use ilock_functions::triggers::expire_call::expire;
use ilock_local::Options;
use ilock_notify::Alarm;
use ilock_tests::World;
use ilock_tests::parties::{Answer, Party, call_id};
use ilock_tests::phone::Phone;
use reqwest::Method;
use serde_json::{Value, json};

const ROUNDS: u64 = 200;
const PERSONS: usize = 6;
const RING_SECONDS: i64 = 5;
/// What the timer waits for beyond the deadline.
const GRACE_MS: i64 = 2_000;
/// What the product promises for the others' silence, as the median.
const SILENT_WITHIN: Duration = Duration::from_millis(500);

/// A phone, and whose it is.
struct Member {
    person: Party,
    phone: Phone,
}

impl Member {
    fn client(&self) -> String {
        self.phone.credentials.client_id.clone()
    }

    /// Whether this message ends the ring of `call` here. A phone that answers knows that by its own request.
    fn is_silenced_by(&self, call: &str, heard: &Value) -> bool {
        if heard["call_id"] != call {
            return false;
        }
        match heard["action"].as_str() {
            Some("cancelled" | "hangup" | "rejected" | "accepted") => true,
            // One phone that declines silences itself only.
            Some("declined") => heard["device_id"] == self.client(),
            _ => false,
        }
    }

    /// When this phone falls silent, if it does within `patience`. It has rung before, if it was told in time.
    async fn silent_at(&mut self, call: &str, patience: Duration) -> Option<Instant> {
        let patience = Instant::now() + patience;
        loop {
            let heard = self.phone.next_within(patience.saturating_duration_since(Instant::now())).await?;
            if self.is_silenced_by(call, &heard.body) {
                return Some(heard.at.into_std());
            }
        }
    }
}

/// One who acts, after so many milliseconds.
struct Attempt<'a> {
    after_ms: u64,
    act: BoxFuture<'a, Answer>,
}

impl Attempt<'_> {
    /// The answer, and when it was asked for.
    async fn made(self) -> (Answer, Instant) {
        tokio::time::sleep(Duration::from_millis(self.after_ms)).await;
        let asked = Instant::now();
        (self.act.await, asked)
    }
}

/// What each phone and the door do in a round of this kind; the times differ from round to round.
fn attempts<'a>(round: u64, door: &'a Party, members: &'a [Member], call: &'a str) -> Vec<Attempt<'a>> {
    let mut all = vec![];
    for (index, member) in members.iter().enumerate() {
        let (person, second) = (index / 2, index % 2 == 1);
        let action = match round % 6 {
            // One phone of each person declines, the other answers.
            1 if second => "declined",
            // Half of the persons refuse for themselves.
            2 if person % 2 == 0 => "rejected",
            0..=4 => "accepted",
            // Everybody declines or refuses, but for one phone in every second such round.
            _ if index == 3 && round % 12 == 5 => "accepted",
            _ if second => "declined",
            _ => "rejected",
        };
        let client = member.client();
        let jitter = (round * 7 + u64::try_from(index).unwrap() * 5) % 13;
        all.push(Attempt {
            after_ms: if round.is_multiple_of(6) { 0 } else { jitter },
            act: async move { member.person.callee_action(call, action, Some(&client)).await }.boxed(),
        });
    }
    // The door gives up, but for some of the rounds in which nobody answers: those end by refusals alone.
    if [3, 5].contains(&(round % 6)) && round % 24 != 23 {
        let act = async move { door.caller_action(call, "cancelled").await }.boxed();
        all.push(Attempt { after_ms: round * 3 % 19, act });
    }
    all
}

/// What became of a round.
struct Outcome {
    state: String,
    silent: Vec<Duration>,
}

async fn round(world: &World, members: &mut [Member], ahead: &AtomicI64, round: u64) -> Outcome {
    let door = world.door(&format!("door{round}"));
    let callees: Vec<&str> = members.iter().step_by(2).map(|member| member.person.id.as_str()).collect();
    let body = json!({ "callee_ids": callees, "ring_seconds": RING_SECONDS });
    let call = call_id(&door.posts("/api/calls", body).await.ok());

    let expiry = async {
        tokio::time::sleep(Duration::from_millis(round % 11)).await;
        let began = Instant::now();
        if round % 6 == 4 {
            ahead.fetch_add(RING_SECONDS * 1000 + GRACE_MS, Ordering::SeqCst);
            expire(&world.stack.calls, &Alarm::of(CallId::new(call.clone()).unwrap())).await.unwrap();
        }
        began
    };
    let made = join_all(attempts(round, &door, members, &call).into_iter().map(Attempt::made));
    let (made, expired) = futures::join!(made, expiry);

    let log = world.log(&call).await;
    let placed = log.call.placed.as_ref().unwrap();
    let state = log.call.state().unwrap().word().to_owned();
    // From the request that decided the call; the timer has none.
    let decided = |(answer, _): &&(Answer, Instant)| answer.status == 200 && answer.data["state"] == state.as_str();
    let decided = made.iter().filter(decided).map(|(_, asked)| *asked).min().unwrap_or(expired);
    let won = made.iter().filter(|(answer, _)| answer.status == 200 && answer.data["state"] == "active").count();
    if state == "active" {
        assert!(won >= 1, "round {round}: somebody answered, and nobody was told so");
        let accepts =
            log.commits.iter().filter(|commit| commit.events.iter().any(|event| event.name == "CallAccepted"));
        assert_eq!(accepts.count(), 1, "round {round}");
    }
    for (index, (answer, _)) in made.iter().enumerate().filter(|(_, (answer, _))| answer.status != 200) {
        let told = answer.clone().refused(409);
        let told = (told["state"].as_str().unwrap(), told["winner"].as_str().unwrap());
        // Who has lost is told who won the call; or which phone of the same person refused it before.
        let own = members.get(index).map(|member| member.person.id.as_str());
        let refused = told.0 == "rejected" && own.is_some_and(|own| told.1.starts_with(own));
        assert!(
            refused || told == (state.as_str(), placed.won_by().unwrap().as_str()),
            "round {round}: {told:?}, {state}"
        );
    }

    // The winner's phone is in the call; every other one falls silent by what it is told.
    let winner = placed.won_by().filter(|_| state == "active");
    let silences = join_all(members.iter_mut().filter(|member| Some(member.client()) != winner).map(|member| {
        let call = call.clone();
        // Where the clock jumps past the deadline, some messages are not sent any more.
        let patience = if round % 6 == 4 { SILENT_WITHIN } else { Duration::from_secs(3) };
        async move { (member.client(), member.silent_at(&call, patience).await) }
    }));
    let (mut silent, mut past_deadline) = (vec![], 0);
    for (client, at) in silences.await {
        match at {
            Some(at) => silent.push(at.saturating_duration_since(decided)),
            // Phones end a ring by themselves at its deadline.
            None if round % 6 == 4 => past_deadline += 1,
            None => panic!("round {round}: {client} goes on ringing, and the call is {state}"),
        }
    }
    assert_eq!(silent.len() + past_deadline, members.len() - usize::from(winner.is_some()), "round {round}");

    if state == "active" {
        // Ended from either side, which is a race as well.
        let answerer = members.iter().find(|member| Some(member.client()) == winner).unwrap();
        let (one, two) = futures::join!(
            answerer.person.callee_action(&call, "hangup", winner.as_deref()),
            door.caller_action(&call, "hangup"),
        );
        assert!([&one, &two].iter().any(|answer| answer.status == 200), "round {round}: {one:?} {two:?}");
        assert_eq!(world.log(&call).await.call.state().unwrap().word(), "ended");
    }
    judge(world, &call, round, ahead).await;
    Outcome { state, silent }
}

/// The auditor's judgement, which decides every command again.
async fn judge(world: &World, call: &str, round: u64, ahead: &AtomicI64) {
    let stored = world.stack.calls.log.stored(&CallId::new(call).unwrap()).await.unwrap();
    let line = String::from_utf8(export::call_line(1, &stored, true).unwrap()).unwrap();
    let (_, Line::Call(line)) = Line::read(line.trim_end()).unwrap() else { panic!("a call") };
    let now = Clock::system().now().plus(ahead.load(Ordering::SeqCst));
    let checked = verify::call(&line, now);
    assert!(checked.findings.is_empty(), "round {round}: {:?}", checked.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_household_of_six_with_two_phones_each_one_wins_and_eleven_fall_silent() {
    let ahead = Arc::new(AtomicI64::new(0));
    let (read, system) = (ahead.clone(), Clock::system());
    let clock = Clock::new(move || system.now().plus(read.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let mut members = vec![];
    for person in 0..PERSONS {
        let person = world.user(&format!("member{person}"));
        for name in ["a", "b"] {
            members.push(Member { person: person.clone(), phone: world.phone(&person, name).await });
        }
    }
    let (mut outcomes, mut silent) = (BTreeMap::<String, u64>::new(), vec![]);
    for n in 0..ROUNDS {
        let outcome = round(&world, &mut members, &ahead, n).await;
        *outcomes.entry(outcome.state).or_default() += 1;
        silent.extend(outcome.silent);
    }
    silent.sort_unstable();
    let (median, last) = (silent[silent.len() / 2], silent[silent.len() - 1]);
    println!("{ROUNDS} rounds: {outcomes:?}; silent after {median:?} (median), {last:?} (last)");
    assert!(median <= SILENT_WITHIN, "{median:?}");
    for state in ["active", "rejected", "cancelled", "missed"] {
        assert!(outcomes.contains_key(state), "{state} never wins: this is no race: {outcomes:?}");
    }
    world.end().await;
}

/// The ringing call as `person` sees it, asking as `client`, and its row in their list, which is there soon.
async fn seen_by(person: &Party, call: &str, client: Option<&str>) -> (Value, Value) {
    let client = client.map(|client| format!("?client_id={client}")).unwrap_or_default();
    let view = person.gets(&format!("/api/calls/{call}{client}")).await.ok();
    let row = loop {
        let calls = person.gets("/api/calls?state=ringing").await.ok()["calls"].clone();
        if let Some(row) = calls.as_array().unwrap().iter().find(|row| row["call_id"] == call) {
            break row.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&view["state"], &row["state"]), (&json!("ringing"), &json!("ringing")));
    (view, row)
}

/// For how many milliseconds it still rings: as the call has it, and as the list does.
async fn left(person: &Party, call: &str, client: Option<&str>) -> (i64, i64) {
    let (view, row) = seen_by(person, call, client).await;
    (view["remaining_ms"].as_i64().unwrap(), row["remaining_ms"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_for_others_does_not_ring_who_rejected_it_or_refuses_it_nor_a_phone_that_declined_it() {
    let world = World::new().await;
    let (door, gate) = (world.door("device123"), world.door("gate"));
    let (eve, carl, dora) = (world.user("eve"), world.user("carl"), world.user("dora"));
    let (_a, _b) = (world.phone(&eve, "a").await, world.phone(&eve, "b").await);
    let status =
        json!({ "client_id": "eve_b", "status": "active", "priority": 7, "last_active": Clock::system().now().0 });
    eve.asks(Method::PUT, "/api/mqtt/clients/status", Some(status)).await.ok();
    for person in [&carl, &dora] {
        person.registers("phone").await;
    }
    // Dora is in a call, and does not want to be rung meanwhile.
    dora.asks(Method::PUT, "/api/settings", Some(json!({ "when_busy": "refuse" }))).await.ok();
    let talk = call_id(&gate.rings("dora", 30).await);
    dora.callee_action(&talk, "accepted", Some("dora_phone")).await.ok();

    let body = json!({ "callee_ids": ["eve", "carl", "dora"], "ring_seconds": 60 });
    let call = call_id(&door.posts("/api/calls", body).await.ok());
    let rings = |(view, row): (i64, i64)| view > 0 && row > 0;
    assert_eq!(left(&dora, &call, None).await, (0, 0));
    for party in [&eve, &carl, &door] {
        assert!(rings(left(party, &call, None).await), "{}", party.id);
    }
    assert_eq!(seen_by(&eve, &call, None).await.0["primary"], "eve_b");

    let declined = eve.callee_action(&call, "declined", Some("eve_a")).await.ok();
    assert_eq!(declined["remaining_ms"], 0);
    assert_eq!(left(&eve, &call, Some("eve_a")).await.0, 0);
    for client in [Some("eve_b"), None] {
        assert!(rings(left(&eve, &call, client).await), "{client:?}");
    }

    let rejected = eve.callee_action(&call, "rejected", Some("eve_b")).await.ok();
    assert_eq!((&rejected["state"], &rejected["remaining_ms"]), (&json!("ringing"), &json!(0)));
    for client in [Some("eve_a"), Some("eve_b"), None] {
        assert_eq!(left(&eve, &call, client).await, (0, 0), "{client:?}");
    }
    assert!(seen_by(&eve, &call, None).await.0.get("primary").is_none());
    for party in [&carl, &door] {
        assert!(rings(left(party, &call, None).await), "{}", party.id);
    }
    world.end().await;
}
