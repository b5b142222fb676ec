//! Which access tokens are believed, as the operator has it.

use ilock_events::Millis;

use crate::algorithm::AsymmetricAlgorithm;
use crate::jwks::BadSource;
use crate::{ClaimNames, JwksSource, MQTT_AUDIENCE, Role, Secret, ShortSecret};

/// Where login services name the login session of a token; the first of these that is there counts. Never `jti`, which
/// names one token: refreshed ones have others.
const SESSION_CLAIMS: [&str; 3] = ["sid", "session_id", "origin_jti"];

const DAY: u32 = 86_400;

/// Which tokens are believed.
#[derive(Debug, Clone)]
pub struct AccessRules {
    /// What they are signed with.
    pub keys: AccessKeys,
    /// When set, `iss` must be exactly this.
    pub issuer: Option<String>,
    /// When set, `aud` must be this or name it among others.
    pub audience: Option<String>,
    /// Whether a token without any `aud` is believed where one is set: some services issue such access tokens.
    pub audience_may_be_absent: bool,
    /// Under which names they say who somebody is.
    pub names: ClaimNames,
    /// The claims that may name the login session; the first that is there counts.
    pub session_claims: Vec<String>,
    /// How long a token may be good.
    pub longest: LongestLife,
}

impl AccessRules {
    /// Tokens signed with `keys`, for anybody, from anybody.
    #[must_use]
    pub fn new(keys: AccessKeys) -> Self {
        Self {
            keys,
            issuer: None,
            audience: None,
            audience_may_be_absent: false,
            names: ClaimNames::default(),
            session_claims: SESSION_CLAIMS.map(str::to_owned).to_vec(),
            longest: LongestLife::default(),
        }
    }
}

/// What access tokens are signed with. The configuration says it; a token's own header never does.
#[derive(Debug, Clone)]
pub enum AccessKeys {
    /// HS256 with a secret that we share with the login service, of at least 32 bytes.
    Shared(Secret),
    /// The same, with either of two, while one takes the place of the other.
    SharedTwo(Secret, Secret),
    /// Private keys of the login service, whose public halves it publishes.
    Jwks {
        source: JwksSource,
        /// The only algorithms that are accepted; at least one.
        algorithms: Vec<AsymmetricAlgorithm>,
    },
}

/// For how many seconds a token of each role may be good, from `iat` to `exp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongestLife {
    pub user: u32,
    pub device: u32,
    pub auditor: u32,
    pub operator: u32,
}

impl Default for LongestLife {
    /// A person's app refreshes its token; a door station may have got one for a year when it was installed.
    fn default() -> Self {
        Self { user: 30 * DAY, device: 400 * DAY, auditor: 30 * DAY, operator: 30 * DAY }
    }
}

impl LongestLife {
    /// The same for every role.
    #[must_use]
    pub const fn all(seconds: u32) -> Self {
        Self { user: seconds, device: seconds, auditor: seconds, operator: seconds }
    }

    /// The seconds of `role`.
    #[must_use]
    pub const fn of(&self, role: Role) -> u32 {
        match role {
            Role::User => self.user,
            Role::Device => self.device,
            Role::Auditor => self.auditor,
            Role::Operator => self.operator,
        }
    }

    /// Until when a token may be good that was issued at `now`, whatever its role.
    #[must_use]
    pub fn latest(&self, now: Millis) -> Millis {
        let longest = Role::ALL.iter().map(|role| self.of(*role)).max().unwrap_or(0);
        now.plus(i64::from(longest) * 1_000)
    }
}

impl std::str::FromStr for LongestLife {
    type Err = BadLongestLife;

    /// A number of seconds for every role, or `role=seconds` for some, separated by commas; the others keep the default.
    fn from_str(text: &str) -> Result<Self, BadLongestLife> {
        let seconds = |text: &str| text.trim().parse().ok().filter(|seconds| *seconds > 0).ok_or(BadLongestLife);
        if !text.contains('=') {
            return seconds(text).map(Self::all);
        }
        let mut longest = Self::default();
        for part in text.split(',') {
            let (role, number) = part.split_once('=').ok_or(BadLongestLife)?;
            let number = seconds(number)?;
            match role.trim().parse().map_err(|_| BadLongestLife)? {
                Role::User => longest.user = number,
                Role::Device => longest.device = number,
                Role::Auditor => longest.auditor = number,
                Role::Operator => longest.operator = number,
            }
        }
        Ok(longest)
    }
}

/// A longest life that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of seconds, or role=seconds for some roles, separated by commas")]
pub struct BadLongestLife;

/// Why rules cannot be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// The shared secret can be guessed.
    #[error(transparent)]
    ShortSecret(#[from] ShortSecret),
    /// A JWKS without algorithms would refuse everything.
    #[error("no algorithm is configured for the login service's keys")]
    NoAlgorithm,
    /// `ilock-mqtt` is the audience of MQTT passwords, which are no access tokens.
    #[error("the audience {MQTT_AUDIENCE} is reserved")]
    ReservedAudience,
    /// `jti` names one token: ended, it would end nothing.
    #[error("jti names one token and no login session")]
    SessionIsToken,
    /// `jti` names one token, and nobody.
    #[error("jti names one token and nobody")]
    SubjectIsToken,
    /// The keys can never come from there.
    #[error(transparent)]
    Source(#[from] BadSource),
}
