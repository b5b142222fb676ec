//! What a signed token claims (RFC 7519 §4.1), read strictly: a claim of the wrong type is not a missing claim.

use ilock_events::{Millis, PartyId, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Identity, Role, TokenRefused};

/// How far two clocks may be apart, in milliseconds.
const LEEWAY: i64 = 60_000;

/// The tenant of a token that names none.
const DEFAULT_TENANT: &str = "default";

/// The claims of a token whose signature was checked.
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) const fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Refuses a token that is not valid at `now`; the answer is `exp`.
    pub(crate) fn check_time(&self, now: Millis) -> Result<Millis, TokenRefused> {
        let expires = self.moment("exp")?.ok_or(TokenRefused::Claim { name: "exp" })?;
        if now >= expires.plus(LEEWAY) {
            return Err(TokenRefused::Expired);
        }
        if let Some(from) = self.moment("nbf")?
            && now < from.plus(-LEEWAY)
        {
            return Err(TokenRefused::NotYetValid);
        }
        Ok(expires)
    }

    pub(crate) fn check_issuer(&self, issuer: &str) -> Result<(), TokenRefused> {
        match self.0.get("iss") {
            Some(Value::String(iss)) if iss == issuer => Ok(()),
            _ => Err(TokenRefused::Issuer),
        }
    }

    /// `aud`: a text, a list of texts, or absent.
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, TokenRefused> {
        let bad = TokenRefused::Claim { name: "aud" };
        match self.0.get("aud") {
            None => Ok(Vec::new()),
            Some(Value::String(aud)) => Ok(vec![aud]),
            Some(Value::Array(list)) => list.iter().map(|aud| aud.as_str().ok_or(bad)).collect(),
            Some(_) => Err(bad),
        }
    }

    pub(crate) fn identity(&self) -> Result<Identity, TokenRefused> {
        // Some services write a number, which RFC 7519 does not allow.
        let sub = self.0.get("sub").ok_or(refused("sub"))?;
        let id = PartyId::deserialize(sub).map_err(|_| refused("sub"))?;
        let role: Role = self.text("role")?.parse().map_err(|_| refused("role"))?;
        let tenant = match self.0.get("tenant") {
            None => DEFAULT_TENANT,
            Some(_) => self.text("tenant")?,
        };
        let tenant = TenantId::new(tenant).map_err(|_| refused("tenant"))?;
        Ok(Identity { id, role, tenant })
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

#[expect(clippy::cast_possible_truncation, reason = "`as` cuts the fraction and saturates, which is what is meant")]
const fn rounded(millis: f64) -> i64 {
    millis as i64
}
