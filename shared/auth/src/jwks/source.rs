//! Where the login service's keys come from: a file, or a URL.

use std::{fs::File, io::Read, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::{Client, Url, redirect};

use super::key::{PublicKey, read_set};

/// How long the login service has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most that is read, in bytes. Real sets have 1 to 20 KB.
const LONGEST_SET: usize = 256 * 1_024;

/// Where the login service's keys (a JWK set, RFC 7517 §5) are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// A file, read again as a URL would be asked again.
    File(PathBuf),
    /// `https`; `http` only to this very machine. Redirects are not followed.
    Url(String),
}

/// Why keys can never come from a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    /// Not a URL.
    #[error("the JWKS URL is not a URL")]
    NotAUrl,
    /// Keys that come in the clear can be anybody's.
    #[error("the JWKS URL must be https")]
    NotHttps,
    /// A name or password in the URL would stand in logs.
    #[error("the JWKS URL must not contain a user name or password")]
    Credentials,
    /// Not there, or not to be read.
    #[error("the JWKS file cannot be read: {0}")]
    File(std::io::ErrorKind),
    #[error("the JWKS file is not a JWK set")]
    NotJwks,
    /// The TLS library does not start: no root certificates, mostly.
    #[error("the HTTP client does not start")]
    Client,
}

/// Why keys did not come this time.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("the file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("no answer: {0}")]
    Http(reqwest::Error),
    #[error("the answer is {0}")]
    Status(reqwest::StatusCode),
    #[error("there are more than {LONGEST_SET} bytes")]
    TooLong,
    #[error("it is not a JWK set: {0}")]
    NotJwks(#[from] serde_json::Error),
}

pub(super) enum Source {
    File(PathBuf),
    Url { client: Client, url: Url },
}

impl JwksSource {
    /// Whether keys can come from there: without asking a URL, and with a look at a file.
    ///
    /// # Errors
    /// [`BadSource`].
    pub fn check(&self) -> Result<(), BadSource> {
        match self {
            Self::Url(url) => checked(url).map(drop),
            Self::File(path) => {
                let file = File::open(path).map_err(|error| BadSource::File(error.kind()))?;
                let mut json = Vec::new();
                let read = file.take(LONGEST_SET as u64 + 1).read_to_end(&mut json);
                read.map_err(|error| BadSource::File(error.kind()))?;
                read_set(&json).map(drop).map_err(|_| BadSource::NotJwks)
            }
        }
    }
}

fn checked(url: &str) -> Result<Url, BadSource> {
    let url = Url::parse(url).map_err(|_| BadSource::NotAUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err(BadSource::NotHttps),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadSource::Credentials);
    }
    Ok(url)
}

impl Source {
    pub(super) fn new(source: &JwksSource) -> Result<Self, BadSource> {
        let url = match source {
            JwksSource::File(path) => return Ok(Self::File(path.clone())),
            JwksSource::Url(url) => checked(url)?,
        };
        let mut client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none());
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|_| BadSource::Client)?;
        Ok(Self::Url { client, url })
    }

    pub(super) async fn fetch(&self) -> Result<Vec<PublicKey>, NotFetched> {
        let json = match self {
            // Blocking, because a bounded local file takes less than handing it to another thread.
            Self::File(path) => {
                let mut json = Vec::new();
                File::open(path)?.take(LONGEST_SET as u64 + 1).read_to_end(&mut json)?;
                json
            }
            Self::Url { client, url } => download(client, url).await?,
        };
        if json.len() > LONGEST_SET {
            return Err(NotFetched::TooLong);
        }
        Ok(read_set(&json)?)
    }
}

async fn download(client: &Client, url: &Url) -> Result<Vec<u8>, NotFetched> {
    let mut answer = client.get(url.clone()).send().await.map_err(no_answer)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(NotFetched::Status(answer.status()));
    }
    let mut json = Vec::new();
    // Piece by piece, so that an endless answer ends at the bound; its `content-length` may lie.
    while let Some(piece) = answer.chunk().await.map_err(no_answer)? {
        if json.len() + piece.len() > LONGEST_SET {
            return Err(NotFetched::TooLong);
        }
        json.extend_from_slice(&piece);
    }
    Ok(json)
}

/// Without the URL: its query may be somebody's secret.
fn no_answer(error: reqwest::Error) -> NotFetched {
    NotFetched::Http(error.without_url())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<BadSource> {
        Source::new(&JwksSource::Url(url.into())).err()
    }

    #[test]
    fn keys_come_over_https_or_from_this_very_machine() {
        for good in [
            "https://login.example/jwks.json",
            "http://localhost:8080/jwks",
            "http://127.0.0.1:1/jwks",
            "http://[::1]:1/jwks",
        ] {
            assert_eq!(refusal(good), None, "{good}");
        }
        for bad in [
            "http://login.example/jwks.json",
            "http://127.0.0.1.example/jwks",
            "http://localhost.example/jwks",
            "http://10.0.0.1/jwks",
            "http://169.254.169.254/jwks",
            "ftp://localhost/jwks",
            "file:///etc/jwks.json",
        ] {
            assert_eq!(refusal(bad), Some(BadSource::NotHttps), "{bad}");
        }
        assert_eq!(refusal("login.example"), Some(BadSource::NotAUrl));
        assert_eq!(refusal("https://a:b@login.example/jwks"), Some(BadSource::Credentials));
    }
}
