//! `ilock provision door`: what a door station needs to reach a deployment.

mod certificate;
mod files;
mod revoke;
mod thing;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use clap::{Args, Subcommand};
use ilock_auth::{Role, topics};
use ilock_events::{Party, PartyId, PartyKind, TenantId};
use serde_json::json;

use crate::aws::account::{account, failed};
use crate::aws::stack::{Stack, StackName, stack};
use crate::play::target::default_tenant;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// What to make known.
#[derive(Debug, Subcommand)]
pub enum Provision {
    /// A door station: an IoT thing with a certificate, or an access token, or both.
    Door(Door),
}

/// A door station. With its certificate it listens on MQTT; with an access token it places calls.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Door {
    /// The door station's id.
    device_id: PartyId,
    #[command(flatten)]
    stack: StackName,
    /// Whose it is.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Make a thing with a certificate and its key. [default, without --token]
    #[arg(long)]
    certificate: bool,
    /// Where the certificate and the key are written.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// Make a certificate beside the one that it has, to change it without the door falling silent.
    #[arg(long)]
    another: bool,
    /// Print an access token, signed with AUTH_SECRET. Only for a deployment with HS256.
    #[arg(long)]
    token: bool,
    /// For how long the token works, in seconds.
    #[arg(long, default_value_t = 2_592_000, requires = "token")]
    seconds: u32,
    /// Take it all back: delete its certificates and the thing.
    #[arg(long, conflicts_with_all = ["certificate", "token", "another", "out", "tenant"])]
    revoke: bool,
    /// Take back only this certificate, and leave the thing.
    #[arg(long, requires = "revoke", value_name = "CERTIFICATE_ID")]
    only: Option<String>,
}

impl Provision {
    /// Makes it known.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        match self {
            Self::Door(door) => door.run(output).await,
        }
    }
}

impl Door {
    async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = account().await?;
        if self.revoke {
            revoke::revoke(output, &Client::new(&sdk), &self.stack.name(), &self.device_id, self.only.as_deref())
                .await?;
            return Ok(ExitCode::SUCCESS);
        }
        let stack = stack(&sdk, &self.stack.name()).await?;
        let tenant = self.tenant.clone().map_or_else(default_tenant, Ok)?;
        // First whatever can go wrong without anything being made.
        let token = if self.token { Some(token::issue(&stack, &self.device_id, &tenant, self.seconds)?) } else { None };
        if self.certificate || !self.token {
            self.with_certificate(output, &sdk, &stack, &tenant).await?;
        }
        if let Some(token) = token {
            // As `ilock token` does: the token alone on its line, for `$(…)`.
            if output.is_json() {
                println!("{}", json!({ "event": "token", "token": token, "seconds": self.seconds }));
            } else {
                println!("{token}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn with_certificate(
        &self,
        output: Output,
        sdk: &SdkConfig,
        stack: &Stack,
        tenant: &TenantId,
    ) -> Result<(), CommandError> {
        let files = files::Files::of(&self.out, &self.device_id);
        files.must_not_exist()?;
        let policy = stack.output("DoorPolicyName")?;
        let client = Client::new(sdk);
        let endpoint = endpoint(&client).await?;

        let made = thing::ensure(&client, &stack.name, &self.device_id, tenant).await?;
        let has = thing::certificates(&client, &self.device_id).await?;
        if !has.is_empty() && !self.another {
            return Err(CommandError::new(format!("{} has a certificate already: {}", self.device_id, has.join(", ")))
                .hint("--another makes one beside it; --revoke takes back what there is"));
        }
        let id = match certificate::make(&client, &self.device_id, policy, &files).await {
            Ok(id) => id,
            Err(failure) => {
                if made {
                    thing::delete(&client, &self.device_id).await.unwrap_or_else(|error| output.warn(&error.message));
                }
                return Err(failure);
            }
        };
        self.announce(output, &endpoint, &id, &files);
        Ok(())
    }

    fn announce(&self, output: Output, endpoint: &str, id: &str, files: &files::Files) {
        let device = &self.device_id;
        let topic = topics(&Party { kind: PartyKind::Device, id: device.clone() }).call_control;
        let text = format!(
            "{device} is provisioned\n  MQTT         ssl://{endpoint}:8883\n  client id    {device}\n  listens on   {topic}\n  \
             certificate  {}\n  key          {}  (keep it secret: it is nowhere else)\n  trusts       Amazon Root CA 1, \
             https://www.amazontrust.com/repository/AmazonRootCA1.pem\n  revoke       ilock provision door {device} --revoke",
            files.certificate.display(),
            files.key.display(),
        );
        let details = json!({
            "device_id": device, "mqtt": format!("ssl://{endpoint}:8883"), "client_id": device, "topic": topic,
            "certificate_id": id, "certificate": files.certificate, "key": files.key, "role": Role::Device.word(),
        });
        output.line(Level::Success, "provisioned", &text, details);
    }
}

async fn endpoint(client: &Client) -> Result<String, CommandError> {
    let answer = client
        .describe_endpoint()
        .endpoint_type("iot:Data-ATS")
        .send()
        .await
        .map_err(failed("the IoT endpoint cannot be found out"))?;
    answer
        .endpoint_address()
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| CommandError::new("the account has no IoT data endpoint").hint("is IoT Core on in this region?"))
}
