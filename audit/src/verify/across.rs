//! Calls beside each other: in the order in which they were placed, each once, no two in one room at a time; and all of them of
//! the days and tenants that an export says it holds.

use std::collections::HashMap;

use ilock_events::{Day, Millis};

use crate::verify::call::Span;
use crate::verify::times::SKEW_MS;
use crate::{Finding, Header, Kind};

/// From so many rooms on, those that are free again are let go.
const ROOMS: usize = 1024;

/// One call, as far as others are held against it.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour<'a> {
    pub call_id: &'a str,
    /// When it is said to be placed.
    pub at: Millis,
    pub span: Option<&'a Span>,
    /// Whether personal text was asked for.
    pub with_personal: bool,
}

/// Holds calls against each other. They come in the order in which they were placed.
#[derive(Debug, Default)]
pub struct CallsTogether {
    /// What an export says that it holds; none where nothing says so.
    pub header: Option<Header>,
    from: Option<Millis>,
    to: Option<Millis>,
    last: Option<(Millis, String)>,
    /// Which call has each room, and until when. Rooms that are free again are let go: as many stay as calls are open at once.
    rooms: HashMap<u32, (Millis, String)>,
    sweep_at: usize,
}

impl CallsTogether {
    /// Takes in what an export says of itself.
    pub fn head(&mut self, header: Header) -> Option<Finding> {
        let day = |text: &Option<String>| text.as_ref().map(|text| text.parse::<Day>()).transpose();
        let (Ok(from), Ok(to)) = (day(&header.from), day(&header.to)) else {
            return Some(Finding::new(Kind::Changed, "the export's head names days that the calendar has not"));
        };
        let backwards = from.as_ref().zip(to.as_ref()).is_some_and(|(from, to)| from > to);
        self.from = from.map(|day| day.begins());
        self.to = to.map(|day| day.plus(1).begins());
        self.header = Some(header);
        backwards.then(|| Finding::new(Kind::Changed, "the export's head names a first day behind the last"))
    }

    /// Takes in the next call; `in_place` where it stands where it belongs.
    pub fn call(&mut self, call: Neighbour<'_>, in_place: bool) -> Vec<Finding> {
        let mut found: Vec<(Kind, String)> = vec![];
        self.holds(&call, &mut found);
        if in_place {
            self.order(&call, &mut found);
        }
        if let Some(span) = call.span {
            self.room(span, call.call_id, &mut found);
        }
        let of_call = |(kind, why)| Finding { call_id: Some(call.call_id.to_owned()), ..Finding::new(kind, why) };
        found.into_iter().map(of_call).collect()
    }

    /// Whether the export says that it holds such a call.
    fn holds(&self, call: &Neighbour<'_>, found: &mut Vec<(Kind, String)>) {
        let Some(header) = &self.header else { return };
        if self.from.is_some_and(|from| call.at < from) || self.to.is_some_and(|to| call.at >= to) {
            found.push((Kind::OutOfOrder, "the export's head says that it holds no calls of this day".into()));
        }
        let foreign = |span: &&Span| !header.tenants.iter().any(|tenant| tenant == span.tenant.as_str());
        if let Some(span) = call.span.filter(foreign).filter(|_| !header.tenants.is_empty()) {
            let why = format!("the export's head says that it holds no calls of tenant {}", span.tenant);
            found.push((Kind::OutOfOrder, why));
        }
        match (header.with_personal, call.with_personal) {
            (true, false) => {
                found.push((Kind::Missing, "personal text, which the export's head says that it holds".into()));
            }
            (false, true) => {
                let why = "it has personal text, and the export's head says that it holds none";
                found.push((Kind::Changed, why.into()));
            }
            _ => {}
        }
    }

    fn order(&mut self, call: &Neighbour<'_>, found: &mut Vec<(Kind, String)>) {
        if let Some((at, id)) = &self.last {
            match (call.at, call.call_id).cmp(&(*at, id.as_str())) {
                std::cmp::Ordering::Greater => {}
                std::cmp::Ordering::Equal => found.push((Kind::Forked, "the call stands there twice".into())),
                std::cmp::Ordering::Less => {
                    found.push((Kind::OutOfOrder, "the call was placed before the one above it".into()));
                }
            }
        }
        match &mut self.last {
            Some((at, id)) => {
                *at = call.at;
                id.clear();
                id.push_str(call.call_id);
            }
            last => *last = Some((call.at, call.call_id.to_owned())),
        }
    }

    /// A room is leased to one call for a day.
    fn room(&mut self, span: &Span, call_id: &str, found: &mut Vec<(Kind, String)>) {
        let held = self.rooms.get_mut(&span.room.number());
        if let Some((until, other)) = held {
            if until.since(span.from) > SKEW_MS && other != call_id {
                let why = format!(
                    "call {other} was in its room, {}, until {} ms after it was placed",
                    span.room,
                    until.since(span.from)
                );
                found.push((Kind::OutOfOrder, why));
            }
            if *until < span.until {
                *until = span.until;
                call_id.clone_into(other);
            }
        } else {
            self.rooms.insert(span.room.number(), (span.until, call_id.to_owned()));
        }
        if self.rooms.len() > self.sweep_at.max(ROOMS) {
            self.rooms.retain(|_, (until, _)| until.plus(SKEW_MS) > span.from);
            self.sweep_at = self.rooms.len() * 2;
        }
    }
}
