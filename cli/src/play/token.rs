//! `ilock token`: prints an access token for trying things out.

use std::process::ExitCode;

use clap::Args;
use ilock_auth::Role;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::DEV_AUDIENCE;

use crate::play::target::{default_tenant, sign_token};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

#[derive(Debug, Args)]
pub struct Token {
    /// The `sub` claim: the id of a user, device or auditor.
    #[arg(long)]
    sub: PartyId,
    /// The role: user, device or auditor.
    #[arg(long, default_value = "user")]
    role: Role,
    /// The tenant. [default: `default`]
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How long the token is valid, in seconds.
    #[arg(long, default_value_t = 86_400)]
    expire: u32,
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
        let token = sign_token(&self.sub, self.role, &tenant, self.expire, Some(&self.audience))?;
        if output.is_json() {
            println!("{}", serde_json::json!({ "token": token }));
        } else {
            println!("{token}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
