//! What can be asked of a call. A command is kept in the commit that it led to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Callee, ClientProof, CommandId, Hash, Nonce, Reason, RoomId, StoredCommand};

/// What is asked. Who asks is the command's [`Actor`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "args", rename_all = "snake_case")]
pub enum Act {
    /// A caller rings `callees`.
    Place {
        /// Who is to be rung, as the directory knows them.
        callees: Vec<Callee>,
        /// How long: 5 to 120 seconds.
        ring_seconds: u32,
        /// The room reserved for it.
        room_id: RoomId,
        /// How long the call may last once it is answered, in seconds.
        max_call_seconds: u32,
        /// The digest of the personal text kept for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        personal: Option<Hash>,
    },
    /// A phone says that it is ringing.
    Alert {},
    /// A phone does not take the call.
    Decline {},
    /// A phone answers.
    Accept {},
    /// A person does not take the call.
    Reject {
        /// Why: `busy` or `declined`.
        reason: Reason,
        /// The digest of the reason's text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        personal: Option<Hash>,
    },
    /// The caller gives up.
    Cancel {
        /// The digest of the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        personal: Option<Hash>,
    },
    /// Either side ends an answered call.
    HangUp {
        /// The digest of the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        personal: Option<Hash>,
    },
    /// The ring timer went off.
    Expire {},
    /// The backend ends an answered call: it has lasted too long, or everybody has left its room.
    End {
        /// Why: `limit` or `left`.
        reason: Reason,
    },
    /// Reserved: the backend cannot carry the call on. Nothing issues it yet.
    Fail {
        /// The reason, as a stable word.
        reason: String,
    },
}

impl Act {
    /// The same act with the digest of its personal text; acts without text stay as they are.
    #[must_use]
    pub fn with_personal(mut self, digest: Option<Hash>) -> Self {
        match &mut self {
            Self::Place { personal, .. }
            | Self::Reject { personal, .. }
            | Self::Cancel { personal }
            | Self::HangUp { personal } => *personal = digest,
            Self::Alert {}
            | Self::Decline {}
            | Self::Accept {}
            | Self::Expire {}
            | Self::End { .. }
            | Self::Fail { .. } => {}
        }
        self
    }
}

/// One command by one actor, recognisable when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The idempotency key.
    pub id: CommandId,
    /// Which request: two under one key have two. By it a request knows its own commit.
    pub nonce: Nonce,
    /// How it is known which client of the actor it came from; where the actor names one.
    pub client_is: Option<ClientProof>,
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub act: Act,
}

/// A stored command that this code cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("command {kind} cannot be read: {why}")]
pub struct UnknownCommand {
    /// Its kind.
    pub kind: String,
    /// What is wrong.
    pub why: String,
}

impl Command {
    /// The form that is stored; the actor stands in the commit itself.
    #[must_use]
    pub fn stored(&self) -> StoredCommand {
        let Ok(Value::Object(mut form)) = serde_json::to_value(&self.act) else {
            unreachable!("an act is written as an object")
        };
        let Some(Value::String(kind)) = form.remove("kind") else { unreachable!("an act is tagged with its kind") };
        let args = match form.remove("args") {
            Some(Value::Object(args)) => args,
            _ => serde_json::Map::new(),
        };
        let (id, nonce, client_is) = (self.id.clone(), self.nonce.clone(), self.client_is);
        StoredCommand { id, nonce, client_is, kind, args }
    }

    /// Reads the command of a commit made by `actor`.
    ///
    /// # Errors
    /// [`UnknownCommand`] when its kind or an argument is not known.
    pub fn read(stored: &StoredCommand, actor: Actor) -> Result<Self, UnknownCommand> {
        let act = serde_json::from_value(serde_json::json!({ "kind": stored.kind, "args": stored.args }))
            .map_err(|e| UnknownCommand { kind: stored.kind.clone(), why: e.to_string() })?;
        let (id, nonce) = (stored.id.clone(), stored.nonce.clone());
        Ok(Self { id, nonce, client_is: stored.client_is, actor, act })
    }
}
