//! `GET /dev/room`: one party's WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use futures::{SinkExt, StreamExt};
use ilock_env::Clock;
use ilock_trtc::TrtcApp;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::admission::{Admitted, admit};
use super::media::forbidden;
use super::members::Members;
use super::message::{FromParty, Refused, ToParty};
use super::upgrade::{Socket, upgrade};

/// How many messages wait for a party that does not read.
const OUTBOX: usize = 256;
/// How long a party may take to show its credentials.
const ENTER_WITHIN: Duration = Duration::from_secs(10);

/// All rooms of this process.
#[derive(Clone)]
pub(crate) struct RoomState {
    app: Arc<TrtcApp>,
    clock: Clock,
    stop: CancellationToken,
    members: Members,
}

impl RoomState {
    /// Rooms of this application, until `stop`.
    pub(crate) fn new(app: TrtcApp, clock: Clock, stop: CancellationToken) -> Self {
        Self { app: Arc::new(app), clock, stop, members: Members::default() }
    }
}

pub(crate) fn routes(state: RoomState) -> Router {
    Router::new().route("/dev/room", get(room)).with_state(state)
}

async fn room(State(state): State<RoomState>, request: Request) -> Response {
    let stop = state.stop.clone();
    upgrade(request, async move |socket| {
        stop.run_until_cancelled(serve(socket, state)).await;
    })
}

/// Lets a party in, and serves it until it leaves.
async fn serve(mut socket: Socket, state: RoomState) {
    let Ok(Some(first)) = tokio::time::timeout(ENTER_WITHIN, read(&mut socket)).await else { return };
    let admitted = match first {
        Ok(FromParty::Enter(enter)) => admit(&state.app, &state.clock, enter),
        Ok(FromParty::Signal { .. }) => Err(bad_message("the first message must be of type enter".into())),
        Err(refused) => Err(refused),
    };
    let party = match admitted {
        Ok(party) => party,
        Err(refused) => {
            tracing::info!(?refused, "a party was not let into a room");
            let _ = send(&mut socket, &ToParty::Refused(refused)).await;
            let _ = socket.close(None).await;
            return;
        }
    };
    let (outbox, hears) = channel(OUTBOX);
    let connection = state.members.enter(&party, outbox);
    exchange(&mut socket, &state.members, &party, hears).await;
    state.members.leave(&party, connection);
    let _ = socket.close(None).await;
}

/// Carries messages both ways, until one side ends it.
async fn exchange(socket: &mut Socket, members: &Members, party: &Admitted, mut hears: Receiver<ToParty>) {
    loop {
        tokio::select! {
            heard = hears.recv() => {
                let Some(message) = heard else { return };
                if send(socket, &message).await.is_err() || message == ToParty::PutOut {
                    return;
                }
            }
            said = read(socket) => {
                let Some(said) = said else { return };
                if let Err(refused) = said.and_then(|said| carry(members, party, said)) {
                    tracing::info!(user_id = party.user_id, ?refused, "a party was put out of a room");
                    let _ = send(socket, &ToParty::Refused(refused)).await;
                    return;
                }
            }
        }
    }
}

/// Hands on what a party says, if it may say it.
fn carry(members: &Members, party: &Admitted, said: FromParty) -> Result<(), Refused> {
    let FromParty::Signal { to, signal } = said else {
        return Err(bad_message("the room has been entered already".into()));
    };
    let forbidden = signal.description.as_ref().and_then(|description| forbidden(description, party.privileges));
    if let Some(message) = forbidden {
        return Err(Refused::new("no_privilege", message));
    }
    members.signal(party, &to, signal);
    Ok(())
}

fn bad_message(message: String) -> Refused {
    Refused::new("bad_message", message)
}

/// The next message; none when the connection is over.
async fn read(socket: &mut Socket) -> Option<Result<FromParty, Refused>> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => {
                return Some(serde_json::from_str(&text).map_err(|error| bad_message(error.to_string())));
            }
            Ok(Message::Binary(_)) => return Some(Err(bad_message("messages must be JSON texts".into()))),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
        }
    }
}

async fn send(socket: &mut Socket, message: &ToParty) -> Result<(), Error> {
    let text = serde_json::to_string(message).unwrap_or_default();
    socket.send(Message::Text(text.into())).await
}
