//! A client as it is stored: an installed app of a person or the connection of a door station, and its push endpoints.

use ilock_events::{ClientName, ClientStatus, Language, Millis, PartyAddress, Platform, PushService, Seat, Slot};
use serde::{Deserialize, Serialize};

use crate::directory::kind_word;

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
    /// Whether it is in front, by its own report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ClientStatus>,
    /// 0 to 10, by its own report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// When that report was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active: Option<Millis>,
    /// Since when its MQTT connection is gone; none while it stands, or where nobody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_since: Option<Millis>,
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
    /// What the carrier calls it. The token itself is not kept here.
    pub id: String,
    /// Which service.
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
    /// Since when.
    pub at: Millis,
}

/// Whose an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOwner {
    pub party: PartyAddress,
    /// Their client.
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

    /// When it last said anything.
    #[must_use]
    pub fn heard_of(&self) -> Millis {
        self.last_active.map_or(self.registered_at, |active| active.max(self.registered_at))
    }

    pub(crate) fn endpoint(&self, slot: EndpointSlot) -> Option<&PushEndpoint> {
        match slot {
            EndpointSlot::Main => self.main.as_ref(),
            EndpointSlot::Voip => self.voip.as_ref(),
        }
    }
}
