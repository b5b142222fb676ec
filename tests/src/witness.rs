//! A witness (C2SP tlog-witness) for tests, asked by HTTP as any other; and what a bad one does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_proof::{Checkpoint, KeyUse, Node, Policy, SignKey, TreeHead, VerifyKey, verify_consistency};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How a witness answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// As the specification says.
    Good,
    /// It never answers.
    Hangs,
    /// With this status and text, whatever it is asked.
    Answers(u16, String),
    /// By sending the asker somewhere else, where all is well.
    Redirects(String),
    /// With the cosignature of another checkpoint.
    CosignsAnother,
    /// As the specification says, and these lines behind its own.
    GoodAnd(Vec<String>),
}

/// A witness that runs until it is dropped.
pub struct TestWitness {
    pub url: String,
    own: Arc<Own>,
    _stop: DropGuard,
}

struct Own {
    key: SignKey,
    /// The keys of the log.
    logs: Vec<VerifyKey>,
    manner: Mutex<Manner>,
    last: Mutex<TreeHead>,
    /// The old size of each question, and the status of its answer.
    asked: Mutex<Vec<(u64, u16)>>,
}

impl TestWitness {
    /// The witness `name`, which knows a log by these keys.
    pub async fn start(name: &str, logs: &[&VerifyKey], manner: Manner) -> Self {
        let seed = <[u8; 32]>::try_from(ilock_proof::digest(name.as_bytes()).as_bytes()[..32].to_vec()).unwrap();
        let own = Arc::new(Own {
            key: SignKey::for_use(name, KeyUse::Witness, &seed).unwrap(),
            logs: logs.iter().copied().cloned().collect(),
            manner: Mutex::new(manner),
            last: Mutex::new(TreeHead { size: 0, root: ilock_proof::empty_root() }),
            asked: Mutex::default(),
        });
        let routes = Router::new().route("/w/add-checkpoint", post(answer)).with_state(own.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/w/", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move { axum::serve(listener, routes).await }));
        Self { url, own, _stop: stop.drop_guard() }
    }

    pub fn key(&self) -> &VerifyKey {
        self.own.key.verify_key()
    }

    pub fn behaves(&self, manner: Manner) {
        *self.own.manner.lock().unwrap() = manner;
    }

    /// The old size of each question so far, and the status of its answer.
    pub fn asked(&self) -> Vec<(u64, u16)> {
        self.own.asked.lock().unwrap().clone()
    }
}

/// A policy under which `least` of `witnesses` must have cosigned.
pub fn policy(witnesses: &[&TestWitness], least: usize) -> Policy {
    let lines =
        witnesses.iter().enumerate().map(|(n, witness)| format!("witness W{n} {} {}\n", witness.key(), witness.url));
    let names: Vec<String> = (0..witnesses.len()).map(|n| format!("W{n}")).collect();
    Policy::read(&format!("{}group enough {least} {}\nquorum enough\n", lines.collect::<String>(), names.join(" ")))
        .unwrap()
}

async fn answer(State(own): State<Arc<Own>>, body: String) -> Response {
    let manner = own.manner.lock().unwrap().clone();
    let old = body.lines().next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    if matches!(manner, Manner::Hangs) {
        own.asked.lock().unwrap().push((old, 0));
        std::future::pending::<()>().await;
    }
    let answer = match manner {
        Manner::Answers(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Manner::Redirects(url) => Redirect::temporary(&url).into_response(),
        Manner::CosignsAnother => own.key.cosign("other\n1\nAAAA\n", 1_764_000_000).to_string().into_response(),
        _ => match own.judge(&body) {
            Err((status, text)) => (status, text).into_response(),
            Ok(line) => {
                let more = if let Manner::GoodAnd(lines) = manner { lines } else { vec![] };
                [vec![line], more].concat().into_iter().map(|line| line + "\n").collect::<String>().into_response()
            }
        },
    };
    own.asked.lock().unwrap().push((old, answer.status().as_u16()));
    answer
}

impl Own {
    /// What C2SP tlog-witness has a witness check, in its order.
    fn judge(&self, body: &str) -> Result<String, (StatusCode, String)> {
        let no = |status: StatusCode| (status, String::new());
        let (head, note) = body.split_once("\n\n").ok_or(no(StatusCode::BAD_REQUEST))?;
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let node = |line: &str| Node::try_from(STANDARD.decode(line).ok()?).ok();
        let proof: Option<Vec<Node>> = lines.map(node).collect();
        let proof = proof.filter(|proof| proof.len() <= 63).ok_or(no(StatusCode::BAD_REQUEST))?;
        let checkpoint = Checkpoint::read(note).map_err(|_| no(StatusCode::BAD_REQUEST))?;
        if checkpoint.origin != self.logs[0].name() {
            return Err(no(StatusCode::NOT_FOUND));
        }
        checkpoint.verify(&self.logs).map_err(|_| no(StatusCode::FORBIDDEN))?;
        if old > checkpoint.head.size {
            return Err(no(StatusCode::BAD_REQUEST));
        }
        let mut last = self.last.lock().unwrap();
        if old != last.size {
            return Err((StatusCode::CONFLICT, format!("{}\n", last.size)));
        }
        verify_consistency(&last, &checkpoint.head, &proof).map_err(|_| no(StatusCode::UNPROCESSABLE_ENTITY))?;
        *last = checkpoint.head;
        Ok(self.key.cosign(checkpoint.note.text(), 1_764_000_000).to_string())
    }
}
