//! Which access tokens are believed.

use std::path::PathBuf;

use ilock_auth::{
    AccessKeys, AccessRules, AsymmetricAlgorithm, BadRules, ClaimNames, JwksSource, MQTT_AUDIENCE, Role, Secret,
};

use super::{BadSetting, DEV_AUDIENCE, Settings, bad};

impl Settings {
    /// `AUTH_ALGORITHMS`, `AUTH_SECRET` and `AUTH_SECRET_SECOND`, or `AUTH_JWKS`, `AUTH_ISSUER`, `AUTH_AUDIENCE`, `AUTH_MISSING_AUDIENCE`,
    /// `AUTH_SUBJECT_CLAIM`, `AUTH_ROLE_CLAIM`, `AUTH_TENANT_CLAIM`, `AUTH_DEFAULT_ROLE`, `AUTH_SESSION_CLAIM`,
    /// `AUTH_MAX_TOKEN_SECONDS`: the login service's rules.
    ///
    /// # Errors
    /// [`BadSetting`] when what it reads is missing or wrong.
    pub fn access(&self) -> Result<AccessRules, BadSetting> {
        let mut rules = AccessRules::new(self.access_keys()?);
        rules.issuer = self.issuer();
        if self.get("AUTH_AUDIENCE").as_deref() == Some(MQTT_AUDIENCE) {
            return Err(bad("AUTH_AUDIENCE", format!("must not be {MQTT_AUDIENCE}, which is that of MQTT passwords")));
        }
        rules.audience = self.audience();
        rules.audience_may_be_absent = match self.get("AUTH_MISSING_AUDIENCE").as_deref() {
            None | Some("refuse") => false,
            Some("accept") => true,
            Some(_) => return Err(bad("AUTH_MISSING_AUDIENCE", "must be refuse or accept")),
        };
        rules.names = self.claim_names()?;
        if let Some(names) = self.get("AUTH_SESSION_CLAIM") {
            rules.session_claims = names.split(',').map(|name| name.trim().to_owned()).collect();
            if rules.session_claims.iter().any(|name| name.is_empty() || name == "jti") {
                let rule =
                    "must name the claim of the login session, or several separated by commas; jti names one token";
                return Err(bad("AUTH_SESSION_CLAIM", rule));
            }
        }
        if let Some(longest) = self.get("AUTH_MAX_TOKEN_SECONDS") {
            rules.longest = longest.parse().map_err(|error| bad("AUTH_MAX_TOKEN_SECONDS", format!("{error}")))?;
        }
        Ok(rules)
    }

    /// `AUTH_SUBJECT_CLAIM`, `AUTH_ROLE_CLAIM`, `AUTH_TENANT_CLAIM`, `AUTH_DEFAULT_ROLE`: under which names a token says who
    /// somebody is, and who is what without saying so.
    ///
    /// # Errors
    /// [`BadSetting`] when one of them is wrong.
    pub fn claim_names(&self) -> Result<ClaimNames, BadSetting> {
        let mut names = ClaimNames::default();
        for (name, path) in [
            ("AUTH_SUBJECT_CLAIM", &mut names.subject),
            ("AUTH_ROLE_CLAIM", &mut names.role),
            ("AUTH_TENANT_CLAIM", &mut names.tenant),
        ] {
            if let Some(set) = self.get(name) {
                *path = set.parse().map_err(|error| bad(name, format!("{error}")))?;
            }
        }
        if names.subject.as_str() == "jti" {
            return Err(bad("AUTH_SUBJECT_CLAIM", "must name who somebody is; jti names one token"));
        }
        names.default_role = match self.get("AUTH_DEFAULT_ROLE").map(|role| role.parse()) {
            None => None,
            Some(Ok(role @ (Role::User | Role::Device))) => Some(role),
            // An auditor or operator by default would be anybody.
            Some(_) => return Err(bad("AUTH_DEFAULT_ROLE", "must be user or device")),
        };
        Ok(names)
    }

    fn access_keys(&self) -> Result<AccessKeys, BadSetting> {
        let algorithms = self.must("AUTH_ALGORITHMS", "HS256")?;
        if algorithms == "HS256" {
            let secret = self.secret("AUTH_SECRET")?;
            return Ok(match self.second("AUTH_SECRET_SECOND")? {
                None => AccessKeys::Shared(secret),
                Some(second) => AccessKeys::SharedTwo(secret, second),
            });
        }
        let algorithms: Result<Vec<AsymmetricAlgorithm>, _> =
            algorithms.split(',').map(|name| name.trim().parse()).collect();
        let algorithms =
            algorithms.map_err(|_| bad("AUTH_ALGORITHMS", "must be HS256 alone, or out of RS256, ES256, EdDSA"))?;
        let source =
            self.get("AUTH_JWKS").ok_or_else(|| bad("AUTH_JWKS", "must be set to the URL or file of a JWKS"))?;
        let source =
            if source.contains("://") { JwksSource::Url(source) } else { JwksSource::File(PathBuf::from(source)) };
        source
            .check()
            .map_err(|error| bad("AUTH_JWKS", format!("must be the https:// URL or the file of a JWKS: {error}")))?;
        Ok(AccessKeys::Jwks { source, algorithms })
    }

    /// `AUTH_SECRET`: what a token of `ilock dev` is signed with.
    ///
    /// # Errors
    /// [`BadSetting`] when it is too short.
    pub fn auth_secret(&self) -> Result<Secret, BadSetting> {
        self.secret("AUTH_SECRET")
    }

    /// `AUTH_AUDIENCE`, where it is set; that of development in `ilock dev`.
    #[must_use]
    pub fn audience(&self) -> Option<String> {
        self.get("AUTH_AUDIENCE").or_else(|| self.dev.then(|| DEV_AUDIENCE.to_owned()))
    }

    /// `AUTH_ISSUER`, where it is set.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        self.get("AUTH_ISSUER")
    }
}

/// Rules which cannot be worked with, by the setting that makes them so.
impl From<BadRules> for BadSetting {
    fn from(error: BadRules) -> Self {
        let name = match error {
            BadRules::ShortSecret(_) => "AUTH_SECRET",
            BadRules::NoAlgorithm => "AUTH_ALGORITHMS",
            BadRules::ReservedAudience => "AUTH_AUDIENCE",
            BadRules::SessionIsToken => "AUTH_SESSION_CLAIM",
            BadRules::SubjectIsToken => "AUTH_SUBJECT_CLAIM",
            BadRules::Source(_) => "AUTH_JWKS",
        };
        bad(name, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use ilock_auth::LongestLife;

    use super::*;

    fn rules(name: &'static str, value: &'static str) -> Result<AccessRules, &'static str> {
        Settings::for_dev(move |asked| (asked == name).then(|| value.to_owned())).access().map_err(|error| error.name)
    }

    #[test]
    fn the_login_session_is_named_by_what_the_operator_says_and_never_by_a_tokens_own_id() {
        let claims = |value| rules("AUTH_SESSION_CLAIM", value).map(|rules| rules.session_claims);
        assert_eq!(claims("sid").as_deref(), Ok(&["sid".to_owned()][..]));
        assert_eq!(claims("a, b").as_deref(), Ok(&["a".to_owned(), "b".to_owned()][..]));
        for bad in ["jti", "sid,jti", "sid,", ","] {
            assert_eq!(claims(bad), Err("AUTH_SESSION_CLAIM"), "{bad}");
        }
    }

    #[test]
    fn who_somebody_is_stands_where_the_operator_says_and_nobody_is_an_auditor_by_default() {
        let path = |name| rules(name, "realm_access.roles").map(|rules| rules.names);
        assert_eq!(path("AUTH_SUBJECT_CLAIM").unwrap().subject.as_str(), "realm_access.roles");
        assert_eq!(path("AUTH_ROLE_CLAIM").unwrap().role.as_str(), "realm_access.roles");
        assert_eq!(path("AUTH_TENANT_CLAIM").unwrap().tenant.as_str(), "realm_access.roles");
        for (name, bad) in [
            ("AUTH_SUBJECT_CLAIM", "jti"),
            ("AUTH_SUBJECT_CLAIM", "a..b"),
            ("AUTH_ROLE_CLAIM", "."),
            ("AUTH_TENANT_CLAIM", "a."),
            ("AUTH_DEFAULT_ROLE", "auditor"),
            ("AUTH_DEFAULT_ROLE", "operator"),
            ("AUTH_DEFAULT_ROLE", "User"),
        ] {
            assert_eq!(rules(name, bad).err(), Some(name), "{bad}");
        }
        assert_eq!(rules("AUTH_DEFAULT_ROLE", "user").unwrap().names.default_role, Some(Role::User));
    }

    #[test]
    fn the_longest_life_is_one_number_or_one_for_some_roles() {
        let longest = |value| rules("AUTH_MAX_TOKEN_SECONDS", value).map(|rules| rules.longest);
        assert_eq!(longest("3600"), Ok(LongestLife::all(3600)));
        let some = LongestLife { user: 60, device: 120, ..LongestLife::default() };
        assert_eq!(longest("user=60, device=120"), Ok(some));
        for bad in ["0", "-1", "a day", "user", "user=", "admin=60", "user=0", "user=60,"] {
            assert_eq!(longest(bad), Err("AUTH_MAX_TOKEN_SECONDS"), "{bad}");
        }
    }

    #[test]
    fn tokens_without_an_audience_are_taken_only_where_the_operator_says_so() {
        let absent = |value| rules("AUTH_MISSING_AUDIENCE", value).map(|rules| rules.audience_may_be_absent);
        assert_eq!((absent("accept"), absent("refuse"), absent("")), (Ok(true), Ok(false), Ok(false)));
        assert_eq!(absent("yes"), Err("AUTH_MISSING_AUDIENCE"));
    }
}
