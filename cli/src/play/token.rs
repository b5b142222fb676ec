//! `ilock token`: an access token for trying things out.

use std::process::ExitCode;

use clap::Args;
use ilock_auth::Role;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::DEV_AUDIENCE;

use crate::play::target::{default_tenant, sign_token};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// What stands in the token. Signed with AUTH_SECRET, or the development secret; only the token is printed.
#[derive(Debug, Args)]
pub struct Token {
    /// Who: a user's, device's or auditor's id.
    #[arg(long)]
    sub: PartyId,
    /// What they are: user, device or auditor.
    #[arg(long, default_value = "user")]
    role: Role,
    /// Whose they are.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// For how long it works, in seconds.
    #[arg(long, default_value_t = 86_400)]
    expire: u32,
    /// For whom it is.
    #[arg(long, env = "AUTH_AUDIENCE", default_value = DEV_AUDIENCE)]
    audience: String,
}

impl Token {
    /// Prints it.
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
