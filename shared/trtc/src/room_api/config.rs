//! Where Tencent's room API is and who asks it, checked before the first request.

use std::{fmt, net::IpAddr, time::Duration};

use reqwest::{Client, Proxy, Url, redirect};

use crate::ApiKey;

/// Tencent's endpoint, outside mainland China `https://trtc.intl.tencentcloudapi.com`.
const PUBLIC_URL: &str = "https://trtc.tencentcloudapi.com";

/// Who asks Tencent, and where.
#[derive(Clone)]
pub struct RoomApiConfig {
    /// The operator's TRTC application.
    pub sdk_app_id: u32,
    /// A key pair whose account may call `trtc:DismissRoom` and `trtc:RemoveUser`.
    pub key: ApiKey,
    /// `ap-guangzhou`, `ap-beijing`, or outside mainland China `ap-singapore`.
    pub region: String,
    /// `https://host` or `https://host:port`; `http` only to this very machine. Redirects are not followed.
    pub url: String,
    /// An HTTP proxy on the way there, `http://host:port` or `http://user:password@host:port`. Without one the
    /// environment's `HTTPS_PROXY` holds, except to this very machine.
    pub proxy: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long all tries may take together, with the pauses between them.
    pub within: Duration,
}

/// Which setting of the room API is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRoomApi {
    /// Empty, or not printable ASCII.
    #[error("the secret id must be printable ASCII without spaces")]
    SecretId,
    /// There is none.
    #[error("the secret key must not be empty")]
    SecretKey,
    /// Not like `ap-guangzhou`.
    #[error("the region must be of a-z, 0-9 and -")]
    Region,
    /// Not a URL with a host.
    #[error("the room API's URL is not a URL")]
    NotAUrl,
    /// Whoever stands between could dismiss rooms for five minutes.
    #[error("the room API's URL must be https")]
    NotHttps,
    /// A name or password in the URL would stand in logs; what is signed is the path `/` without a query.
    #[error("the room API's URL must be a host, perhaps with a port, and nothing else")]
    MoreThanHost,
    /// Not the URL of an HTTP proxy.
    #[error("the room API's proxy must be http://host:port")]
    Proxy,
    /// The TLS library does not start: no root certificates, mostly.
    #[error("the HTTP client does not start")]
    Client,
}

impl RoomApiConfig {
    /// The public endpoint in Guangzhou, 3 seconds for a request, 10 for all tries.
    #[must_use]
    pub fn new(sdk_app_id: u32, key: ApiKey) -> Self {
        Self {
            sdk_app_id,
            key,
            region: "ap-guangzhou".into(),
            url: PUBLIC_URL.into(),
            proxy: None,
            timeout: Duration::from_secs(3),
            within: Duration::from_secs(10),
        }
    }

    /// Whether Tencent can be asked with it, without opening anything.
    ///
    /// # Errors
    /// [`BadRoomApi`]: the first setting that is wrong.
    pub fn check(&self) -> Result<(), BadRoomApi> {
        self.target()?;
        self.proxy.as_deref().map(http_proxy).transpose().map(drop)
    }

    /// The URL that is asked, and its `Host` header.
    pub(super) fn target(&self) -> Result<(Url, String), BadRoomApi> {
        if !is_graphic(self.key.id()) {
            return Err(BadRoomApi::SecretId);
        }
        if !self.key.has_key() {
            return Err(BadRoomApi::SecretKey);
        }
        let region = self.region.as_bytes();
        if region.is_empty() || !region.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-') {
            return Err(BadRoomApi::Region);
        }
        let url = Url::parse(&self.url).map_err(|_| BadRoomApi::NotAUrl)?;
        let host = url.host_str().ok_or(BadRoomApi::NotAUrl)?;
        if !(url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url)) {
            return Err(BadRoomApi::NotHttps);
        }
        let named = !url.username().is_empty() || url.password().is_some();
        if named || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(BadRoomApi::MoreThanHost);
        }
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok((url, host))
    }

    pub(super) fn client(&self, url: &Url) -> Result<Client, BadRoomApi> {
        let client = Client::builder().redirect(redirect::Policy::none());
        let client = match &self.proxy {
            Some(proxy) => client.proxy(http_proxy(proxy)?),
            None if is_loopback(url) => client.no_proxy(),
            None => client,
        };
        client.build().map_err(|_| BadRoomApi::Client)
    }
}

impl fmt::Debug for RoomApiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomApiConfig")
            .field("sdk_app_id", &self.sdk_app_id)
            .field("key", &self.key)
            .field("region", &self.region)
            .field("url", &self.url)
            .field("proxy", &self.proxy.as_ref().map(|_| "[redacted]"))
            .field("timeout", &self.timeout)
            .field("within", &self.within)
            .finish()
    }
}

fn http_proxy(text: &str) -> Result<Proxy, BadRoomApi> {
    let url = Url::parse(text).map_err(|_| BadRoomApi::Proxy)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(BadRoomApi::Proxy);
    }
    Proxy::all(url).map_err(|_| BadRoomApi::Proxy)
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use ilock_events::Millis;

    use super::*;
    use crate::RoomApi;
    use ilock_env::Clock;

    fn config() -> RoomApiConfig {
        RoomApiConfig::new(1_400_000_001, ApiKey::new("AKIDtestid", "testsecretkey"))
    }

    fn refusal(config: &RoomApiConfig) -> Option<BadRoomApi> {
        RoomApi::new(config, Clock::fixed(Millis(0))).err()
    }

    fn at(url: &str) -> RoomApiConfig {
        RoomApiConfig { url: url.into(), ..config() }
    }

    #[test]
    fn the_host_is_signed_as_it_is_sent() {
        let host = |url: &str| at(url).target().unwrap().1;
        assert_eq!(host("https://trtc.tencentcloudapi.com"), "trtc.tencentcloudapi.com");
        assert_eq!(host("https://trtc.tencentcloudapi.com:443/"), "trtc.tencentcloudapi.com");
        assert_eq!(host("https://TRTC.intl.tencentcloudapi.com:8443"), "trtc.intl.tencentcloudapi.com:8443");
        assert_eq!(host("http://127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(host("http://[::1]:8080"), "[::1]:8080");
        assert_eq!(config().target().unwrap().1, "trtc.tencentcloudapi.com");
    }

    #[test]
    fn every_wrong_setting_is_named() {
        assert_eq!(refusal(&config()), None);
        for (wrong, bad) in [
            (RoomApiConfig { key: ApiKey::new("", "key"), ..config() }, BadRoomApi::SecretId),
            (RoomApiConfig { key: ApiKey::new("AKID\n", "key"), ..config() }, BadRoomApi::SecretId),
            (RoomApiConfig { key: ApiKey::new("AKID", ""), ..config() }, BadRoomApi::SecretKey),
            (RoomApiConfig { region: String::new(), ..config() }, BadRoomApi::Region),
            (RoomApiConfig { region: "ap guangzhou".into(), ..config() }, BadRoomApi::Region),
            (at("trtc.tencentcloudapi.com"), BadRoomApi::NotAUrl),
            (at("http://trtc.tencentcloudapi.com"), BadRoomApi::NotHttps),
            (at("http://127.0.0.1.example"), BadRoomApi::NotHttps),
            (at("ftp://localhost"), BadRoomApi::NotHttps),
            (at("https://a:b@trtc.tencentcloudapi.com"), BadRoomApi::MoreThanHost),
            (at("https://trtc.tencentcloudapi.com/v3"), BadRoomApi::MoreThanHost),
            (at("https://trtc.tencentcloudapi.com/?a=b"), BadRoomApi::MoreThanHost),
            (RoomApiConfig { proxy: Some("proxy:3128".into()), ..config() }, BadRoomApi::Proxy),
            (RoomApiConfig { proxy: Some("socks5://127.0.0.1:1080".into()), ..config() }, BadRoomApi::Proxy),
        ] {
            assert_eq!(refusal(&wrong), Some(bad), "{wrong:?}");
        }
    }

    #[test]
    fn neither_the_secret_key_nor_the_proxys_password_is_shown() {
        let config = RoomApiConfig { proxy: Some("http://me:hunter2@127.0.0.1:3128".into()), ..config() };
        let shown = format!("{config:?}");
        assert!(shown.contains("AKIDtestid") && shown.contains("ap-guangzhou"), "{shown}");
        assert!(!shown.contains("testsecretkey") && !shown.contains("hunter2"), "{shown}");
    }
}
