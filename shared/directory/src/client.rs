//! A client as it is stored: an installed app of a person or the connection of a door station, and its push endpoints.

use ilock_events::{
    ClientName, ClientStatus, Generation, Language, Login, Millis, PartyAddress, Platform, PushService, Seat, Slot,
};
use serde::{Deserialize, Serialize};

use crate::directory::kind_word;

/// What the name of a client begins with, behind its party's, that was registered for a push token by an app that named none.
pub const OF_TOKEN: &str = "push_";
/// How many digits of the token's digest follow.
pub const DIGITS_OF_TOKEN: usize = 32;

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub client_id: ClientName,
    /// Its place among its party's, given at the first registration and kept: part of its name in TRTC rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// What the app says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// The system it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The app's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// The language of what a push shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where it gets data and alerts by push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<PushEndpoint>,
    /// Where it gets calls by push, on iOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voip: Option<PushEndpoint>,
    /// When it registered last.
    pub registered_at: Millis,
    /// The login that it registered by last.
    #[serde(default)]
    pub login: Login,
    /// Until when the access token works that it registered by last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_until: Option<Millis>,
    /// Which of its MQTT passwords work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passwords: Option<Passwords>,
    /// Whether it is in front, by its own report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ClientStatus>,
    /// 0 to 10, by its own report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// When that report was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Millis>,
    /// Since when it has no MQTT connection; none while it has one. Of a client that never had one: since its first registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_since: Option<Millis>,
}

/// For so long the password before works once the newest has been used, in milliseconds.
const HANDOVER_MS: i64 = 60_000;

/// Which MQTT passwords of a client work, by the registrations that they come from: the newest, and until that has been used
/// the one before and the one that was used last. So nobody is cut off who renews, or who lost the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords {
    /// That of the last registration.
    pub newest: Generation,
    /// When the newest was first connected with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Millis>,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Generation>,
    /// The last that was connected with before the newest was; it may be the one before as well. A connection may stand by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Generation>,
}

impl Passwords {
    /// Those of a first registration.
    #[must_use]
    pub const fn first(newest: Generation) -> Self {
        Self { newest, used_at: None, before: None, standing: None }
    }

    /// Those after the client registered again.
    #[must_use]
    pub fn renewed(self, newest: Generation) -> Self {
        // The newest that was used stands for as long as no later one is: two registrations in a row may both go unused.
        let standing = if self.used_at.is_some() { Some(self.newest.clone()) } else { self.standing };
        Self { newest, used_at: None, before: Some(self.newest), standing }
    }

    /// Whether the password of `generation` works at `now`.
    #[must_use]
    pub fn work(&self, generation: &Generation, now: Millis) -> bool {
        let earlier = [&self.before, &self.standing].into_iter().flatten().any(|earlier| earlier == generation);
        self.newest == *generation || (earlier && self.used_at.is_none_or(|used| now < used.plus(HANDOVER_MS)))
    }

    /// What changes when the password of `generation`, which works, is connected with at `now`; none where nothing does.
    #[must_use]
    pub fn used(&self, generation: &Generation, now: Millis) -> Option<Self> {
        if self.used_at.is_some() {
            return None;
        }
        if self.newest == *generation {
            return Some(Self { used_at: Some(now), ..self.clone() });
        }
        (self.standing.as_ref() != Some(generation))
            .then(|| Self { standing: Some(generation.clone()), ..self.clone() })
    }
}

/// Where a client has an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointSlot {
    /// For data and alerts.
    Main,
    /// For calls, on iOS.
    Voip,
}

impl EndpointSlot {
    /// Where an endpoint of `service` has its place.
    #[must_use]
    pub const fn of(service: PushService) -> Self {
        if service.is_voip() { Self::Voip } else { Self::Main }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Voip => "voip",
        }
    }
}

/// A client's endpoint at a push service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushEndpoint {
    /// What the carrier calls it: the endpoint's ARN at SNS; where a push service is asked directly, the service and the token.
    pub id: String,
    pub service: PushService,
    /// When it was registered last.
    pub since: Millis,
    /// Since when, and why, it is not used any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retirement>,
}

/// The end of an endpoint, until it is registered anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// The push service's word for why.
    pub why: String,
    pub at: Millis,
}

/// Whose an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOwner {
    pub party: PartyAddress,
    pub client_id: ClientName,
    /// In which place.
    pub slot: EndpointSlot,
}

pub(crate) fn pk(party: &PartyAddress) -> String {
    format!("party#{}#{}", kind_word(party.kind), party.address)
}

pub(crate) fn client_pk(client: &ClientName) -> String {
    format!("client#{client}")
}

pub(crate) fn sk(client: &ClientName) -> String {
    format!("client#{client}")
}

impl Client {
    /// A client that says nothing of itself yet.
    #[must_use]
    pub const fn new(client_id: ClientName, registered_at: Millis) -> Self {
        Self {
            client_id,
            slot: None,
            device_type: None,
            platform: None,
            app_version: None,
            language: None,
            main: None,
            voip: None,
            registered_at,
            login: Login { session: None, since: None },
            token_until: None,
            passwords: None,
            status: None,
            priority: None,
            last_active: None,
            offline_since: None,
        }
    }

    /// Under which name of its party's it enters TRTC rooms.
    #[must_use]
    pub fn seat(&self) -> Seat {
        self.slot.map_or(Seat::Unnamed, Seat::Client)
    }

    /// Whether it was registered for a push token by an app that named no client: [`OF_TOKEN`] and digits of the token's digest.
    #[must_use]
    pub fn is_of_token(&self) -> bool {
        self.client_id.as_str().rsplit_once(OF_TOKEN).is_some_and(|(party, digits)| {
            let are_digits = digits.len() == DIGITS_OF_TOKEN && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            are_digits && party.ends_with('_')
        })
    }

    /// When it last said anything.
    #[must_use]
    pub fn heard_of(&self) -> Millis {
        self.last_active.map_or(self.registered_at, |active| active.max(self.registered_at))
    }

    /// All of its push endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &PushEndpoint> {
        [&self.main, &self.voip].into_iter().flatten()
    }

    pub(crate) fn endpoint(&self, slot: EndpointSlot) -> Option<&PushEndpoint> {
        match slot {
            EndpointSlot::Main => self.main.as_ref(),
            EndpointSlot::Voip => self.voip.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_700_000_000_000);

    fn generation(n: u8) -> Generation {
        Generation::of_bytes([n; 8])
    }

    /// Connects with the password of `generation`, if it works.
    fn connect(passwords: &mut Passwords, n: u8, at: Millis) -> bool {
        let works = passwords.work(&generation(n), at);
        if let Some(used) = passwords.used(&generation(n), at).filter(|_| works) {
            *passwords = used;
        }
        works
    }

    #[test]
    fn a_password_dies_a_minute_after_the_next_was_used_and_not_before() {
        let mut passwords = Passwords::first(generation(1));
        assert!(connect(&mut passwords, 1, NOW));
        let mut passwords = passwords.renewed(generation(2));
        for later in [0, 60_000, 3_600_000] {
            assert!(passwords.work(&generation(1), NOW.plus(later)), "the newest has not been used");
        }
        assert!(connect(&mut passwords, 2, NOW));
        assert!(passwords.work(&generation(1), NOW.plus(59_999)));
        assert!(!passwords.work(&generation(1), NOW.plus(60_000)));
        assert!(passwords.work(&generation(2), NOW.plus(86_400_000)));
        // Using it again does not make the old one live longer.
        assert_eq!(passwords.used(&generation(2), NOW.plus(30_000)), None);
    }

    #[test]
    fn a_phone_that_never_gets_an_answer_keeps_the_password_that_it_has() {
        let mut passwords = Passwords::first(generation(1));
        assert!(connect(&mut passwords, 1, NOW));
        for n in 2..50 {
            passwords = passwords.renewed(generation(n));
            assert!(connect(&mut passwords, 1, NOW), "after {n} registrations");
        }
        assert!(
            !passwords.work(&generation(30), NOW),
            "one that was never used and is not the newest or the one before"
        );
    }

    #[test]
    fn two_registrations_in_a_row_leave_the_password_of_a_connection_that_stands() {
        let mut passwords = Passwords::first(generation(1));
        assert!(connect(&mut passwords, 1, NOW));
        for n in 2..50 {
            passwords = passwords.renewed(generation(n));
            // A connection that stands is asked about, and does not connect.
            assert!(passwords.work(&generation(1), NOW.plus(3_600_000)), "after {n} registrations");
        }
        assert!(!passwords.work(&generation(2), NOW), "it was never used, and is not the one before");
        assert!(connect(&mut passwords, 1, NOW));
        assert!(connect(&mut passwords, 49, NOW));
        assert!(passwords.work(&generation(1), NOW.plus(59_999)));
        assert!(!passwords.work(&generation(1), NOW.plus(60_000)), "a minute after the newest was used");
    }

    #[test]
    fn a_phone_that_uses_the_answer_before_the_last_is_not_cut_off_by_registering_again() {
        let mut passwords = Passwords::first(generation(1)).renewed(generation(2)).renewed(generation(3));
        // The answer with the third was lost, or came first.
        assert!(connect(&mut passwords, 2, NOW));
        let mut passwords = passwords.renewed(generation(4));
        assert!(connect(&mut passwords, 2, NOW));
        assert!(connect(&mut passwords, 4, NOW));
        assert!(!passwords.work(&generation(2), NOW.plus(60_000)));
    }

    #[test]
    fn after_a_new_registration_that_was_used_no_earlier_password_comes_back() {
        let mut passwords = Passwords::first(generation(1));
        assert!(connect(&mut passwords, 1, NOW));
        passwords = passwords.renewed(generation(2));
        assert!(connect(&mut passwords, 2, NOW));
        passwords = passwords.renewed(generation(3));
        assert!(!passwords.work(&generation(1), NOW.plus(1)), "two registrations ago");
        assert!(passwords.work(&generation(2), NOW.plus(1)));
        passwords = passwords.renewed(generation(4));
        assert!(!passwords.work(&generation(1), NOW.plus(1)));
        assert!(passwords.work(&generation(2), NOW.plus(1)), "the last that was used");
    }
}
