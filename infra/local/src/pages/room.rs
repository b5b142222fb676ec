//! Which room the pages enter: the one of this process, or Tencent's, where a TRTC application of the operator's own is
//! configured.

use axum::body::Bytes;
use ilock_functions::settings::{BadSetting, DEV_SDK_APP_ID, DEV_TRTC_KEY};

use crate::options::TrtcPages;

const SDK: &str = "ILOCK_TRTC_SDK";
const HOSTS: &str = "ILOCK_TRTC_HOSTS";

/// What trtc-sdk-v5 connects to, as Tencent lists it: docs/operators.md has the source.
const TENCENT: [&str; 8] = [
    "yun.tim.qq.com",
    "*.rtc.qcloud.com",
    "*.rtc.qq.com",
    "*.cloud-rtc.com",
    "*.my-imcloud.com",
    "*.cloud-rtc.net",
    "*.rtc-web.com",
    "*.rtc-web.io",
];

/// How the SDK's file for bundlers begins to need another package, which no browser can find by its name.
const IMPORTS: [&str; 2] = [r#"from"webrtc-adapter""#, r#"from "webrtc-adapter""#];

/// Which room the pages enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageRoom {
    /// `/dev/room`.
    Local,
    /// Tencent's, by the operator's copy of the SDK. Without one the pages say that it cannot be loaded.
    Trtc { sdk: Option<Bytes>, hosts: String },
}

impl PageRoom {
    /// Tencent's where `read`, which has the settings, names a key that not everybody knows.
    ///
    /// # Errors
    /// [`BadSetting`]: a file that is no SDK for a page, or no addresses.
    pub(crate) fn new(read: impl Fn(&str) -> Option<String>, pages: &TrtcPages) -> Result<Self, BadSetting> {
        let set = |name: &str| read(name).filter(|value| !value.is_empty());
        // Read where the pages do not need them too, so that what is wrong is said at once.
        let hosts = pages.hosts.as_deref().map_or_else(|| Ok(of_tencent()), checked)?;
        let sdk = sdk(pages)?;
        if set("TRTC_SECRET_KEY").is_none_or(|key| key == DEV_TRTC_KEY) {
            return Ok(Self::Local);
        }
        if set("TRTC_SDK_APP_ID").is_none_or(|id| id == DEV_SDK_APP_ID.to_string()) {
            tracing::warn!(
                "TRTC_SECRET_KEY is set and TRTC_SDK_APP_ID is not: no application of Tencent's has both, so the pages stay in \
                 the room of this process"
            );
            return Ok(Self::Local);
        }
        if sdk.is_none() {
            tracing::warn!(
                "TRTC_SECRET_KEY is set, so the pages enter Tencent's rooms, but they have no copy of TRTC's SDK: start \
                 with --trtc-sdk FILE, as docs/pages.md says"
            );
        }
        Ok(Self::Trtc { sdk, hosts })
    }

    /// As `/pages/config.json` has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Trtc { .. } => "trtc",
        }
    }

    /// Where the pages may connect to besides.
    pub(super) fn hosts(&self) -> &str {
        match self {
            Self::Local => "",
            Self::Trtc { hosts, .. } => hosts,
        }
    }
}

/// The operator's file, read once: what is wrong with it is said at the start.
fn sdk(TrtcPages { sdk, .. }: &TrtcPages) -> Result<Option<Bytes>, BadSetting> {
    let Some(path) = sdk else { return Ok(None) };
    let bad = |why: &str| BadSetting { name: SDK, why: format!("{}: {why}", path.display()) };
    let file = std::fs::read(path).map_err(|error| bad(&error.to_string()))?;
    let text = String::from_utf8_lossy(&file);
    if IMPORTS.iter().any(|import| text.contains(import)) {
        return Err(bad("it imports webrtc-adapter, which a page cannot: use trtc.js of the same package"));
    }
    Ok(Some(file.into()))
}

/// As a policy of a page has them: `https` for scheduling and logs, `wss` for signalling.
fn of_tencent() -> String {
    TENCENT.map(|host| format!("https://{host} wss://{host}")).join(" ")
}

/// `hosts`, as the template takes them.
fn checked(hosts: &str) -> Result<String, BadSetting> {
    let in_host = |c: char| c.is_ascii_alphanumeric() || ".*:-".contains(c);
    let is_host = |host: &str| !host.is_empty() && host.chars().all(in_host);
    let is_address = |address: &str| {
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("wss://"));
        host.is_some_and(is_host)
    };
    if hosts.split(' ').all(is_address) {
        return Ok(hosts.to_owned());
    }
    let why = "must be addresses such as https://*.example.com wss://*.example.com, with a space between them".into();
    Err(BadSetting { name: HOSTS, why })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const OWN: [(&str, &str); 2] = [("TRTC_SDK_APP_ID", "1400000002"), ("TRTC_SECRET_KEY", "the operator's own")];

    fn room(settings: &[(&str, &str)], pages: &TrtcPages) -> Result<PageRoom, BadSetting> {
        let read = |asked: &str| settings.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned());
        PageRoom::new(read, pages)
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trtc.js");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn without_an_application_of_the_operator_s_own_the_room_is_this_process_s() {
        let none = TrtcPages::default();
        let development = [("TRTC_SDK_APP_ID", "1400000001"), ("TRTC_SECRET_KEY", DEV_TRTC_KEY)];
        let half = [OWN[1], ("TRTC_SDK_APP_ID", "1400000001")];
        let cases: [&[(&str, &str)]; 6] = [&[], &development, &[("TRTC_SECRET_KEY", "")], &OWN[..1], &OWN[1..], &half];
        for settings in cases {
            let room = room(settings, &none).unwrap();
            assert_eq!((room.name(), room.hosts()), ("local", ""), "{settings:?}");
        }
    }

    #[test]
    fn with_one_the_room_is_tencent_s_with_and_without_the_sdk() {
        let without = room(&OWN, &TrtcPages::default()).unwrap();
        assert_eq!(without, PageRoom::Trtc { sdk: None, hosts: of_tencent() });
        let (_folder, path) = file("globalThis.TRTC = {};");
        let with = room(&OWN, &TrtcPages { sdk: Some(path), hosts: None }).unwrap();
        let sdk = Some(Bytes::from_static(b"globalThis.TRTC = {};"));
        assert_eq!(with, PageRoom::Trtc { sdk, hosts: of_tencent() });
        assert_eq!((without.name(), with.name()), ("trtc", "trtc"));
    }

    #[test]
    fn the_pages_may_connect_to_the_hosts_that_the_operators_guide_lists() {
        let guide = include_str!("../../../../docs/operators.md");
        let listed = guide.lines().find_map(|line| line.strip_prefix("for host in ")?.strip_suffix("; do")).unwrap();
        // In quotes, where a shell would look for files of such names.
        assert_eq!(listed.split(' ').map(|host| host.trim_matches('\'')).collect::<Vec<_>>(), TENCENT);
        let hosts = of_tencent();
        assert!(hosts.starts_with("https://yun.tim.qq.com wss://yun.tim.qq.com https://*.rtc.qcloud.com"), "{hosts}");
        assert_eq!(checked(&hosts).unwrap(), hosts);
    }

    #[test]
    fn hosts_of_the_operator_s_own_go_before_and_cannot_bend_the_policy() {
        let with = |hosts: &str| room(&OWN, &TrtcPages { sdk: None, hosts: Some(hosts.into()) });
        let own = "https://a.example wss://*.a.example:443";
        assert_eq!(with(own).unwrap().hosts(), own);
        for bad in ["", "a.example", "http://a.example", "https://", "https://a; script-src *", "https://a  wss://a"] {
            assert_eq!(with(bad).err().map(|error| error.name), Some("ILOCK_TRTC_HOSTS"), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_work_is_refused_at_the_start_by_name() {
        let (_folder, for_bundlers) = file(r#"var a=1;import b from"webrtc-adapter";export{a as default};"#);
        for (path, said) in [(for_bundlers, "use trtc.js"), ("/nowhere/trtc.js".into(), "/nowhere/trtc.js")] {
            let refused = room(&OWN, &TrtcPages { sdk: Some(path), hosts: None }).unwrap_err();
            assert_eq!(refused.name, "ILOCK_TRTC_SDK");
            assert!(refused.why.contains(said), "{refused}");
        }
    }
}
