//! What the phones of one person are told by push.

use std::collections::BTreeSet;

use ilock_events::{CallId, CallState, ClientName, CommitNo, MessageId, Millis, PartyAddress, PartyId, RoomId};

use crate::push::phone::{Endpoint, Phone};

/// Why a person's phones are woken.
#[derive(Debug, Clone, PartialEq)]
pub enum PushKind {
    Rings {
        room_id: RoomId,
        /// What the caller's app sent along.
        invitation: serde_json::Map<String, serde_json::Value>,
        /// Whether the person is in another call.
        waiting: bool,
        /// Which of the person's clients sounds first, where one does.
        primary: Option<ClientName>,
    },
    /// The call no longer rings.
    Over {
        /// The phone that brought it about and need not be told, where one did and said which it is.
        by: Option<ClientName>,
        /// Where the call stands.
        state: CallState,
        /// Whether the phone shows that somebody had called; else nothing is shown.
        missed: bool,
    },
    Missed,
}

/// What the phones of one person are to be told by push.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    pub callee: PartyAddress,
    pub callee_id: PartyId,
    pub call_id: CallId,
    pub caller_id: PartyId,
    /// How the caller shows itself, as long as it likes.
    pub caller_name: Option<String>,
    /// When the call was placed.
    pub placed_at: Millis,
    /// Until when it rings.
    pub deadline: Millis,
    /// How long a push service keeps it for a phone that it cannot reach.
    pub kept_until: Millis,
    /// The same on every retry, for all phones.
    pub message_id: MessageId,
    pub seq: CommitNo,
    /// Phones that need not be told.
    pub skip: BTreeSet<ClientName>,
    pub kind: PushKind,
}

impl Push {
    /// Where `phone` is to be told: the second only where the first does not work. None where it is not to be told, or
    /// cannot be.
    #[must_use]
    pub fn endpoints<'a>(&self, phone: &'a Phone) -> Vec<&'a Endpoint> {
        if self.skip.contains(&phone.client_id) {
            return vec![];
        }
        match &self.kind {
            PushKind::Rings { .. } => phone.voip.iter().chain(&phone.main).collect(),
            // Never by VoIP: iOS bans apps that are woken by VoIP and show no call.
            PushKind::Missed | PushKind::Over { .. } => phone.main.iter().collect(),
        }
    }
}
