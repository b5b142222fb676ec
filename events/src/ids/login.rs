//! The login that a token comes from: what a person, or an operator, can end.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::base32;
use crate::Millis;

/// How many base32 characters of the digest stand for a session: 130 bits.
const DERIVED: usize = 26;

/// A login session of the login service. It stands as a digest: a session's own name may be a secret of that service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginSession(String);

impl LoginSession {
    /// The session that a token calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        // 17 bytes are enough for 26 characters of 5 bits.
        let mut digest = base32::encode(&Sha256::digest(name)[..17]);
        digest.truncate(DERIVED);
        Self(digest)
    }

    /// The session whose digest is `text`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        (text.len() == DERIVED && base32::is_base32(text)).then(|| Self(text.to_owned()))
    }

    /// The digest as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a token says of the login that it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Its session, where the login service names one. Refreshed tokens have the same.
    #[serde(default, rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session: Option<LoginSession>,
    /// When the person logged in, else when the token was issued; in whole seconds.
    #[serde(default, rename = "auth_time", skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
}

impl Login {
    /// Whether it is older than the logout of `at`. Whole seconds are compared, and equal counts as after: a person who
    /// logs in again in the same second is let in. What does not say its age counts as older than any logout.
    #[must_use]
    pub fn is_before(&self, at: Millis) -> bool {
        let seconds = |at: Millis| at.0.div_euclid(1000);
        self.since.is_none_or(|since| seconds(since) < seconds(at))
    }

    /// Whether `other` comes from the same session. Of a login without one nobody can say.
    #[must_use]
    pub fn is_of_session_of(&self, other: &Self) -> bool {
        self.session.is_some() && self.session == other.session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_name_and_does_not_show_it() {
        let session = LoginSession::named("f2c1a9d0-4c1b-4c55-9b57-0b9a7c5a1f7e");
        assert_eq!(session, LoginSession::named("f2c1a9d0-4c1b-4c55-9b57-0b9a7c5a1f7e"));
        assert_ne!(session, LoginSession::named("F2C1A9D0-4C1B-4C55-9B57-0B9A7C5A1F7E"));
        assert_eq!(session.as_str().len(), 26);
    }

    #[test]
    fn a_login_in_the_second_of_the_logout_counts_as_after_it_and_one_without_an_age_as_before() {
        let logout = Millis(1_700_000_000_900);
        let since = |ms| Login { session: None, since: Some(Millis(ms)) };
        assert!(since(1_699_999_999_999).is_before(logout));
        for after in [1_700_000_000_000, 1_700_000_000_899, 1_700_000_001_000] {
            assert!(!since(after).is_before(logout), "{after}");
        }
        assert!(Login::default().is_before(Millis(0)));
    }

    #[test]
    fn logins_without_a_session_are_of_none() {
        let of = |name: &str| Login { session: Some(LoginSession::named(name)), since: None };
        assert!(of("a").is_of_session_of(&Login { since: Some(Millis(0)), ..of("a") }));
        for (one, other) in [(of("a"), of("b")), (of("a"), Login::default()), (Login::default(), Login::default())] {
            assert!(!one.is_of_session_of(&other));
        }
    }
}
