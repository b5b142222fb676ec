//! A running stack, and the parties and phones on it.

use ilock_auth::Role;
use ilock_events::CallId;
use ilock_local::{Options, Stack};
use ilock_log::History;

use crate::parties::{Party, session_token, token_at};
use crate::phone::{Phone, Version};

/// A running stack of its own for one test.
pub struct World {
    pub stack: Stack,
    client: reqwest::Client,
}

impl World {
    /// A stack in memory.
    pub async fn new() -> Self {
        Self::with(Options::anywhere()).await
    }

    /// A stack with these options.
    pub async fn with(options: Options) -> Self {
        // A test calls as often as it likes, unless it is about that.
        let Options { settings: read, .. } = options;
        let unlimited = |name: &str| (name == "LIMIT_PRESSES_A_MINUTE").then(|| "off".to_owned());
        let settings = Box::new(move |name: &str| read(name).or_else(|| unlimited(name)));
        let options = Options { settings, ..options };
        Self { stack: Stack::start(options).await.unwrap(), client: reqwest::Client::new() }
    }

    /// A party of `role` in the default tenant.
    #[must_use]
    pub fn party(&self, id: &str, role: Role) -> Party {
        self.party_of("default", id, role)
    }

    /// A party of `role` in `tenant`, logged in now by the stack's clock.
    #[must_use]
    pub fn party_of(&self, tenant: &str, id: &str, role: Role) -> Party {
        self.bearer(id, token_at(id, role, tenant, self.stack.calls.clock.now()))
    }

    /// A party with this token, valid or not.
    #[must_use]
    pub fn bearer(&self, id: &str, token: String) -> Party {
        Party::at(self.stack.at.http, id, token).over(self.client.clone())
    }

    #[must_use]
    pub fn user(&self, id: &str) -> Party {
        self.party(id, Role::User)
    }

    /// The user `id`, logged in by `session` now by the stack's clock.
    #[must_use]
    pub fn logged_in(&self, id: &str, session: Option<&str>) -> Party {
        self.bearer(id, session_token(id, Role::User, session, self.stack.calls.clock.now()))
    }

    #[must_use]
    pub fn door(&self, id: &str) -> Party {
        self.party(id, Role::Device)
    }

    /// A phone of `user`, registered and connected.
    pub async fn phone(&self, user: &Party, name: &str) -> Phone {
        Phone::connect(user, name, Version::V5).await
    }

    /// The call's history in the log.
    pub async fn log(&self, call: &str) -> History {
        self.stack.calls.log.load(&CallId::new(call).unwrap()).await.unwrap()
    }

    pub async fn end(self) {
        self.stack.stop().await;
    }
}
