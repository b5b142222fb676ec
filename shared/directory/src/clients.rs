//! Clients: the installed apps of a person, the connection of a door station, and how awake each is.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use ilock_dynamo::{Item, number, text};
use ilock_events::{ClientId, ClientStatus, Millis, Party, TenantId};

use crate::client::{Client, client_pk, owner, pk, sk};
use crate::directory::{Directory, DirectoryError, read, store};

/// How many clients one party may have. Apps that make a new client id at each start would gather them without end:
/// beyond this the one longest not heard of is dropped.
pub const MAX_CLIENTS: usize = 64;

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It stands; `dropped` had to make room for it.
    Yes {
        /// The client that was longest not heard of, where there were too many.
        dropped: Option<ClientId>,
    },
    /// The party's id belongs to another tenant. Topics carry no tenant, so an id can have only one.
    OtherTenant,
    /// The client id belongs to another party. Ids may contain `_`, so `anna_b_1` looks like one of `anna`'s clients
    /// and like one of `anna_b`'s: it is whose it was first.
    OtherOwner,
}

/// What became of a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusReport {
    /// It stands.
    Taken,
    /// A newer one stands already.
    Outdated,
    /// There is no such client.
    NoSuchClient,
}

impl Directory {
    /// Registers `client` as one of `party`'s, anew or again: what it says of itself now counts, what it does not say
    /// stays, and so do its earlier status report and its push endpoints.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn register(
        &self,
        tenant: &TenantId,
        party: &Party,
        client: &Client,
    ) -> Result<Registered, DirectoryError> {
        if !self.claim(tenant, party).await? {
            return Ok(Registered::OtherTenant);
        }
        if !self.claim_client(tenant, party, &client.client_id).await? {
            return Ok(Registered::OtherOwner);
        }
        let known = self.clients(party).await?;
        let before = known.iter().find(|other| other.client_id == client.client_id);
        self.write_down(party, client).await?;

        let mut dropped = None;
        if before.is_none() && known.len() >= MAX_CLIENTS {
            dropped = known.iter().min_by_key(|other| other.heard_of()).map(|other| other.client_id.clone());
        }
        if let Some(oldest) = &dropped {
            self.remove(party, oldest).await?;
        }
        Ok(Registered::Yes { dropped })
    }

    /// Field by field: beside a registration a push endpoint may change hands, and neither may undo the other.
    async fn write_down(&self, party: &Party, client: &Client) -> Result<(), DirectoryError> {
        let said = Client { main: None, voip: None, ..client.clone() };
        let said: Item = serde_dynamo::to_item(said)?;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(party)))
            .key("sk", text(sk(&client.client_id)))
            .expression_attribute_names("#offline_since", "offline_since");
        let mut sets = vec![];
        for (field, value) in said {
            sets.push(format!("#{field} = :{field}"));
            update = update
                .expression_attribute_names(format!("#{field}"), &field)
                .expression_attribute_values(format!(":{field}"), value);
        }
        let expression = format!("SET {} REMOVE #offline_since", sets.join(", "));
        let update = update.update_expression(expression).send().await;
        update.map(drop).map_err(|e| store("UpdateItem")(e.into_service_error()))
    }

    /// Ties the party's id to `tenant`; false when it is another's.
    async fn claim(&self, tenant: &TenantId, party: &Party) -> Result<bool, DirectoryError> {
        self.take(pk(party), "tenant", tenant.to_string()).await
    }

    /// Ties the client id to its owner; false when it is another's.
    async fn claim_client(&self, tenant: &TenantId, party: &Party, client: &ClientId) -> Result<bool, DirectoryError> {
        self.take(client_pk(client), "owner", owner(tenant, party)).await
    }

    /// Writes that `pk` is `whose`, unless it is somebody else's.
    async fn take(&self, pk: String, field: &str, whose: String) -> Result<bool, DirectoryError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(pk))
            .item("sk", text("claim"))
            .item(field, text(&whose))
            .condition_expression("attribute_not_exists(pk) OR #field = :whose")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":whose", text(whose))
            .send()
            .await;
        match put.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Err(error) => Err(store("PutItem")(error)),
        }
    }

    /// Whether `client` is, or was, one of `party`'s.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn owns(&self, tenant: &TenantId, party: &Party, client: &ClientId) -> Result<bool, DirectoryError> {
        let found = self.get(client_pk(client), "claim").await?;
        let whose = found.as_ref().and_then(|item| item.get("owner")).and_then(|whose| whose.as_s().ok());
        Ok(whose == Some(&owner(tenant, party)))
    }

    /// Which tenant `party` belongs to; none when it never registered.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn tenant_of(&self, party: &Party) -> Result<Option<TenantId>, DirectoryError> {
        let found = self.get(pk(party), "claim").await?;
        Ok(found
            .and_then(|item| item.get("tenant").and_then(|tenant| tenant.as_s().ok()).cloned())
            .and_then(|tenant| TenantId::new(tenant).ok()))
    }

    /// Every client of `party`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn clients(&self, party: &Party) -> Result<Vec<Client>, DirectoryError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :client)")
            .expression_attribute_values(":pk", text(pk(party)))
            .expression_attribute_values(":client", text("client#"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut clients = vec![];
        while let Some(item) = pages.next().await {
            clients.push(read(item.map_err(|e| store("Query")(e.into_service_error()))?)?);
        }
        Ok(clients)
    }

    /// Whether `client` is registered as one of `party`'s.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn is_registered(&self, party: &Party, client: &ClientId) -> Result<bool, DirectoryError> {
        Ok(self.get(pk(party), &sk(client)).await?.is_some())
    }

    /// Takes a client's report of how awake it is, unless a newer one stands.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn report(
        &self,
        party: &Party,
        client: &ClientId,
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

    /// Forgets `client`; false when there was none.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn remove(&self, party: &Party, client: &ClientId) -> Result<bool, DirectoryError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(pk(party)))
            .key("sk", text(sk(client)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| store("DeleteItem")(e.into_service_error()))?;
        let Some(gone) = delete.attributes.filter(|item| !item.is_empty()) else { return Ok(false) };
        self.let_go(party, &read(gone)?).await?;
        Ok(true)
    }
}
