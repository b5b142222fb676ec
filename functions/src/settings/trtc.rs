//! Tencent's TRTC: the operator's application, its credentials, the room API and the room callback.

use std::sync::Arc;
use std::time::Duration;

use ilock_env::Clock;
use ilock_trtc::{ApiKey, BadRoomApi, BadTrtcApp, RoomApi, RoomApiConfig, TrtcApp};

use super::forms::graphic;
use super::{BadSetting, DEV_SDK_APP_ID, DEV_TRTC_KEY, Settings, bad};
use crate::service::room_credentials::SigInMessages;

/// A credential is issued when the ringing starts, and the longest call starts when it ends.
const RING_RESERVE_SECONDS: u32 = 120;

/// Tencent waits 5 seconds for the answer to its callback, and such an answer may wait for the room API.
const ROOM_API_TRY: Duration = Duration::from_secs(2);
const ROOM_API_ALL_TRIES: Duration = Duration::from_secs(4);

/// One method a setting, or a few that only count together.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
impl Settings {
    /// `TRTC_SDK_APP_ID`, `TRTC_SECRET_KEY`: the operator's TRTC application, which issues credentials.
    pub fn trtc(&self) -> Result<TrtcApp, BadSetting> {
        let (id, key) = (self.sdk_app_id()?, self.must("TRTC_SECRET_KEY", DEV_TRTC_KEY)?);
        TrtcApp::new(id, key).map_err(|refused| {
            let name = match refused {
                BadTrtcApp::SdkAppId => "TRTC_SDK_APP_ID",
                BadTrtcApp::Key => "TRTC_SECRET_KEY",
            };
            bad(name, refused.to_string())
        })
    }

    pub fn sdk_app_id(&self) -> Result<u32, BadSetting> {
        let id = self.must("TRTC_SDK_APP_ID", &DEV_SDK_APP_ID.to_string())?;
        id.parse()
            .map_err(|_| bad("TRTC_SDK_APP_ID", "must be the number that the TRTC console shows, 1 to 4294967295"))
    }

    /// `USER_SIG_IN_MESSAGES`: `jwe`, `plain` or `none`.
    pub fn sig_in_messages(&self) -> Result<SigInMessages, BadSetting> {
        match self.get("USER_SIG_IN_MESSAGES").as_deref() {
            None | Some("jwe") => Ok(SigInMessages::Jwe),
            Some("plain") => Ok(SigInMessages::Plain),
            Some("none") => Ok(SigInMessages::None),
            Some(_) => Err(bad("USER_SIG_IN_MESSAGES", "must be jwe, plain or none")),
        }
    }

    /// `MAX_CALL_SECONDS` again: credentials are valid for the longest call, and while it rings.
    pub fn room_credential_seconds(&self) -> Result<u32, BadSetting> {
        Ok(self.max_call_seconds()? + RING_RESERVE_SECONDS)
    }

    /// `TRTC_API_SECRET_ID`, `TRTC_API_SECRET_KEY`, `TRTC_API_REGION`, `TRTC_API_URL`, `TRTC_API_PROXY`: Tencent's room
    /// API, which dismisses the room of a call that is over. Off without a secret id.
    pub fn room_api(&self, clock: Clock) -> Result<Option<RoomApi>, BadSetting> {
        let (config, is_used) = self.room_api_config()?;
        if !is_used {
            return Ok(None);
        }
        RoomApi::new(&config, clock).map(Some).map_err(bad_room_api)
    }

    /// Whether the room API could be used, without opening anything.
    pub(super) fn check_room_api(&self) -> Result<(), BadSetting> {
        self.room_api_config().map(drop)
    }

    /// What the room API is asked with, and whether it is used. It is checked where it is not used too: whoever sets half of it
    /// wants it.
    fn room_api_config(&self) -> Result<(RoomApiConfig, bool), BadSetting> {
        let (id, key) = (self.get("TRTC_API_SECRET_ID"), self.get("TRTC_API_SECRET_KEY"));
        let is_used = id.is_some();
        if is_used != key.is_some() {
            let (name, beside) = ("TRTC_API_SECRET_ID", "TRTC_API_SECRET_KEY");
            let (name, beside) = if is_used { (beside, name) } else { (name, beside) };
            return Err(bad(name, format!("must be set beside {beside}")));
        }
        let key = ApiKey::new(id.unwrap_or_else(|| "none".into()), key.unwrap_or_else(|| "none".into()));
        let mut config = RoomApiConfig::new(self.sdk_app_id()?, key);
        config.region = self.get("TRTC_API_REGION").unwrap_or(config.region);
        config.url = self.get("TRTC_API_URL").unwrap_or(config.url);
        config.proxy = self.get("TRTC_API_PROXY");
        (config.timeout, config.within) = (ROOM_API_TRY, ROOM_API_ALL_TRIES);
        config.check().map_err(bad_room_api)?;
        Ok((config, is_used))
    }

    /// `TRTC_CALLBACK_KEY`, `TRTC_CALLBACK_KEY_SECOND`: with them Tencent signs what it tells of rooms. Without any, nothing of
    /// that is believed.
    pub fn trtc_callback_keys(&self) -> Result<Vec<Arc<str>>, BadSetting> {
        let keys = ["TRTC_CALLBACK_KEY", "TRTC_CALLBACK_KEY_SECOND"].map(|name| self.may_be(name, graphic));
        keys.into_iter().filter_map(Result::transpose).map(|key| key.map(Arc::from)).collect()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn bad_room_api(error: BadRoomApi) -> BadSetting {
    let name = match error {
        BadRoomApi::SecretId => "TRTC_API_SECRET_ID",
        BadRoomApi::SecretKey => "TRTC_API_SECRET_KEY",
        BadRoomApi::Region => "TRTC_API_REGION",
        BadRoomApi::Proxy => "TRTC_API_PROXY",
        _ => "TRTC_API_URL",
    };
    let rule = match error {
        BadRoomApi::NotAUrl => "must be https:// and a host".to_owned(),
        _ => error.to_string(),
    };
    bad(name, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trtc_application_that_tencent_would_refuse_is_refused_by_name() {
        for (name, value) in [("TRTC_SDK_APP_ID", "0"), ("TRTC_SDK_APP_ID", "app"), ("TRTC_SECRET_KEY", " ")] {
            let read = move |asked: &str| (asked == name).then(|| value.to_owned());
            let refused = Settings::for_dev(read).trtc().err();
            assert_eq!(refused.map(|error| error.name), Some(name), "{value:?}");
        }
    }

    #[test]
    fn half_a_room_api_is_refused_by_name() {
        let read = |asked: &str| (asked == "TRTC_API_SECRET_ID").then(|| "id".to_owned());
        let refused = Settings::for_dev(read).room_api(Clock::system()).err().map(|error| error.name);
        assert_eq!(refused, Some("TRTC_API_SECRET_KEY"));
    }
}
