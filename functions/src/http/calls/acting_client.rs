//! Which of its owner's clients acts in a call.

use ilock_directory::{Client, Directory};
use ilock_events::{CallId, ClientName, ClientProof, PartyKind, Seat, SentClientId};

use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::tenant::{PartyCall, PartyCalls};

/// What is answered to whoever names a client that nobody registered, or that was removed.
const NOT_REGISTERED: &str = "must be a client of yours that is registered: register it first, or leave it out";

/// A client that acts, as far as it is known which one does.
pub struct ActingClient {
    /// Its name.
    pub name: Option<ClientName>,
    /// How it is known that it is this one; of a person.
    pub is: Option<ClientProof>,
    /// Its seat in the room.
    pub seat: Seat,
}

impl ActingClient {
    /// Somebody who does not say which client they are.
    pub const UNNAMED: Self = Self { name: None, is: None, seat: Seat::Unnamed };

    /// The client that is named, else the only one that the asker has: with one phone nobody need say which it is.
    ///
    /// # Errors
    /// 400 where the one that is named is not registered, or what the directory says.
    pub async fn of(directory: &Directory, caller: &Caller, named: Option<ClientName>) -> Result<Self, ApiError> {
        let at = caller.at();
        if let Some(name) = named {
            let registered = directory.client(&at, &name).await?;
            let registered = registered.ok_or_else(|| ApiError::field("client_id", NOT_REGISTERED))?;
            return Ok(Self::known(registered, caller));
        }
        let mut clients = directory.clients(&at).await?;
        let only = clients.pop().filter(|_| clients.is_empty());
        Ok(only.map_or(Self::UNNAMED, |only| Self::known(only, caller)))
    }

    fn known(client: Client, caller: &Caller) -> Self {
        let same = client.login.session.is_some() && client.login.session == caller.login.session;
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
    /// Admits the asker, loads the call and finds the client, all at once.
    ///
    /// # Errors
    /// 400 when `client_id` is no registered client's name, 403 when the login was ended, 404 where the asker is no party of the call.
    pub async fn on(
        calls: &PartyCalls,
        directory: &Directory,
        asker: Asker,
        call_id: &CallId,
        client_id: Option<&SentClientId>,
    ) -> Result<Self, ApiError> {
        let (caller, admission) = asker.arrives();
        let named = client_id.map(|sent| caller.client(sent)).transpose()?;
        let load = calls.of_party(&caller, call_id);
        let acting = ActingClient::of(directory, &caller, named);
        let (admitted, call, client) = futures::join!(admission.granted(), load, acting);
        admitted?;
        let call = call?;
        Ok(Self { caller, call, client })
    }
}
