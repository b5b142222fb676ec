//! One ledger from beginning to end.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ilock_functions::settings::Settings;
use ilock_functions::triggers::ledger::{LedgerKeeper, entry_of};
use ilock_lambda::aws::{OnAws, RetryPolicy};
use ilock_local::dynamodb::create_table;
use ilock_log::ledger::{LEDGER_TABLE, Ledger, LedgerReader, NotSequenced, Sequencer, Witnesses};
use ilock_proof::{Checkpoint, Entry, Policy, VerifyKey};
use ilock_tests::bucket::LEDGER_BUCKET;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::feed::{Feed, Shard};
use super::judge::{Court, places};
use super::witness::SimulatedWitness;
use super::{EVENTS, LEDGER, ORIGIN};
use crate::bugs::Bug;
use crate::cloud::{Cloud, Network, Position};
use crate::dice::Dice;
use crate::functions::sdk;
use crate::killed::Killed;
use crate::seeded::decided_by;
use crate::story::Story;
use crate::time::Time;
use crate::weather::Weather;

/// A round's time on AWS.
const ROUND: Duration = Duration::from_mins(1);
/// For how long one run goes on with new rounds.
const BUDGET: Duration = Duration::from_secs(45);
/// For so long at least something is written, and at most it is waited for.
const SHORTEST: Duration = Duration::from_secs(100);
const LONGEST: Duration = Duration::from_hours(4);

#[derive(Debug, Default)]
pub struct Outcome {
    pub found: Vec<String>,
    pub story: String,
    pub entries: usize,
    pub rounds: usize,
    pub kills: usize,
    pub redriven: usize,
    /// After how long what was written was signed, and cosigned.
    pub signed: Vec<Duration>,
    pub witnessed: Vec<Duration>,
}

/// What is given, besides the seed.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// Instead of the seed's own.
    pub weather: Option<Weather>,
    pub bug: Option<Bug>,
    /// The first sequencer that waits so often is killed there, from 0.
    pub kill: Option<u64>,
}

/// Simulates what `seed` decides.
pub fn run(seed: u64, scene: &Scene) -> Outcome {
    decided_by(seed, simulate(seed, scene))
}

struct Simulation {
    cloud: Arc<Cloud>,
    feed: Arc<Feed>,
    sequencer: Sequencer,
    witness: Arc<SimulatedWitness>,
    client: aws_sdk_dynamodb::Client,
    time: Time,
    story: Arc<Story>,
    /// Sequencers that ended in something else than that another was first.
    wrong: Mutex<Vec<String>>,
    kills: Mutex<usize>,
    /// After how many awaits a sequencer is still to be killed, whatever the weather.
    kill: Mutex<Option<u64>>,
}

fn settings(name: &str) -> Option<String> {
    let value = match name {
        "LEDGER_TABLE" => LEDGER,
        "LEDGER_BUCKET" => LEDGER_BUCKET,
        "LEDGER_ORIGIN" => ORIGIN,
        "LEDGER_KEY_ARNS" => "arn:aws:kms:simulated:000000000000:key/ledger",
        _ => return None,
    };
    Some(value.to_owned())
}

async fn simulate(seed: u64, scene: &Scene) -> Outcome {
    let plan = Dice::of(seed, "plan of the ledger");
    let lasts = Duration::from_secs(plan.within(100..500));
    let weather = scene.weather.clone();
    let weather = weather.unwrap_or_else(|| Weather { lasts, ..Weather::of(&Dice::of(seed, "weather")) });
    let simulation = Arc::new(Simulation::build(seed, weather, scene, &plan).await);
    simulation.cloud.network.begin();
    let mut running = vec![];
    for shard in 0..simulation.feed.shards.len() {
        running.push(tokio::spawn(simulation.feed.clone().show(shard)));
    }
    let sequencers = if simulation.cloud.network.weather.two_sequencers { 2 } else { 1 };
    let first = Instant::now() + plan.ms(0..60_000);
    for name in ["sequencer 1", "sequencer 2"].into_iter().take(sequencers) {
        running.push(tokio::spawn(simulation.clone().sequencing(name, Dice::of(seed, name), first)));
    }
    let (written, quiet) = simulation.writes(&plan).await;
    simulation.cloud.network.end();
    let redriven = simulation.feed.dead.lock().unwrap().len();
    simulation.feed.redrive().await;
    running.iter().for_each(tokio::task::JoinHandle::abort);
    simulation.settle().await;
    let mut outcome = simulation.judged(&written).await;
    if !quiet {
        outcome.found.push("it did not come to an end".into());
    }
    outcome.redriven = redriven;
    outcome
}

impl Simulation {
    async fn build(seed: u64, weather: Weather, scene: &Scene, plan: &Dice) -> Self {
        let (story, time) = (Arc::new(Story::new()), Time::beginning(plan.within(0..86_400_000)));
        let network = Arc::new(Network::new(seed, weather, story.clone()));
        let cloud = Arc::new(Cloud::new(seed, network.clone(), scene.bug));
        let sdk = sdk(seed, &cloud);
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        create_table(&client, EVENTS, ilock_log::TABLE).await.unwrap();
        create_table(&client, LEDGER, LEDGER_TABLE).await.unwrap();
        let on_aws = OnAws::new(Settings::for_dev(settings), sdk, RetryPolicy::Background);
        let witness = Arc::new(SimulatedWitness::new(network, time));
        let policy = format!("witness W {} https://witness.simulated\nquorum W\n", witness.key.verify_key());
        let witnesses = Some(Witnesses { policy: Policy::read(&policy).unwrap(), client: witness.clone() });
        let sequencer = Sequencer { witnesses, clock: time.clock(0), ..on_aws.sequencer().unwrap() };
        let behind = |dice: &Dice| {
            if dice.permille(cloud.network.weather.slow_shards) { dice.ms(10_000..200_000) } else { Duration::ZERO }
        };
        let shards = (0..3).map(|shard| Shard::new(behind(plan), Dice::of(seed, &format!("shard {shard}"))));
        let keeper = LedgerKeeper { ledger: sequencer.ledger.clone() };
        let feed = Feed {
            cloud: cloud.clone(),
            keeper,
            shards: shards.collect(),
            dead: Mutex::default(),
            waiting: std::sync::atomic::AtomicUsize::new(0),
        };
        let (wrong, kills, kill) = (Mutex::default(), Mutex::default(), Mutex::new(scene.kill));
        Self { cloud, feed: Arc::new(feed), sequencer, witness, client, time, story, wrong, kills, kill }
    }

    /// Sequences every minute, for ever; killed now and then, with a clock of its own.
    async fn sequencing(self: Arc<Self>, name: &'static str, dice: Dice, first: Instant) {
        let (skew, apart) =
            (self.cloud.network.weather.function_skew_ms, self.cloud.network.weather.sequencers_apart_ms);
        let ahead = i64::try_from(dice.within(0..2 * skew + 1)).unwrap() - i64::try_from(skew).unwrap();
        let sequencer = Sequencer { clock: self.time.clock(ahead), ..self.sequencer.clone() };
        let mut minute = first;
        loop {
            tokio::time::sleep_until(minute + dice.ms(0..apart + 1)).await;
            minute += ROUND;
            let killed = self.cloud.network.chance(self.cloud.network.weather.killed);
            let weathers = killed.then(|| dice.within(0..150));
            let kill = self.kill.lock().unwrap().or(weathers);
            let begun = Instant::now();
            match Killed::at(sequencer.run(|| begun.elapsed() < BUDGET), kill).await {
                None => {
                    *self.kills.lock().unwrap() += 1;
                    *self.kill.lock().unwrap() = None;
                    self.story.tell(name, "is killed");
                }
                Some(Ok(done)) if done.rounds > 0 => self.story.tell(name, format_args!("{done:?}")),
                Some(Ok(_) | Err(NotSequenced::Overtaken)) => {}
                Some(Err(NotSequenced::Forked(why))) => self.wrong.lock().unwrap().push(format!("{name}: {why}")),
                Some(Err(error)) => self.story.tell(name, error),
            }
        }
    }

    /// Writes what a log has, over some minutes; everything that is to be entered, and whether all of it came to the ledger.
    async fn writes(&self, plan: &Dice) -> (Vec<(Instant, Entry)>, bool) {
        let mut position = Position::default();
        let mut written = vec![];
        let end = Instant::now() + self.cloud.network.weather.lasts.max(SHORTEST);
        let mut number = 0_u32;
        while Instant::now() < end {
            sleep(plan.ms(10..9_000)).await;
            for _ in 0..plan.within(1..6) {
                number += 1;
                let item = item(plan, number);
                let put = json!({ "TableName": EVENTS, "Item": typed(&item) });
                assert_eq!(self.cloud.tables.answer("PutItem", &put).0, 200);
                written.extend(entry_of(&item).map(|entry| (Instant::now(), entry)));
            }
            self.feed.split(&mut position);
        }
        // The faults are over; what was given up is redriven by an operator, later.
        let given_up = |feed: &Feed| feed.dead.lock().unwrap().iter().map(Vec::len).sum::<usize>();
        let last = Instant::now() + LONGEST;
        while self.feed.waiting.load(Ordering::SeqCst) > given_up(&self.feed) && Instant::now() < last {
            sleep(ROUND).await;
        }
        // Two more rounds, for what was entered last.
        sleep(ROUND * 3).await;
        (written, Instant::now() < last)
    }

    /// Sequences until nothing waits.
    async fn settle(&self) {
        for _ in 0..100 {
            match self.sequencer.run(|| true).await {
                Ok(_) => return,
                Err(NotSequenced::Overtaken) => {}
                Err(error) => return self.wrong.lock().unwrap().push(format!("at the end: {error}")),
            }
        }
    }

    async fn judged(&self, written: &[(Instant, Entry)]) -> Outcome {
        let key = VerifyKey::read(
            &LedgerReader::new(self.sequencer.store.clone()).published_keys().await.unwrap_or_default(),
        );
        let Ok(key) = key else {
            let found = [vec!["nothing was published".to_owned()], self.wrong.lock().unwrap().clone()].concat();
            return Outcome { found, story: self.story.read(), ..Outcome::default() };
        };
        let court = Court {
            cloud: &self.cloud,
            reader: LedgerReader::new(self.sequencer.store.clone()),
            ledger: Ledger::new(self.client.clone(), LEDGER),
            client: self.client.clone(),
            key,
            wanted: written.iter().map(|(_, entry)| *entry).collect::<BTreeSet<_>>(),
        };
        let (mut found, entries) = court.judge().await;
        found.extend(self.wrong.lock().unwrap().drain(..));
        found.extend(self.witness.refused.lock().unwrap().drain(..).map(|why| format!("the witness refused {why}")));
        let (signed, witnessed) = self.delays(written, &entries);
        Outcome {
            found,
            story: self.story.read(),
            entries: entries.len(),
            rounds: self.cloud.vault.published().len(),
            kills: *self.kills.lock().unwrap(),
            redriven: 0,
            signed,
            witnessed,
        }
    }

    /// After how long each entry stood under a published checkpoint, and under a cosigned one.
    fn delays(&self, written: &[(Instant, Entry)], entries: &[Entry]) -> (Vec<Duration>, Vec<Duration>) {
        let places = places(entries);
        let published: Vec<(Instant, u64, bool)> = self
            .cloud
            .vault
            .published()
            .into_iter()
            .map(|(at, note)| {
                let checkpoint = Checkpoint::read(&note).unwrap();
                let cosigned = checkpoint.cosigned_by(self.witness.key.verify_key()).unwrap().is_some();
                (at, checkpoint.head.size, cosigned)
            })
            .collect();
        let delay = |since: Instant, entry: &Entry, cosigned: bool| {
            let index = *places.get(entry)?;
            let first = published.iter().find(|(_, size, witnessed)| *size > index && (*witnessed || !cosigned))?;
            Some(first.0.duration_since(since))
        };
        let all = |cosigned| written.iter().filter_map(|(at, entry)| delay(*at, entry, cosigned)).collect();
        (all(false), all(true))
    }
}

/// Something that a log has, with its keys.
fn item(plan: &Dice, number: u32) -> Value {
    let call = format!("call#call_a_b_{}", plan.within(0..30));
    let hash = ilock_proof::digest(&number.to_be_bytes());
    match plan.within(0..6) {
        0 | 1 => json!({ "pk": call, "sk": format!("commit#{number:06}"), "n": number, "hash": hash }),
        2 => json!({ "pk": call, "sk": format!("receipt#{number:06}#0000"), "n": number, "at": number }),
        3 => json!({ "pk": call, "sk": format!("alert#phone{number}"), "at": number }),
        4 => {
            json!({ "pk": "audit#default#2026-11-25", "sk": format!("access#{number}#{}", &hash[..32]), "at": number })
        }
        // Personal text is no entry.
        _ => json!({ "pk": call, "sk": format!("personal#{hash}"), "text": "x" }),
    }
}

fn typed(item: &Value) -> Value {
    let typed = |value: &Value| match value {
        Value::String(text) => json!({ "S": text }),
        number => json!({ "N": number.to_string() }),
    };
    item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), typed(value))).collect()
}
