//! Starting a client.

use ilock_client_core::{BadConfig, BadState, Client, Config, Role};
use tokio::sync::mpsc::unbounded_channel;

use crate::driver::Driver;
use crate::handle::{Events, Handle};
use crate::http::Http;
use crate::tokens::AccessTokens;

/// Why a client could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the client was to say of itself.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// The saved state.
    #[error(transparent)]
    State(#[from] BadState),
    /// The backend's address.
    #[error("{0} is no address of a backend: it must begin with http:// or https://")]
    Address(String),
    /// TLS could not be set up.
    #[error("cannot set up HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Randomness(String),
    /// There is no tokio runtime here.
    #[error("a client runs on tokio: call start() within a runtime")]
    NoRuntime,
}

/// A client to be started.
#[derive(Debug, Clone)]
pub struct Builder {
    server: String,
    tokens: AccessTokens,
    config: Config,
    trust: Option<Vec<u8>>,
    authorizer: Option<String>,
    saved: Option<String>,
}

/// A person's phone at the backend `server`.
#[must_use]
pub fn phone(server: &str, tokens: AccessTokens) -> Builder {
    Builder::new(server, tokens, Role::Phone)
}

/// A door station at the backend `server`.
#[must_use]
pub fn door(server: &str, tokens: AccessTokens) -> Builder {
    Builder::new(server, tokens, Role::Door)
}

impl Builder {
    fn new(server: &str, tokens: AccessTokens, role: Role) -> Self {
        let name = match role {
            Role::Phone => "phone",
            Role::Door => "door",
        };
        let mut config = Config::new(role, name.into());
        config.platform = Some("linux".into());
        let server = server.trim_end_matches('/').to_owned();
        Self { server, tokens, config, trust: None, authorizer: None, saved: None }
    }

    /// The name of this installation, when the person or door station has several: 1 to 52 of `A-Z a-z 0-9 _ -`.
    #[must_use]
    pub fn client_id(mut self, name: impl Into<String>) -> Self {
        self.config.client_id = name.into();
        self
    }

    /// `android`, `ios`, `web`; `linux` where none is given.
    #[must_use]
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.config.platform = Some(platform.into());
        self
    }

    /// The app's version.
    #[must_use]
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.config.app_version = Some(version.into());
        self
    }

    /// The language of messages and pushes: `zh-CN`, `en`.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.config.language = Some(language.into());
        self
    }

    /// Trusts these certificates, PEM, on TLS connections to the broker, in place of the system's.
    #[must_use]
    pub fn trust(mut self, pem: Vec<u8>) -> Self {
        self.trust = Some(pem);
        self
    }

    /// The name of the operator's custom authorizer, where it is not the default one of the account.
    #[must_use]
    pub fn authorizer(mut self, name: impl Into<String>) -> Self {
        self.authorizer = Some(name.into());
        self
    }

    /// Goes on from what [`Handle::save`] gave.
    #[must_use]
    pub fn restore(mut self, saved: impl Into<String>) -> Self {
        self.saved = Some(saved.into());
        self
    }

    /// Starts the client: it registers and connects, and tells by events how that goes.
    ///
    /// # Errors
    /// [`StartError`] says what to change. Nothing was sent then.
    pub fn start(self) -> Result<(Handle, Events), StartError> {
        if !self.server.starts_with("http://") && !self.server.starts_with("https://") {
            return Err(StartError::Address(self.server));
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        // TLS to the broker takes the provider of the process; one that was set before stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut seed = vec![0; 32];
        getrandom::fill(&mut seed).map_err(|error| StartError::Randomness(error.to_string()))?;
        let language = self.config.language.clone().unwrap_or_else(|| "en".into());
        let core = match &self.saved {
            Some(saved) => Client::restore(self.config, seed, saved)?,
            None => Client::new(self.config, seed)?,
        };
        let http = Http { client: reqwest::Client::builder().build()?, server: self.server, language };
        let (wishes, wished) = unbounded_channel();
        let (events, told) = unbounded_channel();
        let driver = Driver::new(core, http, self.tokens, wishes.clone(), events);
        let driver = driver.with_broker(self.trust, self.authorizer);
        runtime.spawn(driver.run(wished));
        Ok((Handle { wishes }, Events { events: told }))
    }
}
