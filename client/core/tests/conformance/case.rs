//! One case: what happens to a client, and what it is to do.

use std::collections::BTreeMap;

use ilock_client_core::{Client, Config, Input};
use serde::Deserialize;
use serde_json::Value;

use crate::matching::{Bindings, filled};

/// More ticks than any case needs.
const TICKS: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    config: Config,
    /// The steps of this name come first.
    #[serde(default)]
    given: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How many milliseconds after the step before.
    #[serde(default)]
    after: u64,
    #[serde(default)]
    input: Option<Value>,
    /// The client wants to be woken between so many milliseconds and so many; then it is.
    #[serde(default)]
    wake: Option<[u64; 2]>,
    /// How many milliseconds pass, in which nothing is done but what `allow` names.
    #[serde(default)]
    quiet: Option<u64>,
    #[serde(default)]
    allow: Vec<String>,
    /// The process ends, and goes on from its saved state with another steady clock.
    #[serde(default)]
    restart: bool,
    #[serde(default)]
    expect: Vec<Value>,
}

struct Run {
    client: Client,
    config: Config,
    now: u64,
    bindings: Bindings,
}

impl Case {
    pub fn run(&self, given: &BTreeMap<String, Vec<Step>>) -> Result<(), String> {
        let client = Client::new(self.config.clone(), vec![7; 32]).map_err(|error| error.to_string())?;
        let mut run = Run { client, config: self.config.clone(), now: 0, bindings: Bindings::default() };
        let prelude = match &self.given {
            Some(name) => given.get(name).ok_or_else(|| format!("nothing is called {name} in given.json"))?.as_slice(),
            None => &[],
        };
        for (index, step) in prelude.iter().chain(&self.steps).enumerate() {
            run.step(step).map_err(|why| {
                let number = (index + 1).checked_sub(prelude.len()).filter(|number| *number > 0);
                let place = number.map_or_else(|| "before".to_owned(), |number| format!("step {number}"));
                format!("{place}: {why}")
            })?;
        }
        Ok(())
    }
}

impl Run {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(ms) = step.quiet {
            let mut outputs = self.pass(ms)?;
            outputs.retain(|output| !step.allow.iter().any(|kind| output["type"] == kind.as_str()));
            return self.bindings.expect(&[], &outputs);
        }
        if step.restart {
            let saved = self.client.save();
            self.client =
                Client::restore(self.config.clone(), vec![9; 32], &saved).map_err(|error| error.to_string())?;
            self.now = 5_000_000;
            return Ok(());
        }
        let outputs = if let Some([least, most]) = step.wake {
            let at = self.client.wake_at().ok_or("it waits for nothing")?;
            let wait = at.saturating_sub(self.now);
            if wait < least || wait > most {
                return Err(format!("it wants to be woken after {wait} ms, not after {least} to {most}"));
            }
            self.now = at;
            self.handle(Input::Tick)
        } else {
            let mut outputs = self.pass(step.after)?;
            let input = step.input.as_ref().ok_or("a step needs an input, wake, quiet or restart")?;
            let input = filled(input, &self.bindings)?;
            let input: Input = serde_json::from_value(input.clone()).map_err(|error| format!("{error}: {input}"))?;
            outputs.extend(self.handle(input));
            outputs
        };
        self.bindings.expect(&step.expect, &outputs)
    }

    fn handle(&mut self, input: Input) -> Vec<Value> {
        let outputs = self.client.handle(self.now, input);
        outputs.iter().map(|output| serde_json::to_value(output).unwrap()).collect()
    }

    /// Lets time pass, with every tick that the client asks for.
    fn pass(&mut self, ms: u64) -> Result<Vec<Value>, String> {
        let end = self.now + ms;
        let mut outputs = vec![];
        for _ in 0..TICKS {
            let Some(at) = self.client.wake_at().filter(|at| *at <= end && ms > 0) else {
                self.now = end;
                return Ok(outputs);
            };
            self.now = self.now.max(at);
            outputs.extend(self.handle(Input::Tick));
        }
        Err(format!("it asked for more than {TICKS} ticks"))
    }
}
