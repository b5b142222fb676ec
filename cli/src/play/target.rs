//! Which backend a command talks to, and with which access token.

use std::net::SocketAddr;

use clap::Args;
use ilock_auth::{AccessClaims, ClaimNames, Identity, Role};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::Settings;

use crate::ui::error::CommandError;

const DEFAULT_HTTP: &str = "127.0.0.1:8080";
const TOKEN_SECONDS: u32 = 3600;

#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The backend's address: http(s)://… [default: that of `ilock dev`]
    #[arg(long, env = "ILOCK_SERVER", value_parser = server_address)]
    server: Option<String>,
    /// An access token. For a backend on this machine the default is one signed with the development secret.
    #[arg(long, env = "ILOCK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where `ilock dev` listens, as it reads it itself.
    #[arg(long, hide = true, env = "ILOCK_HTTP", default_value = DEFAULT_HTTP)]
    http: SocketAddr,
}

/// `http://…` or `https://…`, of a host and perhaps a path.
pub fn server_address(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let url = url.filter(|_| !text.contains(char::is_whitespace));
    let url = url.ok_or("must be the address of a backend, http(s)://HOST or http(s)://HOST:PORT")?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("must be an address without a user name, ? and #".to_owned());
    }
    Ok(text.to_owned())
}

impl Target {
    /// The backend's address, without a trailing slash.
    pub fn server(&self) -> String {
        let dev = || format!("http://{}", self.http);
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
        // It goes into a header. It is a secret, so it is not shown.
        let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        return if is_one {
            Ok(token.to_owned())
        } else {
            Err(CommandError::new("--token (or ILOCK_TOKEN): must be printable ASCII without spaces")
                .hint("an access token is one word of three parts with dots between them; a file that has one ends with a line feed"))
        };
    }
    if !is_on_this_machine(server)? {
        return Err(CommandError::new("a backend on another machine needs an access token")
            .hint("set ILOCK_TOKEN to an access token of your login service"));
    }
    sign_token(id, role, &default_tenant()?, TOKEN_SECONDS, settings().audience().as_deref())
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
    let issuer = settings().issuer();
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
    settings().claim_names().map_err(CommandError::new)
}

/// Those of this environment, as `ilock dev` would take them.
pub fn settings() -> Settings {
    Settings::for_dev(|name| std::env::var(name).ok())
}

/// `claims` signed with `AUTH_SECRET`, or else the development secret.
pub fn sign_claims(claims: AccessClaims) -> Result<String, CommandError> {
    let secret = settings().auth_secret().map_err(CommandError::new)?;
    claims.sign(&secret).map_err(CommandError::new)
}
