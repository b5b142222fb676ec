//! Clients: the installed apps of a person, the connection of a door station, and how awake each is.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::paginator::QueryPaginatorItems;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use ilock_dynamo::{number, text, text_in, written};
use ilock_events::{ClientName, ClientStatus, Millis, PartyAddress, PartyId};

use crate::account::{ACCOUNT, Account};
use crate::blocks::{self, BLOCKS};
use crate::client::{Client, Passwords, pk, sk};
use crate::directory::{Directory, DirectoryError, read, store};

/// What became of a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusReport {
    Taken,
    /// A newer one stands already.
    Outdated,
    /// There is no such client.
    NoSuchClient,
}

/// A person who may be called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownCallee {
    pub clients: Vec<Client>,
    /// Whether they have blocked the caller.
    pub blocked: bool,
    /// The version of their payload key.
    pub key_version: u32,
}

impl Directory {
    /// Every client of `party`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn clients(&self, party: &PartyAddress) -> Result<Vec<Client>, DirectoryError> {
        self.list(pk(party), "client#").await?.into_iter().map(read).collect()
    }

    /// What a call of `caller` needs to know of `person`, by one query: it lies side by side. Of a person who has blocked
    /// anybody it is asked whether they have blocked the caller, too.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn callee(
        &self,
        person: &PartyAddress,
        caller: &PartyId,
        now: Millis,
    ) -> Result<KnownCallee, DirectoryError> {
        let mut pages = self.account_to_clients(person).send();
        let (mut known, mut blocked_callers) = (KnownCallee::default(), 0);
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| store("Query")(e.into_service_error()))?;
            match text_in(&item, "sk").as_str() {
                ACCOUNT => known.key_version = Account::read(&item, now).key_version,
                BLOCKS => blocked_callers = blocks::count(&item),
                sk if sk.starts_with("client#") => known.clients.push(read(item)?),
                _ => {}
            }
        }
        if blocked_callers > 0 {
            known.blocked = self.block(person, caller).await?.is_some();
        }
        Ok(known)
    }

    /// The account of `party`, as it stands at `now`, and every client of theirs, by one query: less than one for each.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn account_and_clients(
        &self,
        party: &PartyAddress,
        now: Millis,
    ) -> Result<(Account, Vec<Client>), DirectoryError> {
        let mut pages = self.account_to_clients(party).send();
        let (mut account, mut clients) = (Account::default(), vec![]);
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| store("Query")(e.into_service_error()))?;
            match text_in(&item, "sk").as_str() {
                ACCOUNT => account = Account::read(&item, now),
                sk if sk.starts_with("client#") => clients.push(read(item)?),
                _ => {}
            }
        }
        Ok((account, clients))
    }

    /// The account of `party`, how many callers they have blocked, and their clients, which lie side by side.
    fn account_to_clients(&self, party: &PartyAddress) -> QueryPaginatorItems {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :account AND :client")
            .expression_attribute_values(":pk", text(pk(party)))
            .expression_attribute_values(":account", text(ACCOUNT))
            .expression_attribute_values(":client", text("client#\u{10ffff}"))
            .consistent_read(true)
            .into_paginator()
            .items()
    }

    async fn is_registered(&self, party: &PartyAddress, client: &ClientName) -> Result<bool, DirectoryError> {
        Ok(self.get(pk(party), &sk(client)).await?.is_some())
    }

    /// Takes a client's report of how awake it is, unless a newer one stands.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn report(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        status: ClientStatus,
        priority: u8,
        last_active: Millis,
    ) -> Result<StatusReport, DirectoryError> {
        let word = serde_dynamo::to_attribute_value(status)?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(party)))
            .key("sk", text(sk(client)))
            .update_expression("SET #status = :status, priority = :priority, last_active = :at")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(last_active) OR last_active <= :at)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", word)
            .expression_attribute_values(":priority", number(priority))
            .expression_attribute_values(":at", number(last_active))
            .send()
            .await;
        match update.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(StatusReport::Taken),
            Err(UpdateItemError::ConditionalCheckFailedException(_)) => {
                if self.is_registered(party, client).await? {
                    Ok(StatusReport::Outdated)
                } else {
                    Ok(StatusReport::NoSuchClient)
                }
            }
            Err(error) => Err(store("UpdateItem")(error)),
        }
    }

    /// Keeps that a client connected with a password of its own, unless it registered meanwhile.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn used_password(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        known: &Passwords,
        used: &Passwords,
    ) -> Result<(), DirectoryError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(party)))
            .key("sk", text(sk(client)))
            .update_expression("SET passwords = :used")
            .condition_expression("passwords = :known")
            .expression_attribute_values(":used", serde_dynamo::to_attribute_value(used)?)
            .expression_attribute_values(":known", serde_dynamo::to_attribute_value(known)?)
            .send()
            .await;
        written(update, "UpdateItem")?;
        Ok(())
    }
}
