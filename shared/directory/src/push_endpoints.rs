//! Push endpoints: which of them belong to which client.
//!
//! An endpoint belongs to one client at a time. That it does stands at the endpoint (`push#<endpoint>`, `claim`), and
//! what is needed to ring stands at the client (`main` and `voip`). The two change in one transaction, in which whoever
//! had the endpoint before loses it; so a phone that changed hands is never rung for its former owner. Between two parties one
//! changes hands only when the new owner has proved that they have the phone.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use ilock_dynamo::{Item, number, text, written};
use ilock_events::{Address, ClientName, Millis, PartyAddress, PartyKind};
use serde::{Deserialize, Serialize};

use crate::client::{Client, EndpointOwner, EndpointSlot, PushEndpoint, Retirement, pk, sk};
use crate::directory::{Directory, DirectoryError, kind_word, pause, read, store};

/// Others may want the same endpoint at the same time; after so many tries it is left to them.
const TIMES: u32 = 12;

#[derive(Serialize, Deserialize)]
struct Claim {
    kind: PartyKind,
    address: Address,
    client_id: ClientName,
    slot: EndpointSlot,
    /// Counts the changes of hands, a registration by the same owner among them.
    turn: u64,
}

impl Claim {
    fn owner(&self) -> EndpointOwner {
        let party = PartyAddress { kind: self.kind, address: self.address.clone() };
        EndpointOwner { party, client_id: self.client_id.clone(), slot: self.slot }
    }
}

fn endpoint_pk(endpoint: &str) -> String {
    format!("push#{endpoint}")
}

/// What a transaction is made of.
impl Directory {
    fn claims(&self, endpoint: &str, owner: &EndpointOwner, before: Option<&Claim>) -> Result<Put, DirectoryError> {
        let EndpointOwner { party, client_id, slot } = owner;
        let turn = before.map_or(1, |before| before.turn + 1);
        let PartyAddress { kind, address } = party.clone();
        let claim = Claim { kind, address, client_id: client_id.clone(), slot: *slot, turn };
        let mut item: Item = serde_dynamo::to_item(claim)?;
        item.insert("pk".into(), text(endpoint_pk(endpoint)));
        item.insert("sk".into(), text("claim"));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => {
                put.condition_expression("turn = :turn").expression_attribute_values(":turn", number(before.turn))
            }
        };
        put.build().map_err(store("TransactWriteItems"))
    }

    /// The client's `slot` gets `endpoint`, if it has still what it had.
    fn gives(
        &self,
        owner: &EndpointOwner,
        endpoint: &PushEndpoint,
        before: Option<&PushEndpoint>,
    ) -> Result<Update, DirectoryError> {
        let value: AttributeValue = serde_dynamo::to_attribute_value(endpoint)?;
        let update = self.at_client(owner).update_expression("SET #slot = :endpoint");
        let update = update.expression_attribute_values(":endpoint", value);
        let update = match before {
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#slot)"),
            Some(before) => update
                .condition_expression("#slot.#id = :before")
                .expression_attribute_names("#id", "id")
                .expression_attribute_values(":before", text(&before.id)),
        };
        update.build().map_err(store("TransactWriteItems"))
    }

    fn takes(&self, owner: &EndpointOwner, endpoint: &str) -> Result<Update, DirectoryError> {
        self.at_client(owner)
            .update_expression("REMOVE #slot")
            .condition_expression("#slot.#id = :endpoint")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":endpoint", text(endpoint))
            .build()
            .map_err(store("TransactWriteItems"))
    }

    /// The client that had nothing but `endpoint` goes with it.
    fn goes_with(&self, owner: &EndpointOwner, endpoint: &str) -> Result<Delete, DirectoryError> {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(pk(&owner.party)))
            .key("sk", text(sk(&owner.client_id)))
            .condition_expression("#slot.#id = :endpoint")
            .expression_attribute_names("#slot", owner.slot.word())
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":endpoint", text(endpoint))
            .build()
            .map_err(store("TransactWriteItems"))
    }

    fn at_client(&self, owner: &EndpointOwner) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("pk", text(pk(&owner.party)))
            .key("sk", text(sk(&owner.client_id)))
            .expression_attribute_names("#slot", owner.slot.word())
    }

    fn lets_go(&self, endpoint: &str, owner: &EndpointOwner) -> Result<Delete, DirectoryError> {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(endpoint_pk(endpoint)))
            .key("sk", text("claim"))
            .condition_expression(
                "attribute_not_exists(pk) OR (kind = :kind AND address = :address AND client_id = :client)",
            )
            .expression_attribute_values(":kind", text(kind_word(owner.party.kind)))
            .expression_attribute_values(":address", text(owner.party.address.as_str()))
            .expression_attribute_values(":client", text(owner.client_id.as_str()))
            .build()
            .map_err(store("TransactWriteItems"))
    }
}

/// What became of an endpoint that a client was to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is the client's.
    Yes,
    /// It stays with somebody else, until the new owner proves that they have the phone.
    Foreign(EndpointOwner),
    /// There is no such client.
    NoClient,
    /// Others were quicker too often.
    Contended,
}

impl Directory {
    /// Makes `endpoint` that of `client`, and of nobody else, in one step; what the client had in its place is let go. Of
    /// another party's it is taken only from `proven`, who is known to have it no more.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn take_endpoint(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        endpoint: &PushEndpoint,
        proven: Option<&PartyAddress>,
    ) -> Result<Taken, DirectoryError> {
        let owner =
            EndpointOwner { party: party.clone(), client_id: client.clone(), slot: EndpointSlot::of(endpoint.service) };
        for attempt in 0..TIMES {
            // The claim first: whoever has the endpoint by then cannot get it again without changing the claim.
            let claim = self.claim_of(&endpoint.id).await?;
            let Some(own) = self.client(party, client).await? else { return Ok(Taken::NoClient) };
            let had = own.endpoint(owner.slot);
            let claims = self.claims(&endpoint.id, &owner, claim.as_ref())?;
            let gives = self.gives(&owner, endpoint, had)?;
            let mut steps = vec![
                TransactWriteItem::builder().put(claims).build(),
                TransactWriteItem::builder().update(gives).build(),
            ];
            if let Some(had) = had.filter(|had| had.id != endpoint.id) {
                steps.push(TransactWriteItem::builder().delete(self.lets_go(&had.id, &owner)?).build());
            }
            if let Some(former) = claim.map(|claim| claim.owner()).filter(|former| *former != owner)
                && let Some(theirs) = self.client(&former.party, &former.client_id).await?
                && theirs.endpoint(former.slot).is_some_and(|theirs| theirs.id == endpoint.id)
            {
                if former.party != *party && Some(&former.party) != proven {
                    return Ok(Taken::Foreign(former));
                }
                // One phone is one client: what was registered for its token alone, before the app named a client, is that client.
                let only = theirs.endpoints().count() == 1;
                steps.push(if former.party == *party && theirs.is_of_token() && only {
                    TransactWriteItem::builder().delete(self.goes_with(&former, &endpoint.id)?).build()
                } else {
                    TransactWriteItem::builder().update(self.takes(&former, &endpoint.id)?).build()
                });
            }
            if self.transact(steps).await? {
                return Ok(Taken::Yes);
            }
            pause(attempt).await;
        }
        Ok(Taken::Contended)
    }

    /// Whose `endpoint` is.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn owner_of_endpoint(&self, endpoint: &str) -> Result<Option<EndpointOwner>, DirectoryError> {
        Ok(self.claim_of(endpoint).await?.map(|claim| claim.owner()))
    }

    async fn claim_of(&self, endpoint: &str) -> Result<Option<Claim>, DirectoryError> {
        self.get(endpoint_pk(endpoint), "claim").await?.map(read).transpose()
    }

    /// One client of `party`.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn client(&self, party: &PartyAddress, client: &ClientName) -> Result<Option<Client>, DirectoryError> {
        self.get(pk(party), &sk(client)).await?.map(read).transpose()
    }

    /// Forgets `client`, whose phone is another client by now. It may come back.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn forget_client(&self, party: &PartyAddress, client: &Client) -> Result<(), DirectoryError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(pk(party)));
        let delete = delete.key("sk", text(sk(&client.client_id))).send().await;
        delete.map_err(|e| store("DeleteItem")(e.into_service_error()))?;
        self.let_go(party, client).await
    }

    /// Lets go of what a client that is gone had.
    pub(crate) async fn let_go(&self, party: &PartyAddress, gone: &Client) -> Result<(), DirectoryError> {
        for endpoint in gone.endpoints() {
            let slot = EndpointSlot::of(endpoint.service);
            let owner = EndpointOwner { party: party.clone(), client_id: gone.client_id.clone(), slot };
            let delete = TransactWriteItem::builder().delete(self.lets_go(&endpoint.id, &owner)?).build();
            // Else somebody else has it, or is just getting it.
            self.transact(vec![delete]).await?;
        }
        Ok(())
    }

    /// Retires `endpoint` of `owner`, as it was registered at `since` or before; false when it was registered anew since
    /// then, belongs to somebody else, or is retired already.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn retire_endpoint(
        &self,
        owner: &EndpointOwner,
        endpoint: &str,
        since: Millis,
        retirement: &Retirement,
    ) -> Result<bool, DirectoryError> {
        let value: AttributeValue = serde_dynamo::to_attribute_value(retirement)?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(&owner.party)))
            .key("sk", text(sk(&owner.client_id)))
            .update_expression("SET #slot.retired = :retirement")
            .condition_expression(
                "#slot.#id = :endpoint AND #slot.#since <= :since AND attribute_not_exists(#slot.retired)",
            )
            .expression_attribute_names("#slot", owner.slot.word())
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#since", "since")
            .expression_attribute_values(":endpoint", text(endpoint))
            .expression_attribute_values(":since", number(since))
            .expression_attribute_values(":retirement", value)
            .send()
            .await;
        Ok(written(update, "UpdateItem")?)
    }
}
