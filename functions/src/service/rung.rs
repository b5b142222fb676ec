//! What is known of those whom a call rings, from finding out who they are: a delivery to them reads none of it again.

use std::collections::HashMap;

use ilock_directory::Client;
use ilock_events::Address;

use super::room_credentials::{KeyVersions, KeyedCredentials};

/// The clients of persons, by their addresses.
pub type KnownClients = HashMap<Address, Vec<Client>>;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Rung {
    /// The versions of their payload keys.
    pub key_versions: KeyVersions,
    /// Their clients. The directory is asked for those of anybody else.
    pub clients: KnownClients,
}

/// What a delivery has at hand.
pub struct AtHand {
    /// The credentials that travel in its messages.
    pub credentials: KeyedCredentials,
    /// The clients of those whom it may push to, as far as they were read.
    pub clients: KnownClients,
}
