//! Proofs: push endpoints that are another party's, until whoever registered them shows that they have the phone.

use ilock_dynamo::{Item, number, text};
use ilock_events::{ClientName, Millis, PartyAddress};
use serde::{Deserialize, Serialize};

use crate::client::{PushEndpoint, pk};
use crate::directory::{Directory, DirectoryError, read, store};

/// What is to be proved, and what then changes hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushProof {
    /// The client that is to have them.
    pub client_id: ClientName,
    pub endpoints: Vec<PushEndpoint>,
    /// Whose they are until then.
    pub from: PartyAddress,
    /// Until when the proof counts.
    pub until: Millis,
}

fn sk(digest: &str) -> String {
    format!("proof#{digest}")
}

impl Directory {
    /// Keeps what `party` proves by whatever has `digest`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn keep_proof(
        &self,
        party: &PartyAddress,
        digest: &str,
        proof: &PushProof,
    ) -> Result<(), DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(proof)?;
        item.insert("pk".into(), text(pk(party)));
        item.insert("sk".into(), text(sk(digest)));
        item.insert("ttl".into(), number(proof.until.0.div_euclid(1000)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map_err(|e| store("PutItem")(e.into_service_error()))?;
        Ok(())
    }

    /// What `party` proves by whatever has `digest`; none where that is nothing, or too late.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn proof(
        &self,
        party: &PartyAddress,
        digest: &str,
        now: Millis,
    ) -> Result<Option<PushProof>, DirectoryError> {
        let Some(item) = self.get(pk(party), &sk(digest)).await? else { return Ok(None) };
        Ok(Some(read::<PushProof>(item)?).filter(|proof| now < proof.until))
    }

    /// Forgets what `party` proves by whatever has `digest`: it proves nothing again.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn drop_proof(&self, party: &PartyAddress, digest: &str) -> Result<(), DirectoryError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", text(pk(party))).key("sk", text(sk(digest))).send().await;
        delete.map_err(|e| store("DeleteItem")(e.into_service_error()))?;
        Ok(())
    }
}
