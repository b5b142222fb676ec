//! A witness that takes a while, and sometimes too long.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use ilock_log::ledger::{WitnessAnswer, WitnessClient, WitnessError};
use ilock_proof::{Checkpoint, KeyUse, Node, SignKey, TreeHead, verify_consistency};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cloud::Network;
use crate::time::Time;

pub struct SimulatedWitness {
    pub key: SignKey,
    pub network: Arc<Network>,
    pub time: Time,
    last: Mutex<TreeHead>,
    /// What it refused for good: no ledger of ours may be told that.
    pub refused: Mutex<Vec<String>>,
}

impl SimulatedWitness {
    pub fn new(network: Arc<Network>, time: Time) -> Self {
        let key = SignKey::for_use("witness.simulated", KeyUse::Witness, &[5; 32]).unwrap();
        let last = Mutex::new(TreeHead { size: 0, root: ilock_proof::empty_root() });
        Self { key, network, time, last, refused: Mutex::default() }
    }

    fn answer(&self, body: &str) -> WitnessAnswer {
        let says = |status: u16, body: String| WitnessAnswer { status, body };
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<Node> = lines.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
        let checkpoint = Checkpoint::read(note).unwrap();
        let mut last = self.last.lock().unwrap();
        if old != last.size {
            return says(409, format!("{}\n", last.size));
        }
        if let Err(bad) = verify_consistency(&last, &checkpoint.head, &proof) {
            self.refused.lock().unwrap().push(format!("{old} to {}: {bad}", checkpoint.head.size));
            return says(422, String::new());
        }
        *last = checkpoint.head;
        let at = u64::try_from(self.time.now().0 / 1000).unwrap();
        says(200, format!("{}\n", self.key.cosign(checkpoint.note.text(), at)))
    }
}

impl WitnessClient for SimulatedWitness {
    fn post(&self, _: String, body: String) -> BoxFuture<'_, Result<WitnessAnswer, WitnessError>> {
        Box::pin(async move {
            if self.network.chance(self.network.weather.lost_requests) {
                return Err(WitnessError("the connection broke".into()));
            }
            let slow = self.network.chance(self.network.weather.slow_requests * 3);
            tokio::time::sleep(self.network.dice.ms(if slow { 2_000..9_000 } else { 100..2_000 })).await;
            let answer = self.answer(&body);
            if self.network.chance(self.network.weather.lost_answers) {
                return Err(WitnessError("the connection broke".into()));
            }
            Ok(answer)
        })
    }
}
