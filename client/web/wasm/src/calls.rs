//! What JavaScript can ask for.

use std::cell::RefCell;

use ilock_client_core::{Client, Config, Input, Output};
use serde::{Deserialize, Serialize};

thread_local! {
    /// The clients of this page, by the number that JavaScript knows them by.
    static CLIENTS: RefCell<Vec<Option<Client>>> = const { RefCell::new(vec![]) };
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Call {
    /// A client that has never run.
    New { config: Config, seed: Vec<u8> },
    /// A client that goes on from a saved state.
    Restore { config: Config, seed: Vec<u8>, saved: String },
    /// Something happened at this time of a steady clock, in milliseconds.
    Handle { client: usize, now: u64, input: Input },
    /// The state of a client, as text.
    Save { client: usize },
    /// A client that is not needed any more.
    Drop { client: usize },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Client(usize),
    Done { outputs: Vec<Output>, wake_at: Option<u64>, client_id: Option<String>, acting: bool },
    Saved(String),
    Dropped {},
    Error(String),
}

/// Answers a call, both as JSON.
pub fn answer(call: &[u8]) -> String {
    let answer = match serde_json::from_slice(call) {
        Ok(call) => CLIENTS.with_borrow_mut(|clients| carry_out(clients, call)),
        Err(error) => Answer::Error(format!("the call cannot be read: {error}")),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

fn carry_out(clients: &mut Vec<Option<Client>>, call: Call) -> Answer {
    match call {
        Call::New { config, seed } => added(clients, Client::new(config, seed)),
        Call::Restore { config, seed, saved } => added(clients, Client::restore(config, seed, &saved)),
        Call::Handle { client, now, input } => match found(clients, client) {
            Some(client) => {
                let outputs = client.handle(now, input);
                let (wake_at, client_id) = (client.wake_at(), client.client_id());
                Answer::Done { outputs, wake_at, client_id, acting: client.is_acting() }
            }
            None => closed(client),
        },
        Call::Save { client } => match found(clients, client) {
            Some(client) => Answer::Saved(client.save()),
            None => closed(client),
        },
        Call::Drop { client } => {
            if let Some(place) = clients.get_mut(client) {
                *place = None;
            }
            Answer::Dropped {}
        }
    }
}

fn added<E: ToString>(clients: &mut Vec<Option<Client>>, client: Result<Client, E>) -> Answer {
    let client = match client {
        Ok(client) => client,
        Err(error) => return Answer::Error(error.to_string()),
    };
    // A number is never given twice: who uses that of a closed client is told so.
    clients.push(Some(client));
    Answer::Client(clients.len() - 1)
}

fn found(clients: &mut [Option<Client>], client: usize) -> Option<&mut Client> {
    clients.get_mut(client).and_then(Option::as_mut)
}

fn closed(client: usize) -> Answer {
    Answer::Error(format!("client {client} has been closed: make another one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_used_saved_and_dropped() {
        let made =
            r#"{"op":"new","config":{"role":"phone","client_id":"p"},"seed":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"#;
        assert_eq!(answer(made.as_bytes()), r#"{"client":0}"#);
        let started = answer(br#"{"op":"handle","client":0,"now":5,"input":{"type":"start"}}"#);
        assert!(started.contains("/api/mqtt/clients/register") && started.contains(r#""wake_at":15005"#), "{started}");
        assert!(answer(br#"{"op":"save","client":0}"#).starts_with(r#"{"saved":"#));
        assert_eq!(answer(br#"{"op":"drop","client":0}"#), r#"{"dropped":{}}"#);
        assert!(answer(br#"{"op":"save","client":0}"#).contains("has been closed"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        assert!(answer(b"{").starts_with(r#"{"error":"the call cannot be read"#));
        let short = answer(br#"{"op":"new","config":{"role":"door","client_id":"p"},"seed":[]}"#);
        assert!(short.contains("16 bytes"), "{short}");
    }

    #[test]
    fn a_press_for_no_number_of_seconds_is_refused_with_the_field_and_what_would_be_right() {
        for seconds in ["-5", "7.5"] {
            let press = format!(r#"{{"type":"press","callees":["user456"],"ring_seconds":{seconds}}}"#);
            let said = answer(format!(r#"{{"op":"handle","client":0,"now":5,"input":{press}}}"#).as_bytes());
            let right = format!("ring_seconds must be a whole number, 5 to 120, not {seconds}");
            assert!(said.starts_with(r#"{"error":"#) && said.contains(&right), "{said}");
        }
    }
}
