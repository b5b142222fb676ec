//! Registering a client: what it says of itself, and its slot among its party's.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use ilock_dynamo::{Item, number, text};
use ilock_events::{ClientName, Party, PartyAddress, Slot, TenantId};

use crate::client::{Client, pk, sk};
use crate::directory::{Directory, DirectoryError, store};

/// How many clients one party may have. Apps that make a new client id at each start would gather them without end:
/// beyond this the one longest not heard of is dropped.
pub const MAX_CLIENTS: usize = Slot::COUNT as usize;

/// How often others may register a new client of the same party in between.
const TIMES: u32 = 12;

/// The sort key of a party's slot counter.
const SLOTS: &str = "slots";

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It stands; `dropped` had to make room for it.
    Yes {
        /// The client that was longest not heard of, where there were too many.
        dropped: Option<ClientName>,
    },
    /// Others of the same party were quicker, too often.
    Contended,
}

impl Directory {
    /// Registers `client` as one of `party`'s, anew or again: what it says of itself now counts, what it does not say
    /// stays, and so do its slot, its earlier status report and its push endpoints.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn register(
        &self,
        tenant: &TenantId,
        party: &Party,
        client: &Client,
    ) -> Result<Registered, DirectoryError> {
        let at = PartyAddress::of(tenant, party);
        let fields = fields(tenant, party, client)?;
        if self.is_registered(&at, &client.client_id).await? {
            let again = self.write_down(&at, client, fields.clone())?;
            let steps = vec![TransactWriteItem::builder().update(again).build()];
            if self.transact(steps).await? {
                return Ok(Registered::Yes { dropped: None });
            }
        }
        let mut dropped = None;
        for attempt in 0..TIMES {
            // The counter first: whoever gets a slot after this changes it, and then ours is not written.
            let given = self.slots_given(&at).await?;
            let mut known = self.clients(&at).await?;
            // Another request for the same client may have been quicker.
            let own = known.iter().find(|other| other.client_id == client.client_id).and_then(|own| own.slot);
            known.retain(|other| other.client_id != client.client_id);
            if known.len() >= MAX_CLIENTS
                && let Some(oldest) = known.iter().min_by_key(|other| other.heard_of()).map(|c| c.client_id.clone())
            {
                self.remove(&at, &oldest).await?;
                known.retain(|other| other.client_id != oldest);
                dropped = Some(oldest);
            }
            let mut fields = fields.clone();
            if let Some(slot) = own.or_else(|| lowest_free(&known)) {
                fields.insert("slot".into(), number(slot.number()));
            }
            let steps = vec![
                TransactWriteItem::builder().put(self.count_slot(&at, given)?).build(),
                TransactWriteItem::builder().update(self.write_down(&at, client, fields)?).build(),
            ];
            if self.transact(steps).await? {
                return Ok(Registered::Yes { dropped });
            }
            tokio::time::sleep(std::time::Duration::from_millis(5 << attempt.min(5))).await;
        }
        Ok(Registered::Contended)
    }

    /// Field by field: beside a registration a push endpoint may change hands, and neither may undo the other. One that
    /// gives no slot needs a client that has one.
    fn write_down(&self, at: &PartyAddress, client: &Client, fields: Item) -> Result<Update, DirectoryError> {
        let again = !fields.contains_key("slot");
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(pk(at)))
            .key("sk", text(sk(&client.client_id)))
            .expression_attribute_names("#offline_since", "offline_since");
        let mut sets = vec![];
        for (field, value) in fields {
            sets.push(format!("#{field} = :{field}"));
            update = update
                .expression_attribute_names(format!("#{field}"), &field)
                .expression_attribute_values(format!(":{field}"), value);
        }
        if again {
            update = update.condition_expression("attribute_exists(pk)");
        }
        let expression = format!("SET {} REMOVE #offline_since", sets.join(", "));
        update.update_expression(expression).build().map_err(store("TransactWriteItems"))
    }

    /// How many slots `at` has been given so far; none before the first.
    async fn slots_given(&self, at: &PartyAddress) -> Result<Option<u64>, DirectoryError> {
        let found = self.get(pk(at), SLOTS).await?;
        Ok(found.and_then(|item| item.get("given")?.as_n().ok()?.parse().ok()))
    }

    fn count_slot(&self, at: &PartyAddress, given: Option<u64>) -> Result<Put, DirectoryError> {
        let put = Put::builder()
            .table_name(&self.table)
            .item("pk", text(pk(at)))
            .item("sk", text(SLOTS))
            .item("given", number(given.unwrap_or(0) + 1));
        let put = match given {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(given) => {
                put.condition_expression("given = :given").expression_attribute_values(":given", number(given))
            }
        };
        put.build().map_err(store("TransactWriteItems"))
    }

    /// False when a condition did not hold, or somebody else was at it.
    async fn transact(&self, steps: Vec<TransactWriteItem>) -> Result<bool, DirectoryError> {
        let write = self.client.transact_write_items().set_transact_items(Some(steps)).send().await;
        match write.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            Err(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(false),
            Err(error) => Err(store("TransactWriteItems")(error)),
        }
    }
}

/// What is written of `client`, and whose it is: its key says only the address.
fn fields(tenant: &TenantId, party: &Party, client: &Client) -> Result<Item, DirectoryError> {
    let mut fields: Item = serde_dynamo::to_item(Client { slot: None, main: None, voip: None, ..client.clone() })?;
    fields.insert("tenant".into(), text(tenant.as_str()));
    fields.insert("id".into(), text(party.id.as_str()));
    Ok(fields)
}

fn lowest_free(known: &[Client]) -> Option<Slot> {
    let taken = |slot: &Slot| known.iter().any(|other| other.slot == Some(*slot));
    (0..Slot::COUNT).filter_map(|number| Slot::new(number).ok()).find(|slot| !taken(slot))
}
