//! POST /api/calls/caller-action: the caller gives up or hangs up.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_events::{Act, CallView, CallerAct, CallerAction, PersonalText};

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
    Clock: FromRef<S>,
{
    Router::new().route("/api/calls/caller-action", post(caller_action))
}

async fn caller_action(
    caller: Caller,
    key: IdempotencyKey,
    State(calls): State<Calls>,
    State(rooms): State<Rooms>,
    State(clock): State<Clock>,
    Ask(ask): Ask<CallerAction>,
) -> Result<Reply<CallView>, ApiError> {
    short("reason", ask.reason.as_ref(), MAX_REASON)?;
    let mut history = of_party(&calls.log, &ask.call_id, &caller.tenant, &caller.party).await?;
    if placed(&history)?.terms.caller != caller.party {
        return Err(ApiError::Forbidden("for the caller only"));
    }
    let act = match ask.action {
        CallerAct::Cancelled => Act::Cancel { personal: None },
        CallerAct::Hangup => Act::HangUp { personal: None },
    };
    let order = Order {
        tenant: caller.tenant.clone(),
        actor: caller.hand(),
        key: key.or_fresh()?,
        act,
        words: Words::ToKeep(PersonalText { reason: ask.reason, ..PersonalText::default() }),
    };
    calls.run(&mut history, order).await?;
    Ok(Reply(view(&history, &rooms, &caller.party.id, clock.now())?))
}
