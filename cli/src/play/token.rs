//! `ilock token`: prints an access token for trying things out.

use std::process::ExitCode;

use clap::Args;
use ilock_auth::{AccessClaims, Identity, Role};
use ilock_env::Clock;
use ilock_events::{Millis, PartyId, TenantId};
use ilock_functions::settings::DEV_AUDIENCE;
use serde_json::Value;

use crate::play::target::{claim_names, default_tenant, settings, sign_claims};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

#[derive(Debug, Args)]
pub struct Token {
    /// The `sub` claim: the id of a user, device, auditor or operator.
    #[arg(long)]
    sub: PartyId,
    /// The role: user, device, auditor or operator.
    #[arg(long, default_value = "user")]
    role: Role,
    /// The tenant. [default: `default`]
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How long the token is valid, in seconds from `iat`.
    #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(1..))]
    expire: u32,
    /// The `iat` claim, in seconds since 1970. [default: now]
    #[arg(long, allow_hyphen_values = true)]
    iat: Option<i64>,
    /// The `sid` claim: the login session that the token comes from. [default: none]
    #[arg(long)]
    session: Option<String>,
    /// A further claim, or another value for one of the above: NAME=JSON. May be given several times.
    #[arg(long = "claim", value_name = "NAME=JSON", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// The `aud` claim.
    #[arg(long, env = "AUTH_AUDIENCE", default_value = DEV_AUDIENCE)]
    audience: String,
}

impl Token {
    pub fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let tenant = match self.tenant {
            Some(tenant) => tenant,
            None => default_tenant()?,
        };
        let identity = Identity { id: self.sub, role: self.role, tenant };
        let mut more = claim_names()?.claims_of(&identity);
        more.extend(self.claims);
        let issuer = settings().issuer();
        let token = sign_claims(AccessClaims {
            identity: &identity,
            issuer: issuer.as_deref(),
            audience: Some(&self.audience),
            issued_at: self.iat.map_or_else(|| Clock::system().now(), |iat| Millis(iat.saturating_mul(1000))),
            ttl_seconds: self.expire,
            session: self.session.as_deref(),
            more,
        })?;
        if output.is_json() {
            output.print(format_args!("{}", serde_json::json!({ "token": token })));
        } else {
            output.print(format_args!("{token}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `NAME=JSON`.
fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, json) = text.split_once('=').ok_or("must be NAME=JSON")?;
    let value = serde_json::from_str(json).map_err(|error| format!("{name}: {error}; a text needs its quotes"))?;
    Ok((name.to_owned(), value))
}
