//! Secrets, by reference. A function's environment says where each is, and has none of them: so nobody reads them in its
//! configuration, and none stays behind in a version that was published once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use futures::future::try_join_all;
use ilock_functions::settings::Settings;
use serde_json::{Map, Value};

/// What a reference begins with: `secretsmanager:NAME:KEY` is the text KEY of the JSON object that the secret NAME has.
const REFERENCE: &str = "secretsmanager:";

/// A text within a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    secret: String,
    key: String,
}

impl Reference {
    fn of(value: &str) -> Option<Self> {
        let (secret, key) = value.strip_prefix(REFERENCE)?.rsplit_once(':')?;
        Some(Self { secret: secret.to_owned(), key: key.to_owned() })
    }
}

/// A function's environment, and what it refers to once that was fetched.
pub struct Secrets {
    environment: BTreeMap<String, String>,
    fetched: OnceLock<BTreeMap<String, Map<String, Value>>>,
}

/// A secret that could not be read. Nothing of its value is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("secret {name}: {why}")]
pub struct SecretUnread {
    pub name: String,
    /// What was wrong.
    pub why: String,
}

impl Secrets {
    /// Those that `environment` refers to.
    #[must_use]
    pub fn referred_to_in(environment: impl IntoIterator<Item = (String, String)>) -> Arc<Self> {
        Arc::new(Self { environment: environment.into_iter().collect(), fetched: OnceLock::new() })
    }

    /// The names of the secrets.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.environment.values().filter_map(|value| Reference::of(value)).map(|reference| reference.secret).collect()
    }

    /// The settings that the environment makes. A secret is not set before it was fetched, and neither is one whose key its
    /// secret does not have.
    #[must_use]
    pub fn settings(self: &Arc<Self>) -> Settings {
        let secrets = self.clone();
        Settings::deployed(move |name| secrets.value(name))
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name)?;
        let Some(Reference { secret, key }) = Reference::of(value) else { return Some(value.clone()) };
        self.fetched.get()?.get(&secret)?.get(&key)?.as_str().map(str::to_owned)
    }

    /// Fetches each secret once, all at the same time, as it is now.
    ///
    /// # Errors
    /// [`SecretUnread`]; it may be tried again.
    pub async fn fetch(&self, client: &Client) -> Result<(), SecretUnread> {
        if self.fetched.get().is_some() {
            return Ok(());
        }
        let fetched = self.names().into_iter().map(async |name| {
            let texts = texts_of(client, &name).await.map_err(|why| SecretUnread { name: name.clone(), why })?;
            Ok((name, texts))
        });
        let fetched = try_join_all(fetched).await?;
        let _ = self.fetched.set(fetched.into_iter().collect());
        Ok(())
    }
}

async fn texts_of(client: &Client, name: &str) -> Result<Map<String, Value>, String> {
    let read = client.get_secret_value().secret_id(name).send().await;
    let read = read.map_err(|error| DisplayErrorContext(error).to_string())?;
    let text = read.secret_string.ok_or("it has no text")?;
    // What serde says of it may quote it.
    serde_json::from_str(&text).map_err(|_| "it is no JSON object".to_owned())
}
