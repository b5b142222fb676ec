//! What a signed token claims (RFC 7519 §4.1), read strictly: a claim of the wrong type is not a missing claim. A claim that
//! is null is one that is not there: login services write both.

use ilock_events::{Login, LoginSession, Millis, PartyId, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::claim_names::DEFAULT_TENANT;
use crate::{ClaimNames, Identity, TokenRefused};

/// How far two clocks may be apart, in milliseconds.
const LEEWAY: i64 = 60_000;

/// The claims of a token whose signature was checked.
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn new(mut claims: Map<String, Value>) -> Self {
        claims.retain(|_, value| !value.is_null());
        Self(claims)
    }

    /// Refuses a token that is not valid at `now`; the answer is `exp`.
    pub(crate) fn check_time(&self, now: Millis) -> Result<Millis, TokenRefused> {
        let expires = self.moment("exp")?.ok_or(refused("exp"))?;
        if now >= expires.plus(LEEWAY) {
            return Err(TokenRefused::Expired);
        }
        if let Some(from) = self.moment("nbf")?
            && now < from.plus(-LEEWAY)
        {
            return Err(TokenRefused::NotYetValid);
        }
        for name in ["iat", "auth_time"] {
            if self.moment(name)?.is_some_and(|at| now < at.plus(-LEEWAY)) {
                return Err(TokenRefused::Ahead { name });
            }
        }
        Ok(expires)
    }

    /// Refuses a token that is good for more than `longest` seconds, from when it was issued, else from `now`.
    pub(crate) fn check_life(&self, longest: u32, now: Millis) -> Result<(), TokenRefused> {
        let expires = self.moment("exp")?.ok_or(refused("exp"))?;
        let from = self.moment("iat")?.map_or(now, |issued| issued.min(now));
        if expires.since(from) > i64::from(longest).saturating_mul(1_000) { Err(TokenRefused::TooLong) } else { Ok(()) }
    }

    pub(crate) fn check_issuer(&self, issuer: &str) -> Result<(), TokenRefused> {
        match self.0.get("iss") {
            Some(Value::String(iss)) if iss == issuer => Ok(()),
            _ => Err(TokenRefused::Issuer),
        }
    }

    /// `aud`: a text, a list of texts, or absent.
    pub(crate) fn audiences(&self) -> Result<Option<Vec<&str>>, TokenRefused> {
        let bad = refused("aud");
        match self.0.get("aud") {
            None => Ok(None),
            Some(Value::String(aud)) => Ok(Some(vec![aud])),
            Some(Value::Array(list)) => {
                list.iter().map(|aud| aud.as_str().ok_or(bad)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(bad),
        }
    }

    /// Who it is, under the names that the login service has for it.
    pub(crate) fn identity(&self, names: &ClaimNames) -> Result<Identity, TokenRefused> {
        // Some services write a number, which RFC 7519 does not allow.
        let sub = names.subject.find(&self.0).ok_or(refused("sub"))?;
        let id = PartyId::deserialize(sub).map_err(|_| refused("sub"))?;
        let role = names.role_in(names.role.find(&self.0))?;
        let tenant = match names.tenant.find(&self.0) {
            None => DEFAULT_TENANT.to_owned(),
            Some(Value::String(tenant)) => tenant.clone(),
            Some(Value::Number(tenant)) if tenant.is_i64() || tenant.is_u64() => tenant.to_string(),
            Some(_) => return Err(refused("tenant")),
        };
        let tenant = TenantId::new(tenant).map_err(|_| refused("tenant"))?;
        Ok(Identity { id, role, tenant })
    }

    /// The login that the token comes from; its session is what the first claim of `sessions` that is there says.
    ///
    /// A login that lies ahead was made by a clock that is fast by up to [`LEEWAY`]: until ours has caught up it counts as
    /// that much older, so that a logout ends it. From then on nothing tells it from one that was made after the logout.
    pub(crate) fn login(&self, sessions: &[String], now: Millis) -> Result<Login, TokenRefused> {
        let session = match sessions.iter().find_map(|name| self.0.get(name)) {
            None => None,
            Some(Value::String(name)) if !name.is_empty() => Some(LoginSession::named(name)),
            Some(Value::Number(number)) => Some(LoginSession::named(&number.to_string())),
            Some(_) => return Err(refused("session")),
        };
        let since = match self.login_moment("auth_time")? {
            Some(since) => Some(since),
            None => self.login_moment("iat")?,
        };
        let older = |since: Millis| if since > now { since.plus(-LEEWAY) } else { since };
        Ok(Login { session, since: since.map(|since| whole_seconds(older(since))) })
    }

    /// The login that a password of ours was made for.
    pub(crate) fn own_login(&self) -> Result<Login, TokenRefused> {
        let session = match self.0.get("sid") {
            None => None,
            Some(sid) => Some(LoginSession::deserialize(sid).map_err(|_| refused("sid"))?),
        };
        Ok(Login { session, since: self.login_moment("auth_time")? })
    }

    /// When somebody logged in, which nobody did before 1970: an earlier time is a mistake, and may be one with which nothing
    /// can be reckoned.
    fn login_moment(&self, name: &'static str) -> Result<Option<Millis>, TokenRefused> {
        match self.moment(name)? {
            Some(at) if at < Millis(0) => Err(refused(name)),
            at => Ok(at),
        }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, TokenRefused> {
        self.0.get(name).and_then(Value::as_str).ok_or(refused(name))
    }

    /// A NumericDate: seconds since 1970, possibly with a fraction.
    fn moment(&self, name: &'static str) -> Result<Option<Millis>, TokenRefused> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let millis = match (value.as_i64(), value.as_f64()) {
            (Some(seconds), _) => seconds.saturating_mul(1_000),
            (None, Some(seconds)) => rounded(seconds * 1_000.0),
            (None, None) => return Err(refused(name)),
        };
        Ok(Some(Millis(millis)))
    }
}

const fn refused(name: &'static str) -> TokenRefused {
    TokenRefused::Claim { name }
}

/// `at`, which is not before 1970, cut to the second.
const fn whole_seconds(at: Millis) -> Millis {
    Millis(at.0.div_euclid(1_000) * 1_000)
}

#[expect(clippy::cast_possible_truncation, reason = "`as` cuts the fraction and saturates, which is what is meant")]
const fn rounded(millis: f64) -> i64 {
    millis as i64
}
