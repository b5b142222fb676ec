//! POST /api/calls/callee-action: a phone rings, answers, refuses or hangs up.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_directory::Directory;
use ilock_events::{Act, Actor, CallView, CalleeAct, CalleeAction, ClientId, PersonalText};

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::{Ask, Caller, IdempotencyKey, short};
use crate::calls::{Calls, MAX_REASON, Order, Words, of_party, placed};
use crate::get_call::view;
use crate::rooms::Rooms;
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Calls: FromRef<S>,
    Rooms: FromRef<S>,
    Directory: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/calls/callee-action", post(callee_action))
}

async fn callee_action(
    caller: Caller,
    key: IdempotencyKey,
    State(calls): State<Calls>,
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    State(clock): State<Clock>,
    Ask(ask): Ask<CalleeAction>,
) -> Result<Reply<CallView>, ApiError> {
    short("reason", ask.reason.as_ref(), MAX_REASON)?;
    if let Some(client) = &ask.client_id {
        caller.owns(client)?;
    }
    let load = of_party(&calls.log, &ask.call_id, &caller.tenant, &caller.party);
    let client = async {
        match ask.client_id {
            Some(client) => Ok(Some(client)),
            None => only_client(&directory, &caller).await,
        }
    };
    let (history, client) = futures::join!(load, client);
    let mut history = history?;
    caller.person()?;
    if placed(&history)?.callee() != caller.party {
        return Err(ApiError::Forbidden("for the callee only"));
    }
    let act = match ask.action {
        CalleeAct::Ringing => Act::Alert {},
        CalleeAct::Accepted => Act::Accept {},
        CalleeAct::Rejected => Act::Reject { personal: None },
        CalleeAct::Hangup => Act::HangUp { personal: None },
    };
    let says_why = matches!(ask.action, CalleeAct::Rejected | CalleeAct::Hangup);
    let order = Order {
        tenant: caller.tenant.clone(),
        actor: Actor::User { id: caller.party.id.clone(), client: client? },
        key: key.or_fresh()?,
        act,
        words: Words::ToKeep(PersonalText { reason: ask.reason.filter(|_| says_why), ..PersonalText::default() }),
    };
    calls.run(&mut history, order).await?;
    Ok(Reply(view(&history, &rooms, &caller.party.id, clock.now())?))
}

/// A person with one phone need not say which it is.
async fn only_client(directory: &Directory, caller: &Caller) -> Result<Option<ClientId>, ApiError> {
    let mut clients = directory.clients(&caller.party).await?;
    Ok(clients.pop().filter(|_| clients.is_empty()).map(|client| client.client_id))
}
