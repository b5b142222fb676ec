//! A client's id as an app sends it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientName, PartyAddress, PartyId, TopicPrefix};
use crate::BadId;
use crate::id::NO_CONTROLS;

/// What an app calls its client in a request: the part of its own, or that behind the owner's id or address and `_`, or
/// the name that registering answered. Whose it is follows from the token, so only with that is it a [`ClientName`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SentClientId(#[schemars(length(min = 1, max = 181), regex(pattern = NO_CONTROLS))] pub String);

impl SentClientId {
    /// The one name of this client of `id`, who is found at `owner`, in the stack with this prefix.
    ///
    /// # Errors
    /// [`BadId`] when the own part breaks its rule.
    pub fn name(&self, owner: &PartyAddress, id: &PartyId, prefix: &TopicPrefix) -> Result<ClientName, BadId> {
        ClientName::of_sent(&self.0, owner, id, prefix)
    }
}

impl From<ClientName> for SentClientId {
    fn from(name: ClientName) -> Self {
        Self(name.into())
    }
}
