//! Which backend a command talks to, and with which access token.

use clap::Args;
use ilock_auth::{AccessClaims, ClaimNames, Identity, Role, Secret};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET, Settings};

use crate::ui::error::CommandError;

const DEFAULT_HTTP: &str = "127.0.0.1:8080";
const TOKEN_SECONDS: u32 = 3600;

#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The backend's address: http(s)://… [default: that of `ilock dev`]
    #[arg(long, env = "ILOCK_SERVER")]
    server: Option<String>,
    /// An access token. For a backend on this machine the default is one signed with the development secret.
    #[arg(long, env = "ILOCK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Target {
    /// The backend's address, without a trailing slash.
    pub fn server(&self) -> String {
        let dev = || format!("http://{}", std::env::var("ILOCK_HTTP").unwrap_or_else(|_| DEFAULT_HTTP.into()));
        self.server.clone().unwrap_or_else(dev).trim_end_matches('/').to_owned()
    }

    /// The access token to send: the given one, or for a backend on this machine a new one for `id`.
    pub fn token(&self, id: &PartyId, role: Role) -> Result<String, CommandError> {
        token_for(&self.server(), self.token.as_deref(), id, role)
    }
}

/// The access token for `server`: the given one, or for a backend on this machine a new one for `id`.
pub fn token_for(server: &str, given: Option<&str>, id: &PartyId, role: Role) -> Result<String, CommandError> {
    if let Some(token) = given {
        return Ok(token.to_owned());
    }
    if !is_on_this_machine(server)? {
        return Err(CommandError::new("a backend on another machine needs an access token")
            .hint("set ILOCK_TOKEN to an access token of your login service"));
    }
    sign_token(id, role, &default_tenant()?, TOKEN_SECONDS, Some(DEV_AUDIENCE))
}

/// Whether the backend at `server` is one on this machine.
pub fn is_on_this_machine(server: &str) -> Result<bool, CommandError> {
    let url = reqwest::Url::parse(server).map_err(|error| CommandError::new(format!("{server}: {error}")))?;
    Ok(url.host_str().is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host)))
}

/// The tenant where the command line names none.
pub fn default_tenant() -> Result<TenantId, CommandError> {
    TenantId::new("default").map_err(CommandError::new)
}

/// An access token signed with `AUTH_SECRET`, or else the development secret.
pub fn sign_token(
    id: &PartyId,
    role: Role,
    tenant: &TenantId,
    seconds: u32,
    audience: Option<&str>,
) -> Result<String, CommandError> {
    let identity = Identity { id: id.clone(), role, tenant: tenant.clone() };
    let issuer = std::env::var("AUTH_ISSUER").ok();
    sign_claims(AccessClaims {
        identity: &identity,
        issuer: issuer.as_deref(),
        audience,
        issued_at: Clock::system().now(),
        ttl_seconds: seconds,
        session: None,
        more: claim_names()?.claims_of(&identity),
    })
}

/// Under which names the backend reads who somebody is, as in this environment.
pub fn claim_names() -> Result<ClaimNames, CommandError> {
    Settings::for_dev(|name| std::env::var(name).ok()).claim_names().map_err(CommandError::new)
}

/// `claims` signed with `AUTH_SECRET`, or else the development secret.
pub fn sign_claims(claims: AccessClaims) -> Result<String, CommandError> {
    let secret = std::env::var("AUTH_SECRET").unwrap_or_else(|_| DEV_SECRET.to_owned());
    claims.sign(&Secret::new(secret)).map_err(CommandError::new)
}
