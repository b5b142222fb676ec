//! One simulation from beginning to end, on one thread, by a clock that stands still while anything can be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use futures::future::join_all;
use ilock_auth::Role;
use ilock_local::dynamodb::create_table;
use tokio::time::{Instant, sleep};

use crate::api::{Api, ApiRequest};
use crate::bugs::Bug;
use crate::caller::{Caller, Plan};
use crate::cloud::{Cloud, Network};
use crate::dice::Dice;
use crate::events::{QueueReader, Reads, StreamReader};
use crate::facts::Facts;
use crate::functions::{Functions, sdk};
use crate::judge::{Court, Judgement};
use crate::phone::{Owner, Phone, Reach};
use crate::scene::Scene;
use crate::seeded::decided_by;
use crate::story::Story;
use crate::time::Time;
use crate::weather::Weather;

/// How long a simulation may take by its own clock.
const LONGEST: Duration = Duration::from_hours(4);

const EVENTS: &str = "events";

/// What is to be simulated, beside what the seed decides.
#[derive(Debug, Clone)]
pub struct Script {
    /// How often the callers call, each time when all that came before is over.
    pub rounds: u64,
    /// None: as the seed decides.
    pub weather: Option<Weather>,
    pub bug: Option<Bug>,
    /// Which function is killed once, and at which of its awaits.
    pub kill: Option<(&'static str, u64)>,
}

impl Default for Script {
    fn default() -> Self {
        Self { rounds: 1, weather: None, bug: None, kill: None }
    }
}

pub struct Outcome {
    pub judgement: Judgement,
    pub story: String,
}

/// Simulates what `seed` decides.
pub fn run(seed: u64, script: &Script) -> Outcome {
    decided_by(seed, simulate(seed, script))
}

struct Simulation {
    scene: Scene,
    sdk: SdkConfig,
    owners: Vec<Owner>,
    weather: Weather,
    readers: Vec<Arc<AtomicBool>>,
}

async fn simulate(seed: u64, script: &Script) -> Outcome {
    let plan = Dice::of(seed, "plan");
    let simulation = Simulation::build(seed, script, &plan).await;
    let scene = &simulation.scene;
    for (index, owner) in simulation.owners.iter().enumerate() {
        Phone::start(scene.clone(), owner.clone(), Dice::of(seed, &format!("phone {index}"))).await;
    }
    for owner in simulation.owners.iter().filter(|_| plan.permille(300)) {
        let body = Some(serde_json::json!({ "when_busy": "refuse" }));
        let ask = ApiRequest { method: "PUT", path: "/api/settings".to_owned(), key: None, body, who: &owner.client };
        scene.api.insist(&owner.bearer, ask, 20).await;
    }
    let mut quiet = true;
    for round in 0..script.rounds {
        scene.cloud.network.begin();
        simulation.break_connections(&plan);
        simulation.calls(seed, round, &plan).await;
        quiet &= simulation.quiet().await;
        scene.cloud.network.end();
    }
    let court = Court {
        scene,
        log: simulation.log(),
        directory: simulation.directory(),
        owners: &simulation.owners,
        skew_ms: simulation.weather.function_skew_ms,
    };
    let mut judgement = court.judge().await;
    if !quiet {
        judgement.found.push("it did not come to an end".to_owned());
    }
    Outcome { judgement, story: scene.story.read() }
}

fn planned(dice: &Dice, owners: &[Owner]) -> Plan {
    let mut callees: Vec<String> = owners.iter().map(|owner| owner.bearer.id.clone()).collect();
    callees.dedup();
    if dice.permille(300) {
        callees = vec![dice.pick(&(0..callees.len()).collect::<Vec<_>>())]
            .into_iter()
            .map(|at| callees[at].clone())
            .collect();
    }
    let ring_seconds = dice.within(5..25);
    Plan {
        after: dice.ms(0..6_000),
        callees,
        ring_seconds,
        cancels_after: dice.permille(300).then(|| dice.ms(200..ring_seconds * 1_100)),
        hangs_up_after: dice.permille(500).then(|| dice.ms(200..10_000)),
    }
}

impl Simulation {
    async fn build(seed: u64, script: &Script, plan: &Dice) -> Self {
        let weather = script.weather.clone().unwrap_or_else(|| Weather::of(&Dice::of(seed, "weather")));
        let (story, time) = (Arc::new(Story::new()), Time::beginning(plan.within(0..86_400_000)));
        let network = Arc::new(Network::new(seed, weather.clone(), story.clone()));
        let cloud = Arc::new(Cloud::new(seed, network.clone(), script.bug));
        let sdk = sdk(seed, &cloud);
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        create_table(&client, EVENTS, ilock_log::TABLE).await.unwrap();
        create_table(&client, "directory", ilock_directory::TABLE).await.unwrap();
        let clocks = Dice::of(seed, "clocks");
        let skew = weather.function_skew_ms;
        let instances: Vec<Functions> =
            (0..2).map(|_| Functions::new(&sdk, &time, &clocks, skew, script.bug)).collect();
        let kill_of = |name: &str| script.kill.filter(|(named, _)| *named == name).map(|(_, at)| at);
        let mut readers = vec![];
        for (index, name) in ["projector", "projector 2"].into_iter().enumerate() {
            if index == 1 && !weather.two_projectors {
                continue;
            }
            let idle = Arc::new(AtomicBool::new(false));
            readers.push(idle.clone());
            let (cloud, dice) = (cloud.clone(), Dice::of(seed, name));
            let reader = StreamReader { name, cloud, table: EVENTS.to_owned(), dice, idle, kill: kill_of(name) };
            let Functions { projector, retries, .. } = &instances[index];
            tokio::spawn(reader.show(projector.clone(), retries.clone()));
        }
        let Functions { calls, projector, retries, .. } = &instances[0];
        let of_queues = [
            ("expire-call", "timer", Reads::Timers(calls.clone())),
            ("retries", "retries", Reads::Retries(projector.clone(), retries.clone())),
        ];
        for (name, dice, reads) in of_queues {
            let reader = QueueReader { name, cloud: cloud.clone(), dice: Dice::of(seed, dice), kill: kill_of(name) };
            tokio::spawn(reader.run(reads));
        }
        let facts = Arc::new(Facts::default());
        let kill = script.kill.filter(|(name, _)| !["projector", "expire-call"].contains(name));
        let api = Api {
            instances,
            network,
            facts: facts.clone(),
            time,
            dice: Dice::of(seed, "http"),
            bug: script.bug,
            kill: std::sync::Mutex::new(kill),
        };
        let scene = Scene { api: Arc::new(api), cloud, facts, story, time };
        let owners = owners(plan, &scene, &weather);
        Self { scene, sdk, owners, weather, readers }
    }

    fn log(&self) -> ilock_log::EventLog {
        ilock_log::EventLog::new(aws_sdk_dynamodb::Client::new(&self.sdk), EVENTS)
    }

    fn directory(&self) -> ilock_directory::Directory {
        ilock_directory::Directory::new(aws_sdk_dynamodb::Client::new(&self.sdk), "directory")
    }

    /// One or two at a time call, until their calls are over.
    async fn calls(&self, seed: u64, round: u64, plan: &Dice) {
        let count = if plan.permille(300) { 2 } else { 1 };
        let callers = (0..count).map(|index| {
            let role = if plan.permille(700) { Role::Device } else { Role::User };
            let client = format!("caller{index}");
            let part = if round == 0 { client.clone() } else { format!("{client}, round {round}") };
            let (scene, bearer) = (self.scene.clone(), self.scene.api.bearer(&client, role));
            let caller = Caller { scene, bearer, client, connection: round + 1, dice: Dice::of(seed, &part) };
            caller.call(planned(plan, &self.owners))
        });
        join_all(callers.collect::<Vec<_>>()).await;
    }

    fn break_connections(&self, dice: &Dice) {
        for owner in self.owners.iter().filter(|_| dice.permille(self.weather.away)) {
            let (after, time) = (dice.ms(0..30_000), dice.ms(200..20_000));
            let (broker, client) = (self.scene.cloud.broker.clone(), owner.client.clone());
            tokio::spawn(async move {
                sleep(after).await;
                broker.break_connection(&client, time);
            });
        }
    }

    /// Waits until nothing is left to be done; whether it came to that.
    async fn quiet(&self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            let idle = self.readers.iter().all(|reader| reader.load(Ordering::Relaxed));
            let Cloud { timers, retries, .. } = &*self.scene.cloud;
            if idle && timers.next_due().is_none() && retries.next_due().is_none() {
                // What is still under way arrives.
                sleep(Duration::from_secs(30)).await;
                if self.readers.iter().all(|reader| reader.load(Ordering::Relaxed)) {
                    return true;
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
        false
    }
}

fn owners(dice: &Dice, scene: &Scene, weather: &Weather) -> Vec<Owner> {
    let rush = dice.permille(300).then(|| dice.ms(500..3_000));
    let persons = dice.pick(&[1, 1, 1, 2, 2, 3]);
    let mut owners = vec![];
    for person in 0..persons {
        let bearer = scene.api.bearer(&format!("person{person}"), Role::User);
        for phone in 0..dice.within(1..if persons > 1 { 3 } else { 4 }) {
            let reach = dice.pick(&[Reach::Mqtt, Reach::Mqtt, Reach::Android, Reach::Ios, Reach::PushOnly]);
            let off = weather.phone_skew_ms;
            owners.push(Owner {
                client: format!("{}_phone{phone}", bearer.id),
                bearer: bearer.clone(),
                reach,
                knows_the_time: dice.permille(500),
                ahead_ms: i64::try_from(dice.within(0..2 * off + 1)).unwrap() - i64::try_from(off).unwrap(),
                rush,
            });
        }
    }
    owners
}
