//! The story as a sequence diagram: who spoke to whom. Written as Mermaid, and drawn as SVG by [`crate::replay::html`].

use std::collections::HashMap;
use std::fmt::Write as _;

use ilock_events::{Address, ClientName, PartyAddress};

use crate::replay::deed::deed;
use crate::replay::step::{Step, What};
use crate::replay::story::Story;
use crate::replay::times::seconds;
use crate::visible;

/// The one in the middle.
pub(super) const BACKEND: &str = "iLock Call";

/// Somebody says something to somebody.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) says: String,
    pub(super) when: String,
    pub(super) lost: bool,
}

/// Who takes part, from left to right, and what they say.
pub(super) struct Diagram {
    pub(super) lanes: Vec<String>,
    pub(super) arrows: Vec<Arrow>,
    /// The lane of each name, and of the parties' addresses, which stand in topics.
    known: HashMap<String, usize>,
}

impl Diagram {
    pub(super) fn of(story: &Story) -> Self {
        let (caller, callees) = match &story.placed {
            Some(placed) => {
                let callees = placed.terms.callees.iter().map(|callee| callee.id.to_string()).collect();
                (placed.terms.caller.id.to_string(), callees)
            }
            None => ("caller".to_owned(), vec!["callee".to_owned()]),
        };
        let lanes: Vec<String> = [caller, BACKEND.to_owned()].into_iter().chain(callees).collect();
        // Where two have one name, the first of them has it; a party's name goes before another's address.
        let addresses = addresses(story).into_iter().map(|(address, lane)| (address.to_string(), lane));
        let names = lanes.iter().cloned().zip(0..);
        let mut known = HashMap::new();
        for (name, lane) in names.chain(addresses) {
            known.entry(name).or_insert(lane);
        }
        let mut diagram = Self { lanes, arrows: vec![], known };
        for step in &story.steps {
            let arrow = diagram.arrow(step, story);
            diagram.arrows.push(arrow);
        }
        diagram
    }

    fn arrow(&mut self, step: &Step, story: &Story) -> Arrow {
        let when = seconds(step.since_placed);
        match &step.what {
            What::Commit(done) => Arrow {
                from: self.lane(&done.by),
                to: 1,
                says: format!("{} {} → {}", step.n, deed(step, done, story), done.state.word()),
                when,
                lost: false,
            },
            What::Delivery(told) => {
                let says = told.says.as_deref().unwrap_or("something");
                let detail = match &told.handed.error {
                    None => format!("{} ms", told.handed.ms),
                    Some(error) => error.clone(),
                };
                let target = &told.handed.target;
                let topic = address_in(target).unwrap_or(target);
                Arrow {
                    from: 1,
                    to: self.lane(told.phone.as_ref().map_or(topic, ClientName::as_str)),
                    says: format!("{says} ({}, {detail})", told.handed.carrier.word()),
                    when,
                    lost: told.handed.error.is_some(),
                }
            }
        }
    }

    /// The lane of `name`: phones stand beside the person, the timer and the backend itself in the middle.
    fn lane(&mut self, name: &str) -> usize {
        if name == "timer" || name == "system" {
            return 1;
        }
        if let Some(lane) = self.known.get(name) {
            return *lane;
        }
        let lane = self.lanes.len();
        self.lanes.push(name.to_owned());
        self.known.insert(name.to_owned(), lane);
        lane
    }
}

fn addresses(story: &Story) -> Vec<(Address, usize)> {
    let Some(placed) = &story.placed else { return vec![] };
    let parties = [(placed.terms.caller.clone(), 0)].into_iter().chain(placed.callees().zip(2..));
    parties.map(|(party, lane)| (PartyAddress::of(&placed.tenant, &party).address, lane)).collect()
}

/// `user456` of `users/user456/calls/incoming`; a stack's prefix may stand before it.
fn address_in(topic: &str) -> Option<&str> {
    let mut segments = topic.split('/').skip_while(|segment| !matches!(*segment, "users" | "devices"));
    segments.nth(1)
}

/// A Mermaid sequence diagram.
#[must_use]
pub fn mermaid(story: &Story) -> String {
    let diagram = Diagram::of(story);
    let mut out = String::from("sequenceDiagram\n");
    let _ = writeln!(out, "    %% {}", plain(&story.call_id));
    for (lane, name) in diagram.lanes.iter().enumerate() {
        let _ = writeln!(out, "    participant p{lane} as {}", plain(name));
    }
    let last = diagram.lanes.len() - 1;
    let _ = writeln!(out, "    Note over p0,p{last}: {}", plain(&story.verdict.summary()));
    for finding in story.verdict.lines() {
        let _ = writeln!(out, "    Note over p0,p{last}: {}", plain(&finding));
    }
    for Arrow { from, to, says, when, lost } in &diagram.arrows {
        let line = if *lost { "--x" } else { "->>" };
        let _ = writeln!(out, "    p{from}{line}p{to}: {} {}", plain(when), plain(says));
    }
    if let Some(why) = &story.broken {
        let _ = writeln!(out, "    Note over p1: not sound, {}", plain(why));
    }
    if let Some(standing) = &story.standing {
        let state = standing.state.map_or("not known", ilock_events::CallState::word);
        let _ = writeln!(out, "    Note over p1: at {} {state}", plain(&seconds(standing.since_placed)));
    }
    out
}

/// Text that Mermaid takes for nothing but text: everything else than letters, digits and a few signs as `#code;`.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if c.is_alphanumeric() || " _-./,()→“”".contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
