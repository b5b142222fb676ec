//! The command line of `ilock provision`.

use std::path::PathBuf;
use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use clap::{Args, Subcommand};
use ilock_auth::Role;
use ilock_events::{Address, PartyAddress, PartyId, PartyKind, TenantId};
use serde_json::json;

use crate::aws::account::cannot;
use crate::aws::provision::certificate;
use crate::aws::provision::files::Files;
use crate::aws::provision::revoke;
use crate::aws::provision::thing;
use crate::aws::provision::token;
use crate::aws::stack::{Stack, StackName, read_stack};
use crate::play::target::default_tenant;
use crate::selected_account::load_config;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Subcommand)]
pub enum Provision {
    /// A door station: creates a thing with a certificate, for MQTT, or prints an access token, for placing calls, or both.
    Door(Door),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Door {
    /// The door station's id.
    device_id: PartyId,
    #[command(flatten)]
    stack: StackName,
    /// The door station's tenant. [default: `default`]
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Create a thing with a certificate and its key. [default, without --token]
    #[arg(long)]
    certificate: bool,
    /// The folder for the certificate and the key.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// Create a second certificate, so that the door station can change to it without an interruption.
    #[arg(long)]
    another: bool,
    /// Print an access token, signed with AUTH_SECRET. Only for a deployment with HS256.
    #[arg(long)]
    token: bool,
    /// How long the token is valid, in seconds.
    #[arg(long, default_value_t = 2_592_000, requires = "token", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Delete the door station's certificates and its thing.
    #[arg(long, conflicts_with_all = ["certificate", "token", "another", "out"])]
    revoke: bool,
    /// Delete only this certificate, and keep the thing.
    #[arg(long, requires = "revoke", value_name = "CERTIFICATE_ID")]
    only: Option<String>,
}

impl Provision {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        match self {
            Self::Door(door) => door.run(output).await,
        }
    }
}

impl Door {
    async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = load_config().await?;
        let name = self.stack.name();
        let tenant = self.tenant.clone().map_or_else(default_tenant, Ok)?;
        // Things, client ids and topics have the address: ids may have characters that AWS does not take.
        let address = Address::of(&tenant, PartyKind::Device, &self.device_id);
        if self.revoke {
            revoke::revoke(output, &Client::new(&sdk), &name, &address, self.only.as_deref()).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let stack = read_stack(&sdk, &name).await?;
        // The token first: signing it can fail, and then nothing has been created yet.
        let token = if self.token { Some(token::issue(&stack, &self.device_id, &tenant, self.seconds)?) } else { None };
        if self.certificate || !self.token {
            self.create_certificate(output, &sdk, &stack, (&tenant, &address)).await?;
        }
        if let Some(token) = token {
            // The token alone on its line, for `$(…)`, as `ilock token` prints it.
            if output.is_json() {
                output.line(Level::Info, "token", "", json!({ "token": token, "seconds": self.seconds }));
            } else {
                output.print(format_args!("{token}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn create_certificate(
        &self,
        output: Output,
        sdk: &SdkConfig,
        stack: &Stack,
        (tenant, address): (&TenantId, &Address),
    ) -> Result<(), CommandError> {
        let files = Files::of(&self.out, address);
        files.must_not_exist()?;
        let policy = stack.output("DoorPolicyName")?;
        let client = Client::new(sdk);
        let endpoint = endpoint(&client).await?;

        let is_new = thing::ensure(&client, &stack.name, address, tenant).await?;
        let existing = thing::certificates(&client, address).await?;
        if !existing.is_empty() && !self.another {
            let ids = existing.join(", ");
            return Err(CommandError::new(format!("{address} already has a certificate: {ids}"))
                .hint("--another creates a second one; --revoke deletes the existing ones"));
        }
        let id = match certificate::create(&client, address, policy, &files).await {
            Ok(id) => id,
            Err(error) => {
                if is_new {
                    thing::delete(&client, address).await.unwrap_or_else(|error| output.warn(&error.message));
                }
                return Err(error);
            }
        };
        let door = PartyAddress { kind: PartyKind::Device, address: address.clone() };
        let topic = stack.topic_prefix()?.topics(&door).call_control;
        self.print_summary(output, (&endpoint, address, &topic), &id, &files);
        Ok(())
    }

    fn print_summary(
        &self,
        output: Output,
        (endpoint, address, topic): (&str, &Address, &str),
        id: &str,
        files: &Files,
    ) {
        let device = &self.device_id;
        let text = format!(
            "{device} is provisioned\n  MQTT         ssl://{endpoint}:8883\n  client id    {address}\n  subscribes   {topic}\n  \
             certificate  {}\n  key          {}  (keep it secret: there is no other copy)\n  trusts       Amazon Root CA 1, \
             https://www.amazontrust.com/repository/AmazonRootCA1.pem\n  revoke       ilock provision door {device} --revoke",
            files.certificate.display(),
            files.key.display(),
        );
        let details = json!({
            "device_id": device, "mqtt": format!("ssl://{endpoint}:8883"), "client_id": address, "topic": topic,
            "certificate_id": id, "certificate": files.certificate, "key": files.key, "role": Role::Device.word(),
        });
        output.line(Level::Success, "provisioned", &text, details);
    }
}

async fn endpoint(client: &Client) -> Result<String, CommandError> {
    let response = client
        .describe_endpoint()
        .endpoint_type("iot:Data-ATS")
        .send()
        .await
        .map_err(cannot("read the IoT data endpoint"))?;
    response
        .endpoint_address()
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| CommandError::new("the account has no IoT data endpoint").hint("is IoT Core on in this region?"))
}
