//! Which of its owner's clients acts in a call.

use ilock_directory::Client;
use ilock_events::{CallId, ClientName, ClientProof, PartyKind, Seat, SentClientId};

use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::tenant::{PartyCall, PartyCalls};

/// What is answered to whoever names a client that nobody registered, or that was removed.
const NOT_REGISTERED: &str = "must be a client of yours that is registered: register it first, or leave it out";

/// A client that acts, as far as it is known which one does.
pub struct ActingClient {
    pub name: Option<ClientName>,
    /// How it is known that it is this one; of a person.
    pub is: Option<ClientProof>,
    /// Its seat in the room.
    pub seat: Seat,
}

impl ActingClient {
    /// Somebody who does not say which client they are.
    pub const UNNAMED: Self = Self { name: None, is: None, seat: Seat::Unnamed };

    /// The one of the asker's `clients` that is named, else the only one: with one phone nobody need say which it is.
    ///
    /// # Errors
    /// 400 where the one that is named is not registered.
    pub fn among(mut clients: Vec<Client>, caller: &Caller, named: Option<&ClientName>) -> Result<Self, ApiError> {
        if let Some(name) = named {
            let registered = clients.into_iter().find(|client| client.client_id == *name);
            let registered = registered.ok_or_else(|| ApiError::field("client_id", NOT_REGISTERED))?;
            return Ok(Self::known(registered, caller));
        }
        let only = clients.pop().filter(|_| clients.is_empty());
        Ok(only.map_or(Self::UNNAMED, |only| Self::known(only, caller)))
    }

    fn known(client: Client, caller: &Caller) -> Self {
        let same = client.login.is_of_session_of(&caller.login);
        let is = if same { ClientProof::Proved } else { ClientProof::Claimed };
        // Of a door station the log names no client.
        let is = (caller.party.kind == PartyKind::User).then_some(is);
        Self { seat: client.seat(), is, name: Some(client.client_id) }
    }
}

/// Somebody who asks something of a call that they are a party of.
pub struct Acting {
    pub caller: Caller,
    pub call: PartyCall,
    /// Their client. Not looked at before it is clear that they may ask.
    pub client: Result<ActingClient, ApiError>,
}

impl Acting {
    /// Admits the asker, finds the client and loads the call, all at once.
    ///
    /// # Errors
    /// 400 when `client_id` is no registered client's name, 403 when the login was ended, 404 where the asker is no party of the call.
    pub async fn on(
        calls: &PartyCalls,
        asker: Asker,
        call_id: &CallId,
        client_id: Option<&SentClientId>,
    ) -> Result<Self, ApiError> {
        let (caller, admission) = asker.arrives();
        let named = client_id.map(|sent| caller.client(sent)).transpose()?;
        let load = calls.of_party(&caller, call_id);
        let (clients, call) = futures::join!(admission.granted_with_clients(), load);
        let (clients, call) = (clients?, call?);
        let client = ActingClient::among(clients, &caller, named.as_ref());
        Ok(Self { caller, call, client })
    }
}
