//! This client, as client/conformance/live drives it: JSON lines in, JSON lines out. Its README has the form.
#![allow(clippy::print_stdout, reason = "the lines are what it is for")]

use std::env::var;
use std::error::Error;
use std::io::stdin;

use ilock_client::{AccessTokens, Event, Handle, Press, door, phone};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, tokens) = (var("CLIENT_SERVER")?, AccessTokens::fixed(var("CLIENT_TOKEN")?));
    let client = if var("CLIENT_ROLE")? == "door" { door(&server, tokens) } else { phone(&server, tokens) };
    let (client, mut events) = client.client_id(var("CLIENT_ID")?).start()?;
    let (lines, mut read) = unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    loop {
        tokio::select! {
            line = read.recv() => match line {
                Some(line) => carry_out(&client, &serde_json::from_str(&line)?),
                None => break,
            },
            event = events.next() => match event {
                Some(event) => tell(event),
                None => break,
            },
        }
    }
    client.close().await;
    Ok(())
}

fn carry_out(client: &Handle, command: &Value) {
    let text = |field: &str| command[field].as_str().unwrap_or_default();
    let call_id = text("call_id");
    match text("do") {
        "answer" => client.answer(call_id),
        "reject" => client.reject(call_id, None),
        "decline" => client.decline(call_id),
        "hang_up" => client.hang_up(call_id, None),
        "press" => client.press(Press::person(text("callee")).named("前门设备")),
        _ => {}
    }
}

fn tell(event: Event) {
    let line = match event {
        Event::Online { .. } => json!({ "event": "online" }),
        Event::Offline => json!({ "event": "offline" }),
        Event::Ring { call } => {
            json!({ "event": "ring", "call_id": call.call_id, "caller_name": call.caller_name })
        }
        Event::StopRinging { call_id, .. } => json!({ "event": "stop_ringing", "call_id": call_id }),
        Event::EnterRoom { call_id, room, .. } => {
            json!({ "event": "enter_room", "call_id": call_id, "room_id": room.room_id })
        }
        Event::LeaveRoom { call_id } => json!({ "event": "leave_room", "call_id": call_id }),
        Event::CallOver { call_id, .. } => json!({ "event": "call_over", "call_id": call_id }),
        Event::Progress { progress, call_id, .. } => {
            json!({ "event": "progress", "progress": format!("{progress:?}").to_lowercase(), "call_id": call_id })
        }
        Event::LoggedOut { .. } => json!({ "event": "logged_out" }),
        Event::TakenOver => json!({ "event": "taken_over" }),
        Event::Problem { problem } => json!({ "event": "problem", "code": problem.code }),
        _ => return,
    };
    println!("{line}");
}
