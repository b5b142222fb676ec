//! Under which names a login service writes who somebody is.

use serde_json::{Map, Value};

use crate::{Identity, Role, TokenRefused};

/// The tenant of a token that names none.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// Where a claim stands in a token: a claim's name, or the names of objects on the way to it with dots between, such as
/// `realm_access.roles`. A claim whose name is the whole text goes before: names may be URLs, which have dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

/// A path that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a claim, or a path of names with dots between")]
pub struct BadClaimPath;

impl std::str::FromStr for ClaimPath {
    type Err = BadClaimPath;

    fn from_str(path: &str) -> Result<Self, BadClaimPath> {
        let good = path.split('.').all(|name| !name.is_empty()) && !path.chars().any(char::is_control);
        if good { Ok(Self(path.to_owned())) } else { Err(BadClaimPath) }
    }
}

impl ClaimPath {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands there; null is nothing.
    pub(crate) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let nested = || {
            let mut names = self.0.split('.');
            let first = claims.get(names.next()?)?;
            names.try_fold(first, |value, name| value.get(name))
        };
        claims.get(&self.0).or_else(nested).filter(|value| !value.is_null())
    }

    /// Writes `value` there.
    fn put(&self, claims: &mut Map<String, Value>, value: Value) {
        // The dots of a URL are no path.
        let path = if self.0.contains("://") { None } else { self.0.rsplit_once('.') };
        let Some((objects, last)) = path else {
            claims.insert(self.0.clone(), value);
            return;
        };
        let mut object = claims;
        for name in objects.split('.') {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return };
            object = inner;
        }
        object.insert(last.to_owned(), value);
    }
}

/// Under which names a login service writes who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The id: a text, or an integer.
    pub subject: ClaimPath,
    /// The role: a text, or a list of texts of which one is a role.
    pub role: ClaimPath,
    /// The tenant: a text, or an integer.
    pub tenant: ClaimPath,
    /// The role of a token that names none.
    pub default_role: Option<Role>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let path = |name: &str| ClaimPath(name.to_owned());
        Self { subject: path("sub"), role: path("role"), tenant: path("tenant"), default_role: None }
    }
}

impl ClaimNames {
    /// The claims that say who `identity` is, under these names.
    #[must_use]
    pub fn claims_of(&self, identity: &Identity) -> Map<String, Value> {
        let mut claims = Map::new();
        self.subject.put(&mut claims, identity.id.as_str().into());
        self.role.put(&mut claims, identity.role.word().into());
        if identity.tenant.as_str() != DEFAULT_TENANT {
            self.tenant.put(&mut claims, identity.tenant.as_str().into());
        }
        claims
    }

    /// The one role that `claim` names. Whatever else a list names is another service's; two roles are no answer.
    pub(crate) fn role_in(&self, claim: Option<&Value>) -> Result<Role, TokenRefused> {
        let refused = TokenRefused::Claim { name: "role" };
        let words = match claim {
            None => vec![],
            Some(Value::String(word)) => vec![word.as_str()],
            Some(Value::Array(words)) => {
                words.iter().map(|word| word.as_str().ok_or(refused)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(refused),
        };
        let mut roles = words.into_iter().filter_map(|word| word.parse::<Role>().ok());
        let first = roles.next();
        if roles.any(|role| Some(role) != first) {
            return Err(refused);
        }
        first.or(self.default_role).ok_or(refused)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, claims: &Value) -> Option<Value> {
        path.parse::<ClaimPath>().unwrap().find(claims.as_object().unwrap()).cloned()
    }

    #[test]
    fn a_path_leads_into_objects_and_a_whole_name_goes_before() {
        let claims = json!({
            "realm_access": { "roles": ["user"], "none": null }, "a": { "b": { "c": 7 } }, "a.b": "whole",
            "https://example.com/roles": ["device"],
        });
        assert_eq!(found("realm_access.roles", &claims), Some(json!(["user"])));
        assert_eq!(found("a.b.c", &claims), Some(json!(7)));
        assert_eq!(found("a.b", &claims), Some(json!("whole")));
        assert_eq!(found("https://example.com/roles", &claims), Some(json!(["device"])));
        for nowhere in ["realm_access.none", "realm_access.roles.0", "b", "a.c", "realm_access.roles.user"] {
            assert_eq!(found(nowhere, &claims), None, "{nowhere}");
        }
    }

    #[test]
    fn a_path_with_an_empty_name_is_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a\n"] {
            assert_eq!(bad.parse::<ClaimPath>(), Err(BadClaimPath), "{bad:?}");
        }
    }
}
