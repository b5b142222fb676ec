//! What happens, and when.

use std::collections::BTreeMap;

use ilock_client_core::{Event, Input, Lost, Output};
use serde_json::Value;

use crate::backend::{Backend, Mail, party};
use crate::device::Device;
use crate::random::Random;

/// For so long things go wrong; then all is well.
const BAD_MS: u64 = 90_000;
/// For so long in the long stories, in which a client forgets calls that are over.
const LONG_MS: u64 = 900_000;
/// Everything that is tried at all is tried for less than this.
const GOOD_MS: u64 = 900_000;
/// No story is longer.
const STEPS: u32 = 60_000;
pub const NAMES: [&str; 5] = ["anna_a", "anna_b", "ben_a", "door_1", "gate_1"];

pub enum Happens {
    /// To the client, unless its process has ended.
    Input(u32, Input),
    /// A request reaches the backend; its answer goes back after so long, or is lost.
    Request {
        process: u32,
        id: u64,
        path: String,
        body: Value,
        key: Option<String>,
        back: Option<u64>,
    },
    Mail(Mail),
    Network(bool),
    /// The person does something.
    Act,
    /// A call is made while all is well: this is its next step.
    Last(u8),
}

pub struct Story {
    pub random: Random,
    pub backend: Backend,
    pub devices: Vec<Device>,
    events: BTreeMap<(u64, u64), (usize, Happens)>,
    count: u64,
    pub now: u64,
    /// When all is well again.
    well: u64,
    /// Whether an app saves its state only now and then.
    pub stale: bool,
    /// Whether it is told, and what is told.
    told: bool,
    pub log: Vec<String>,
}

impl Story {
    pub fn new(seed: u64, told: bool) -> Self {
        let mut random = Random::new(seed);
        let mut backend = Backend::default();
        for name in NAMES {
            backend.clients.entry(party(name).into()).or_default().push(name.into());
        }
        let devices = NAMES.iter().map(|name| Device::new(name, random.bytes())).collect();
        Self {
            random,
            backend,
            devices,
            events: BTreeMap::new(),
            count: 0,
            now: 0,
            well: if seed.is_multiple_of(16) { LONG_MS } else { BAD_MS },
            stale: seed % 8 == 1,
            told,
            log: vec![],
        }
    }

    pub fn note(&mut self, device: usize, arrow: &str, what: &impl std::fmt::Debug) {
        if self.told {
            let text: String = format!("{what:?}").chars().take(330).collect();
            self.log.push(format!("{:>7} {} {arrow} {text}", self.now, NAMES[device]));
        }
    }

    pub fn is_bad(&self) -> bool {
        self.now < self.well
    }

    pub fn plan(&mut self, after: u64, device: usize, happens: Happens) {
        self.count += 1;
        self.events.insert((self.now + after, self.count), (device, happens));
    }

    /// What the device's process hears after so long, unless it has ended by then.
    pub fn tells(&mut self, after: u64, device: usize, input: Input) {
        let process = self.devices[device].process;
        self.plan(after, device, Happens::Input(process, input));
    }

    pub fn run(&mut self) -> Result<(), String> {
        for device in 0..self.devices.len() {
            self.input(device, Input::Start)?;
        }
        for n in 0..self.well / 2_000 {
            let at = n * 2_000 + self.random.below(2_000);
            let device = usize::try_from(self.random.below(NAMES.len() as u64)).unwrap();
            self.plan(at, device, Happens::Act);
        }
        let end = self.well + GOOD_MS;
        let mut healed = false;
        for _ in 0..STEPS {
            let wakes = self.devices.iter().enumerate();
            let wake = wakes.filter_map(|(index, device)| Some((device.client.wake_at()?, index))).min();
            let next = self.events.keys().next().copied();
            let at = wake.map(|(at, _)| at).into_iter().chain(next.map(|(at, _)| at)).min().unwrap_or(u64::MAX);
            if !healed && at >= self.well {
                healed = true;
                self.now = self.well;
                self.heal()?;
                continue;
            }
            if at > end {
                self.backend.tick(end);
                return self.judge();
            }
            self.now = self.now.max(at);
            self.backend.tick(self.now);
            self.bring();
            self.nobody_rings_too_long()?;
            match (wake, next) {
                (Some((wakes, device)), _) if wakes <= at => self.wake(device)?,
                (_, Some(key)) => {
                    let (device, happens) = self.events.remove(&key).unwrap();
                    self.happens(device, happens)?;
                }
                _ => {}
            }
        }
        Err("goes on for ever".into())
    }

    fn wake(&mut self, device: usize) -> Result<(), String> {
        for _ in 0..3 {
            self.input(device, Input::Tick)?;
            if self.devices[device].client.wake_at().is_none_or(|again| again > self.now) {
                return Ok(());
            }
        }
        Err(format!("{} is woken for ever", NAMES[device]))
    }

    fn happens(&mut self, device: usize, happens: Happens) -> Result<(), String> {
        match happens {
            Happens::Input(process, input) if self.devices[device].process == process => self.input(device, input),
            Happens::Input(..) => Ok(()),
            Happens::Request { process, id, path, body, key, back } => {
                let name = NAMES[device];
                let answer = self.backend.request(name, &path, &body, key.as_deref(), self.now);
                self.bring();
                if !self.backend.registered.contains(name) {
                    // Whoever is put out is cut off.
                    let connection = self.devices[device].connection;
                    (self.devices[device].session, self.devices[device].online) = (false, None);
                    self.tells(50, device, Input::Disconnected { connection, reason: Lost::Network });
                }
                match back {
                    Some(back) => self.answer(device, process, id, answer, back),
                    None => self.plan(10_000, device, Happens::Input(process, Input::HttpFailed { id })),
                }
                Ok(())
            }
            Happens::Mail(mail) => self.mail(device, mail),
            Happens::Network(there) => self.network(device, there),
            Happens::Act => self.act(device),
            Happens::Last(step) => self.last(step),
        }
    }

    pub fn input(&mut self, device: usize, input: Input) -> Result<(), String> {
        if !matches!(input, Input::Tick) {
            self.note(device, "<-", &input);
        }
        let must_show = matches!(input, Input::Push { must_show: true, .. });
        let outputs = self.devices[device].client.handle(self.now, input);
        let mut commands = vec![];
        let (mut rings, mut logs_in) = (false, false);
        for output in outputs {
            self.note(device, "->", &output);
            match output {
                Output::Do(command) => commands.push(command),
                Output::Event(event) => {
                    rings |= matches!(event, Event::Ring { .. });
                    logs_in |= matches!(event, Event::LoggedOut { .. }) && !self.is_bad();
                    let this = &mut self.devices[device];
                    this.app.sees(&event).map_err(|error| format!("{}: {error}", this.name))?;
                }
            }
        }
        if self.stale && self.random.percent(50) {
            self.devices[device].kept = self.devices[device].client.save();
        }
        if must_show && !rings {
            return Err(format!("{} did not show what it must", NAMES[device]));
        }
        if logs_in {
            self.tells(1_000, device, Input::LoggedIn);
        }
        for command in commands {
            self.does(device, command);
        }
        Ok(())
    }
}
