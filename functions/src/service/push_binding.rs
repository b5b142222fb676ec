//! Which client a phone's push endpoints belong to.

use ilock_directory::{Client, Directory, EndpointOwner, PushEndpoint, PushProof, Taken};
use ilock_env::random;
use ilock_events::{ClientName, Millis, PartyAddress, PushService};
use ilock_notify::push::{CONFIRM_WITHIN_MS, PushCarrier, confirmation};
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::metrics;
use crate::service::push_directory::Pushes;

/// Binds endpoints to clients.
#[derive(Clone)]
pub struct PushBinding {
    pub directory: Directory,
    pub pushes: Pushes,
}

/// What became of a phone's endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    /// The services by which the client is woken now.
    pub services: Vec<PushService>,
    /// Those whose endpoint stays with another party, until the phone proves that it is here.
    pub unproven: Vec<PushService>,
}

impl PushBinding {
    /// Binds each of `endpoints` to `client`. One that another party has stays theirs: a silent push asks the phone to prove
    /// that it changed hands.
    ///
    /// # Errors
    /// 503 when there are too many writers at once, and what the directory says.
    pub async fn bind(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        endpoints: Vec<PushEndpoint>,
        now: Millis,
    ) -> Result<Bound, ApiError> {
        let mut bound = Bound::default();
        let mut foreign = vec![];
        for endpoint in endpoints {
            match self.directory.take_endpoint(party, client, &endpoint, None).await? {
                Taken::Yes => bound.services.push(endpoint.service),
                Taken::NoClient | Taken::Contended => {
                    ::metrics::counter!(metrics::TOKENS_NOT_REGISTERED).increment(1);
                    return Err(ApiError::Busy);
                }
                Taken::Foreign(owner) => {
                    bound.unproven.push(endpoint.service);
                    foreign.push((endpoint, owner));
                }
            }
        }
        for (asked, owner) in foreign.iter().filter(|(endpoint, _)| !endpoint.service.is_voip()) {
            // By VoIP nothing silent goes: that endpoint changes hands with the other of the same phone.
            let with = |(_, other): &&(PushEndpoint, EndpointOwner)| {
                (&other.party, &other.client_id) == (&owner.party, &owner.client_id)
            };
            let endpoints = foreign.iter().filter(with).map(|(endpoint, _)| endpoint.clone()).collect();
            let (client_id, from, until) = (client.clone(), owner.party.clone(), now.plus(CONFIRM_WITHIN_MS));
            self.ask(party, asked, &PushProof { client_id, endpoints, from, until }, now).await?;
        }
        Ok(bound)
    }

    /// The same where the phone's app registered its tokens before it named a client: `of_tokens` are this client, and what
    /// they have beyond `endpoints` is this client's too.
    ///
    /// # Errors
    /// As [`PushBinding::bind`].
    pub async fn bind_all_of_phone(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        mut endpoints: Vec<PushEndpoint>,
        of_tokens: &[Client],
        now: Millis,
    ) -> Result<Bound, ApiError> {
        for earlier in of_tokens.iter().flat_map(Client::endpoints) {
            if endpoints.iter().all(|endpoint| endpoint.service.is_voip() != earlier.service.is_voip()) {
                endpoints.push(earlier.clone());
            }
        }
        let bound = self.bind(party, client, endpoints, now).await?;
        for earlier in of_tokens {
            self.directory.forget_client(party, earlier).await?;
        }
        Ok(bound)
    }

    /// Sends what proves `proof` to `endpoint`.
    async fn ask(
        &self,
        party: &PartyAddress,
        endpoint: &PushEndpoint,
        proof: &PushProof,
        now: Millis,
    ) -> Result<(), ApiError> {
        let Some(carrier) = &self.pushes.0 else { return Ok(()) };
        let nonce = hex::encode(random::<16>()?);
        self.directory.keep_proof(party, &digest(&nonce), proof).await?;
        if let Err(error) = send(&**carrier, endpoint, nonce, now).await {
            tracing::warn!(service = endpoint.service.word(), error, "a phone was not asked whether it changed hands");
        }
        Ok(())
    }

    /// Takes what `party` proves by `nonce`; none where that is nothing, or too late, or where nothing can change hands any more:
    /// the client was removed meanwhile, or others have proved that they have the phone. The proof is forgotten last, so that
    /// a request that failed in the middle can be sent again. Of two at once each takes the same for the same client.
    ///
    /// # Errors
    /// 503 when there are too many writers at once, and what the directory says.
    pub async fn confirm(
        &self,
        party: &PartyAddress,
        nonce: &str,
        now: Millis,
    ) -> Result<Option<ClientName>, ApiError> {
        let digest = digest(nonce);
        let Some(proof) = self.directory.proof(party, &digest, now).await? else { return Ok(None) };
        let PushProof { client_id, endpoints, from, .. } = proof;
        let mut any = false;
        // What the nonce came by is first: where that is another's by now, so is the phone, and with it the others.
        for endpoint in endpoints {
            match self.directory.take_endpoint(party, &client_id, &endpoint, Some(&from)).await? {
                Taken::Yes => {
                    any = true;
                    tracing::info!(%client_id, service = endpoint.service.word(), "a push token changed hands, with proof");
                }
                Taken::Foreign(_) | Taken::NoClient => {
                    tracing::info!(%client_id, service = endpoint.service.word(), "a push token was proved too late");
                    break;
                }
                Taken::Contended => return Err(ApiError::Busy),
            }
        }
        self.directory.drop_proof(party, &digest).await?;
        Ok(any.then_some(client_id))
    }
}

async fn send(carrier: &dyn PushCarrier, endpoint: &PushEndpoint, nonce: String, now: Millis) -> Result<(), String> {
    let request = confirmation(&endpoint.id, endpoint.service, nonce, now).map_err(|error| error.to_string())?;
    carrier.send(request).await.map(drop).map_err(|error| error.to_string())
}

/// A nonce is not stored: whoever reads the table must not be able to prove anything by it.
fn digest(nonce: &str) -> String {
    hex::encode(Sha256::digest(nonce))
}
