//! `ilock usersig`: makes a TRTC UserSig or PrivateMapKey, or shows what one contains.

use std::process::ExitCode;

use clap::Args;
use ilock_env::Clock;
use ilock_events::{RoomId, TrtcUser};
use ilock_trtc::{ALL_PRIVILEGES, BadTrtcApp, Credential, TrtcApp};

use crate::ui::error::{CommandError, EXIT_USAGE};
use crate::ui::output::Output;

#[derive(Debug, Args)]
pub struct Usersig {
    /// The TRTC user id. [not with --decode]
    #[arg(required_unless_present = "decode")]
    user: Option<TrtcUser>,
    /// The SDKAppID of the TRTC application. [not with --decode]
    #[arg(long, required_unless_present = "decode")]
    sdk_app_id: Option<u32>,
    /// The secret key of the TRTC application. With --decode: verify the signature with it.
    #[arg(long, env = "TRTC_SECRET_KEY", hide_env_values = true, required_unless_present = "decode")]
    key: Option<String>,
    /// Print a PrivateMapKey for this room. Digits mean a numeric room id, anything else a string room id.
    #[arg(long)]
    room: Option<String>,
    /// What a PrivateMapKey permits, as the sum of Tencent's bits: 63 is everything, 42 is to enter, look and listen.
    #[arg(long, default_value_t = ALL_PRIVILEGES, requires = "room")]
    privileges: u32,
    /// How long it is valid, in seconds.
    #[arg(long, default_value_t = 7200, value_parser = clap::value_parser!(u32).range(1..))]
    expire: u32,
    /// The start of its validity, in seconds since 1970. [default: now]
    #[arg(long)]
    at: Option<i64>,
    /// Decode this UserSig or PrivateMapKey and print its fields as JSON.
    #[arg(long, conflicts_with_all = ["user", "sdk_app_id", "room", "at"])]
    decode: Option<String>,
}

impl Usersig {
    pub fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        if let Some(text) = &self.decode {
            return decode(text, self.key.as_deref(), output);
        }
        let (Some(user), Some(sdk_app_id), Some(key)) = (&self.user, self.sdk_app_id, self.key) else {
            return Err(CommandError::new("USER, --sdk-app-id and --key are needed").exit_code(EXIT_USAGE));
        };
        let app = TrtcApp::new(sdk_app_id, key).map_err(bad_app)?;
        let at = self.at.unwrap_or_else(|| Clock::system().now().0 / 1000);
        let credential = match &self.room {
            None => app.user_sig(user, at, self.expire),
            Some(room) => match room.parse::<u32>() {
                Ok(number) => {
                    let room = RoomId::new(number).map_err(bad_room)?;
                    app.private_map_key(user, room, self.privileges, at, self.expire)
                }
                Err(_) => app
                    .private_map_key_for_named_room(user, room, self.privileges, at, self.expire)
                    .map_err(bad_room)?,
            },
        };
        if output.is_json() {
            output.print(format_args!("{}", serde_json::json!({ "credential": credential })));
        } else {
            output.print(format_args!("{credential}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn bad_app(refused: BadTrtcApp) -> CommandError {
    let option = match refused {
        BadTrtcApp::SdkAppId => "--sdk-app-id",
        BadTrtcApp::Key => "--key (or TRTC_SECRET_KEY)",
    };
    CommandError::new(format!("{option}: {refused}")).exit_code(EXIT_USAGE)
}

fn bad_room(error: impl std::fmt::Display) -> CommandError {
    CommandError::new(format!("--room: {error}")).exit_code(EXIT_USAGE)
}

fn decode(text: &str, key: Option<&str>, output: Output) -> Result<ExitCode, CommandError> {
    let credential = Credential::decode(text).map_err(|error| CommandError::new(format!("--decode: {error}")))?;
    output.print(format_args!("{}", serde_json::to_string_pretty(&credential).map_err(CommandError::new)?));
    match key.map(|key| credential.verify(key)) {
        Some(false) => Err(CommandError::new("the signature was not made with this key")),
        _ => Ok(ExitCode::SUCCESS),
    }
}
