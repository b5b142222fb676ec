//! `ilock usersig`: makes a TRTC ticket, or shows what is in one.

use std::process::ExitCode;

use clap::Args;
use ilock_events::{PartyId, RoomId};
use ilock_functions::clock::Clock;
use ilock_trtc::{ALL_PRIVILEGES, Ticket, TrtcApp};

use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// A ticket: a UserSig, or with --room a PrivateMapKey. Only the ticket is printed.
#[derive(Debug, Args)]
pub struct Usersig {
    /// For whom. [not with --decode]
    #[arg(required_unless_present = "decode")]
    user: Option<PartyId>,
    /// The TRTC application. [not with --decode]
    #[arg(long, required_unless_present = "decode")]
    sdk_app_id: Option<u32>,
    /// Its secret key. With --decode: check the signature with it.
    #[arg(long, env = "TRTC_SECRET_KEY", hide_env_values = true, required_unless_present = "decode")]
    key: Option<String>,
    /// To this room only: a PrivateMapKey. Digits are a number room, else it is a named one.
    #[arg(long)]
    room: Option<String>,
    /// For how many seconds.
    #[arg(long, default_value_t = 7200)]
    expire: u32,
    /// From when, in seconds since 1970. [default: now]
    #[arg(long)]
    at: Option<i64>,
    /// Show what is in this ticket.
    #[arg(long, conflicts_with_all = ["user", "sdk_app_id", "room", "at"])]
    decode: Option<String>,
}

impl Usersig {
    /// Prints it.
    pub fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        if let Some(text) = &self.decode {
            return decode(text, self.key.as_deref());
        }
        let (Some(user), Some(sdk_app_id), Some(key)) = (&self.user, self.sdk_app_id, self.key) else {
            return Err(CommandError::new("USER, --sdk-app-id and --key are needed").exit_code(2));
        };
        let app = TrtcApp::new(sdk_app_id, key);
        let at = self.at.unwrap_or_else(|| Clock::system().now().0 / 1000);
        let ticket = match &self.room {
            None => app.user_sig(user, at, self.expire),
            Some(room) => match room.parse::<u32>() {
                Ok(number) => {
                    let room =
                        RoomId::new(number).map_err(|bad| CommandError::new(format!("--room: {bad}")).exit_code(2))?;
                    app.private_map_key(user, room, ALL_PRIVILEGES, at, self.expire)
                }
                Err(_) => app
                    .private_map_key_for_named_room(user, room, ALL_PRIVILEGES, at, self.expire)
                    .map_err(|bad| CommandError::new(format!("--room: {bad}")).exit_code(2))?,
            },
        };
        if output.is_json() {
            println!("{}", serde_json::json!({ "ticket": ticket }));
        } else {
            println!("{ticket}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn decode(text: &str, key: Option<&str>) -> Result<ExitCode, CommandError> {
    let ticket = Ticket::decode(text).map_err(|bad| CommandError::new(format!("--decode: {bad}")))?;
    println!("{}", serde_json::to_string_pretty(&ticket).map_err(CommandError::new)?);
    match key.map(|key| ticket.verify(key)) {
        Some(false) => Err(CommandError::new("the signature is not of this key")),
        _ => Ok(ExitCode::SUCCESS),
    }
}
