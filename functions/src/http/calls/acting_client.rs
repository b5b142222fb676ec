//! Which of its owner's clients acts in a call.

use ilock_directory::{Client, Directory};
use ilock_events::{ClientName, Seat};

use crate::error::ApiError;
use crate::http::asker::Caller;

/// A client that acts, as far as it is known which one does.
pub struct ActingClient {
    /// Its name.
    pub name: Option<ClientName>,
    /// Its seat in the room.
    pub seat: Seat,
}

impl ActingClient {
    /// The client that is named, else the only one that the asker has: with one phone nobody need say which it is.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn of(directory: &Directory, caller: &Caller, named: Option<ClientName>) -> Result<Self, ApiError> {
        let at = caller.at();
        if let Some(name) = named {
            let registered = directory.client(&at, &name).await?;
            return Ok(Self { name: Some(name), seat: registered.map_or(Seat::Unnamed, |client| client.seat()) });
        }
        let mut clients = directory.clients(&at).await?;
        let only = clients.pop().filter(|_| clients.is_empty());
        let seat = only.as_ref().map_or(Seat::Unnamed, Client::seat);
        Ok(Self { name: only.map(|client| client.client_id), seat })
    }
}
