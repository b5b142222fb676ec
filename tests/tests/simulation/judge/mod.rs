//! The judgement of one simulation, when all is over.

mod answers;
mod beside;
mod deliveries;
mod due;
mod log;
mod record;
mod rings;

use std::collections::BTreeSet;

use ilock_directory::Directory;
use ilock_events::{CallId, Party, PartyKind};
use ilock_log::EventLog;

use crate::cloud::Written;
use crate::phone::Owner;
use crate::scene::Scene;
use beside::Beside;
use deliveries::DeliveryCheck;
use record::Record;
use rings::Rings;

/// What is judged by, beside what the parties saw.
pub struct Court<'a> {
    pub scene: &'a Scene,
    pub log: EventLog,
    pub directory: Directory,
    pub owners: &'a [Owner],
    pub skew_ms: u64,
}

/// What became of a simulation.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What is wrong.
    pub found: Vec<String>,
    pub calls: usize,
    pub commits: usize,
    pub rings: usize,
}

impl Court<'_> {
    pub async fn judge(&self) -> Judgement {
        let Scene { cloud, facts, time, .. } = self.scene;
        let written = cloud.tables.written();
        let (handed, pushed) = (cloud.broker.handed(), cloud.push.pushed());
        let mut judgement = Judgement { rings: facts.rings.lock().unwrap().len(), ..Judgement::default() };
        // Whatever could still be told by then was told.
        let later = time.now().plus(86_400_000);
        let mut records = vec![];
        for call_id in calls(&written) {
            let found = &mut judgement.found;
            let stored = self.log.stored(&CallId::new(&call_id).unwrap()).await.unwrap();
            let record = match Record::read(stored) {
                Ok(record) => record,
                Err(why) => {
                    found.push(format!("{call_id}: {why}"));
                    continue;
                }
            };
            judgement.calls += 1;
            judgement.commits += record.commits.len();
            log::judge(&record, &written, later, found);
            DeliveryCheck { handed: &handed, pushed: &pushed, owners: self.owners }.judge(&record, found);
            let skew_ms = self.skew_ms;
            Rings { facts, time: *time, written: &written, handed: &handed, skew_ms }.judge(&record, found);
            answers::judge(&record, facts, time, self.skew_ms, found);
            self.judge_history(&record, found).await;
            records.push(record);
        }
        records.retain(beside::begins);
        let beside = Beside { records: &records, written: &written, time: *time, skew_ms: self.skew_ms };
        beside.judge(&mut judgement.found);
        self.judge_presses(&mut judgement.found);
        for letter in cloud.timers.dead().into_iter().chain(cloud.retries.dead()) {
            judgement.found.push(format!("a dead letter: {}", letter.body));
        }
        judgement
    }

    async fn judge_history(&self, record: &Record, found: &mut Vec<String>) {
        let last = record.commits.last().unwrap();
        let callees = record.placed.callees.iter();
        let callees = callees.map(|callee| Party { kind: PartyKind::User, id: callee.id.clone() });
        for party in callees.chain([record.placed.caller.clone()]) {
            let party = &party;
            let page = self.directory.history(&record.tenant, party, 50, None).await.unwrap().unwrap();
            let row = page.entries.iter().find(|entry| entry.call_id.as_str() == record.id());
            if row.map(|row| row.state) != Some(last.state) {
                found.push(format!("{}: the history of {} says {:?}", record.id(), party.id, row.map(|row| row.state)));
            }
        }
    }

    fn judge_presses(&self, found: &mut Vec<String>) {
        for press in &*self.scene.facts.presses.lock().unwrap() {
            let calls: BTreeSet<&String> = press.calls.iter().collect();
            if calls.len() > 1 {
                found.push(format!("{}: one press, several calls: {calls:?}", press.caller));
            }
        }
    }
}

fn calls(written: &[Written]) -> BTreeSet<String> {
    written.iter().map(|written| written.call_id.clone()).collect()
}
