//! Clients whose clock is wrong by forty seconds or ten minutes, as those of phones and door stations often are. Here it is the backend's clock
//! that is wrong, with the `Date` of its answers, and the clients run by that of the machine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ilock_auth::Role;
use ilock_client::{AccessTokens, Builder, Ending, Event, Press, door, phone};
use ilock_client_core::{Client, Command, Config, Input, Method, Output};
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::parties::{session_token, token_at};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::client::{ends, enters, enters_answered, online, rings, seen, server};

/// By how much the backend's clock is ahead of that of the clients: theirs is slow, and fast.
const AHEAD_MS: [i64; 4] = [40_000, -40_000, 600_000, -600_000];

async fn ahead(ms: i64) -> World {
    let clock = Clock::new(move || Clock::system().now().plus(ms));
    World::with(Options { clock, ..Options::anywhere() }).await
}

/// The login service's clock agrees with the backend's.
fn tokens(world: &World, id: &str, role: Role) -> AccessTokens {
    AccessTokens::fixed(token_at(id, role, "default", world.stack.calls.clock.now()))
}

fn phone_of(world: &World, id: &str) -> Builder {
    phone(&server(world), tokens(world, id, Role::User))
}

/// RocketChat.ReactNative#7263, Signal-Android#8330: "phone 40 s ahead with a 30 s ring: prints `ready`, never rings, says
/// nothing".
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_clock_is_wrong_rings_until_the_deadline_and_says_that_the_call_was_missed() {
    for ms in AHEAD_MS {
        let world = ahead(ms).await;
        let (_anna, mut phone) = online(phone_of(&world, "anna")).await;
        let (panel, mut pressed) = online(door(&server(&world), tokens(&world, "device123", Role::Device))).await;
        let pressed_at = Instant::now();
        panel.press(Press::person("anna").ring_seconds(5));
        let call = rings(&mut phone).await;
        let rang_at = Instant::now();
        let stops = |event: &Event| match event {
            Event::StopRinging { why, .. } => Some(*why),
            _ => None,
        };
        assert_eq!(seen(&mut phone, stops).await, Ending::Missed);
        let (rang, whole) = (rang_at.elapsed().as_millis(), pressed_at.elapsed().as_millis());
        assert!(whole >= 4_900, "silent {whole} ms after the press, with a clock that is {ms} ms wrong");
        // The backend would end it at seven seconds.
        assert!(rang < 6_300, "rang for {rang} ms, with a clock that is {ms} ms wrong");
        assert_eq!(ends(&mut phone).await, Ending::Missed);
        assert_eq!(ends(&mut pressed).await, Ending::Missed);
        assert!(timeout(Duration::from_secs(2), rings(&mut phone)).await.is_err(), "it rang again");
        let listed = world.user("anna").gets("/api/calls").await.ok();
        assert_eq!((&listed["calls"][0]["state"], &listed["unseen"]), (&json!("missed"), &json!(1)), "{listed}");
        assert_eq!(listed["calls"][0]["call_id"], call);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_and_a_phone_whose_clocks_are_wrong_call_answer_and_hang_up() {
    for ms in AHEAD_MS {
        let world = ahead(ms).await;
        let (anna, mut phone) = online(phone_of(&world, "anna")).await;
        let (panel, mut pressed) = online(door(&server(&world), tokens(&world, "device123", Role::Device))).await;
        panel.press(Press::person("anna"));
        let call = rings(&mut phone).await;
        anna.answer(&call);
        let (inside, outside) = (enters(&mut phone).await, enters_answered(&mut pressed).await);
        assert_eq!(inside.room_id, outside.room_id);
        anna.hang_up(&call, None);
        assert_eq!(ends(&mut phone).await, Ending::Ended);
        assert_eq!(ends(&mut pressed).await, Ending::Ended);
        world.end().await;
    }
}

/// A registration, by the backend's clock: when it was made, and until when its password works.
struct Registered {
    at: Millis,
    until: Millis,
}

/// The core of a phone, whose steady clock goes on together with the backend's.
struct Driven {
    core: Client,
    steady: u64,
    backend: Arc<AtomicI64>,
    http: reqwest::Client,
    server: String,
    token: String,
    tokens_asked: u32,
    registered: Vec<Registered>,
    told: Vec<Event>,
}

impl Driven {
    fn new(world: &World, backend: Arc<AtomicI64>) -> Self {
        let core = Client::new(Config::new(ilock_client_core::Role::Phone, "phone".into()), vec![7; 32]).unwrap();
        let token = session_token("anna", Role::User, None, Millis(backend.load(Ordering::SeqCst)));
        let (http, server) = (reqwest::Client::new(), server(world));
        Self { core, steady: 0, backend, http, server, token, tokens_asked: 0, registered: vec![], told: vec![] }
    }

    fn backend_now(&self) -> Millis {
        Millis(self.backend.load(Ordering::SeqCst))
    }

    /// Takes an input, and does what the core asks for then. The broker lets everybody in.
    async fn take(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.core.handle(self.steady, input) {
                match output {
                    Output::Do(Command::Request { id, method, path, body, .. }) => {
                        inputs.push_back(self.requests(id, method, &path, body).await);
                    }
                    Output::Do(Command::Connect { connection, .. }) => {
                        inputs.push_back(Input::Connected { connection, session_present: false });
                    }
                    Output::Do(Command::Subscribe { connection, .. }) => {
                        inputs.push_back(Input::Subscribed { connection, granted: true });
                    }
                    Output::Do(Command::NeedToken) => {
                        self.token = session_token("anna", Role::User, None, self.backend_now());
                        self.tokens_asked += 1;
                        inputs.push_back(Input::TokenRenewed);
                    }
                    Output::Do(Command::Disconnect) => {}
                    Output::Event(event) => self.told.push(event),
                }
            }
        }
    }

    async fn requests(&mut self, id: u64, method: Method, path: &str, body: Option<String>) -> Input {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (retry_after, date, status) = (header("retry-after"), header("date"), answer.status().as_u16());
        let body = answer.text().await.unwrap();
        if path.ends_with("/register") && status == 200 {
            let answered: Value = serde_json::from_str(&body).unwrap();
            let until = Millis(answered["data"]["mqtt_credentials"]["expires_at"].as_i64().unwrap());
            self.registered.push(Registered { at: self.backend_now(), until });
        }
        Input::HttpAnswer { id, status, retry_after, date, body }
    }

    /// Nothing happens until the core wakes.
    async fn sleeps(&mut self) {
        let slept = self.core.wake_at().unwrap().saturating_sub(self.steady).max(1);
        self.steady += slept;
        self.backend.fetch_add(i64::try_from(slept).unwrap(), Ordering::SeqCst);
        self.take(Input::Tick).await;
    }
}

/// Passwords work for five minutes and access tokens for an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_clock_is_wrong_renews_its_password_and_its_token_in_time() {
    for ms in AHEAD_MS {
        let backend = Arc::new(AtomicI64::new(Clock::system().now().plus(ms).0));
        let read = backend.clone();
        let clock = Clock::new(move || Millis(read.load(Ordering::SeqCst)));
        let settings = Box::new(|name: &str| (name == "MQTT_TOKEN_SECONDS").then(|| "300".to_owned()));
        let world = World::with(Options { clock, settings, ..Options::anywhere() }).await;
        let mut phone = Driven::new(&world, backend);
        phone.take(Input::Start).await;
        while phone.steady < 4_500_000 {
            phone.sleeps().await;
        }
        assert!(phone.registered.len() >= 18, "{}", phone.registered.len());
        for renewed in phone.registered.windows(2) {
            let left = renewed[0].until.since(renewed[1].at);
            assert!((58_000..=121_000).contains(&left), "renewed {left} ms before the end");
        }
        assert_eq!(phone.tokens_asked, 1);
        assert!(matches!(phone.told[..], [Event::Online { .. }]), "{:?}", phone.told);
        world.end().await;
    }
}
