//! /api/settings: what a person has set. GET reads it, PUT sets it.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use ilock_directory::Directory;
use ilock_events::PersonSettings;

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::JsonBody;
use crate::http::response::Reply;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of settings.
#[derive(Clone, FromRef)]
pub struct SettingsState {
    verifier: TokenVerifier,
    directory: Directory,
}

impl SettingsState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, directory: wiring.directory()? })
    }
}

pub fn routes(state: SettingsState) -> Router {
    Router::new().route("/api/settings", get(read_settings).put(change_settings)).with_state(state)
}

async fn read_settings(
    caller: Caller,
    State(SettingsState { directory, .. }): State<SettingsState>,
) -> Result<Reply<PersonSettings>, ApiError> {
    caller.person()?;
    Ok(Reply(directory.settings(&caller.at()).await?))
}

async fn change_settings(
    caller: Caller,
    State(SettingsState { directory, .. }): State<SettingsState>,
    JsonBody(settings): JsonBody<PersonSettings>,
) -> Result<Reply<PersonSettings>, ApiError> {
    caller.person()?;
    directory.put_settings(&caller.at(), &settings).await?;
    Ok(Reply(settings))
}
