//! Logging out: a client is removed for good, and with it the login that it came from.

use aws_sdk_dynamodb::types::ReturnValue;
use ilock_dynamo::{Item, number, text, text_in};
use ilock_events::{ClientName, Login, Millis, PartyAddress};

use crate::account::Account;
use crate::client::{Client, pk, sk};
use crate::directory::{Directory, DirectoryError, read, store};

/// For so long it is remembered that a client was removed, in milliseconds: as long as an ended session.
const REMEMBERED_MS: i64 = 400 * 86_400_000;

const GONE: &str = "gone#";

fn gone_sk(client: &ClientName) -> String {
    format!("{GONE}{client}")
}

/// When the client that `mark` is about was removed.
fn removed_at(mark: &Item) -> Option<Millis> {
    mark.get("at").and_then(|at| at.as_n().ok()?.parse().ok()).map(Millis)
}

impl Directory {
    /// Removes `client`, and all clients that registered by the same login session, and ends that session. None where there
    /// was no such client. `account` is the party's as it stands; `stays` is a session that is not ended, whatever it
    /// registered.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn log_out(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        (account, stays): (&Account, Option<&Login>),
        now: Millis,
    ) -> Result<Vec<Client>, DirectoryError> {
        let Some(found) = self.client(party, client).await? else { return Ok(vec![]) };
        let staying = stays.and_then(|login| login.session.as_ref());
        let session = found.login.session.clone().filter(|session| Some(session) != staying);
        let mut leaving = vec![client.clone()];
        if let Some(session) = session {
            // The session first: from here on nobody registers by it.
            self.end_session(party, account, &session, now).await?;
            let same = |other: &Client| other.login.session.as_ref() == Some(&session) && other.client_id != *client;
            leaving.extend(self.clients(party).await?.into_iter().filter(same).map(|other| other.client_id));
        }
        let mut gone = vec![];
        for client in leaving {
            gone.extend(self.remove(party, &client, now).await?);
        }
        Ok(gone)
    }

    /// Removes every client of `party`, and ends every login of it from before `now`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn log_out_everywhere(&self, party: &PartyAddress, now: Millis) -> Result<Vec<Client>, DirectoryError> {
        self.end_all_sessions(party, now).await?;
        let mut gone = vec![];
        for client in self.clients(party).await? {
            if let Some(session) = &client.login.session {
                // Its refreshed tokens may say no more than when they were issued.
                let account = self.account(party, now).await?;
                self.end_session(party, &account, session, now).await?;
            }
            gone.extend(self.remove(party, &client.client_id, now).await?);
        }
        Ok(gone)
    }

    /// Removes every client of `party` whose login was ended: where a logout failed behind that, they are left.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn remove_logged_out(&self, party: &PartyAddress, now: Millis) -> Result<(), DirectoryError> {
        let (account, clients) = self.account_and_clients(party, now).await?;
        for client in clients.iter().filter(|client| account.has_ended(&client.login)) {
            self.remove(party, &client.client_id, now).await?;
        }
        Ok(())
    }

    /// The clients of `party` that were removed at `since` or later, and have not come back.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn removed_since(&self, party: &PartyAddress, since: Millis) -> Result<Vec<ClientName>, DirectoryError> {
        let lately = |mark: &Item| removed_at(mark).is_some_and(|at| at >= since);
        let marks = self.list(pk(party), GONE).await?.into_iter().filter(lately);
        let named = |mark: Item| ClientName::new(text_in(&mark, "sk").strip_prefix(GONE)?).ok();
        let mut removed: Vec<ClientName> = marks.filter_map(named).collect();
        if !removed.is_empty() {
            let back = self.clients(party).await?;
            removed.retain(|client| back.iter().all(|other| other.client_id != *client));
        }
        Ok(removed)
    }

    /// Forgets `client`, and remembers that it was removed; none where there was no such client.
    async fn remove(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        now: Millis,
    ) -> Result<Option<Client>, DirectoryError> {
        // Before the client goes: one that registers in between is told so.
        let mark = self.client.put_item().table_name(&self.table).item("pk", text(pk(party)));
        mark.item("sk", text(gone_sk(client)))
            .item("at", number(now))
            .item("ttl", number(now.plus(REMEMBERED_MS).0.div_euclid(1000)))
            .send()
            .await
            .map_err(|e| store("PutItem")(e.into_service_error()))?;
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(pk(party)))
            .key("sk", text(sk(client)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| store("DeleteItem")(e.into_service_error()))?;
        let Some(gone) = delete.attributes.filter(|item| !item.is_empty()) else { return Ok(None) };
        let gone: Client = read(gone)?;
        self.let_go(party, &gone).await?;
        Ok(Some(gone))
    }

    /// Whether `client` was removed after the login that it registers by. Where that has a session, the session says more: a
    /// removed client comes back by another.
    pub(crate) async fn left_after(&self, party: &PartyAddress, client: &Client) -> Result<bool, DirectoryError> {
        if client.login.session.is_some() {
            return Ok(false);
        }
        let Some(gone) = self.get(pk(party), &gone_sk(&client.client_id)).await? else { return Ok(false) };
        Ok(removed_at(&gone).is_some_and(|at| client.login.is_before(at)))
    }
}
