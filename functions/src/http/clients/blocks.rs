//! /api/blocks: a person's blocked callers. GET lists them, PUT blocks one, DELETE lets one through again.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use ilock_directory::{Blocked, Directory, Unblocked};
use ilock_env::Clock;
use ilock_events::{BlockList, PartyId};
use serde::Deserialize;

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::bad_id;
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of blocks.
#[derive(Clone, FromRef)]
pub struct BlocksState {
    verifier: TokenVerifier,
    directory: Directory,
    clock: Clock,
}

impl BlocksState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, directory: wiring.directory()?, clock: wiring.clock.clone() })
    }
}

/// The route. Ids do not travel in its path: API Gateway decodes paths.
pub fn routes(state: BlocksState) -> Router {
    let methods = get(list_blocks).put(block_caller).delete(unblock_caller);
    Router::new().route("/api/blocks", methods).with_state(state)
}

#[derive(Debug, Deserialize)]
struct Whom {
    caller_id: Option<String>,
}

impl Whom {
    fn read(self) -> Result<Option<PartyId>, ApiError> {
        self.caller_id.map(|id| PartyId::new(id).map_err(|bad| bad_id("caller_id", &bad))).transpose()
    }

    fn named(self) -> Result<PartyId, ApiError> {
        self.read()?.ok_or_else(|| ApiError::field("caller_id", "is missing"))
    }
}

async fn list_blocks(
    caller: Caller,
    State(BlocksState { directory, .. }): State<BlocksState>,
    Query(whom): Query<Whom>,
) -> Result<Reply<BlockList>, ApiError> {
    caller.person()?;
    let blocks = match whom.read()? {
        Some(id) => directory.block(&caller.at(), &id).await?.into_iter().collect(),
        None => directory.blocks(&caller.at()).await?,
    };
    Ok(Reply(BlockList { blocks }))
}

async fn block_caller(
    caller: Caller,
    State(BlocksState { directory, clock, .. }): State<BlocksState>,
    Query(whom): Query<Whom>,
) -> Result<Reply<()>, ApiError> {
    caller.person()?;
    match directory.put_block(&caller.at(), &whom.named()?, clock.now()).await? {
        Blocked::Yes => Ok(Reply(())),
        Blocked::TooMany => Err(ApiError::TooManyBlocks),
        Blocked::Contended => Err(ApiError::Busy),
    }
}

async fn unblock_caller(
    caller: Caller,
    State(BlocksState { directory, .. }): State<BlocksState>,
    Query(whom): Query<Whom>,
) -> Result<Reply<()>, ApiError> {
    caller.person()?;
    match directory.drop_block(&caller.at(), &whom.named()?).await? {
        Unblocked::Yes => Ok(Reply(())),
        Unblocked::NotBlocked => Err(ApiError::NotFound("block")),
        Unblocked::Contended => Err(ApiError::Busy),
    }
}
