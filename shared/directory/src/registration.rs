//! Registering a client: what it says of itself, its slot among its party's, and the password that counts from now on.
//!
//! All of it is one transaction over the party's account and the client, on the condition that both still stand as they were
//! read and that the login was not ended meanwhile. So a client that was logged out does not come back by a request that was
//! under way, and there are never more clients than there may be, however many register at once.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use ilock_dynamo::{Item, number, text, written};
use ilock_events::{ClientName, Generation, Millis, Party, PartyAddress, Slot, TenantId};

use crate::account::{ACCOUNT, Account, REGISTRATIONS, while_not_ended};
use crate::client::{Client, Passwords, pk, sk};
use crate::directory::{self, Directory, DirectoryError, store};
use crate::recent::{Limit, Recent, TooOften};

/// The most clients that one party may have: as many as there are slots.
pub const MAX_CLIENTS: usize = Slot::COUNT as usize;

/// How often others of the same party may register in between.
const TIMES: u32 = 60;

/// The longest pause before the next try, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 120;

/// A client that registers.
#[derive(Debug, Clone)]
pub struct Registration {
    pub tenant: TenantId,
    pub party: Party,
    /// What it says of itself, and its login.
    pub client: Client,
    /// What its password carries.
    pub generation: Generation,
    /// How many clients the party may have. Apps that make a new client id at each start would gather them without end:
    /// beyond this the one longest not heard of is dropped.
    pub most_clients: usize,
    /// How often the party may register.
    pub limit: Limit,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    Yes(Box<NewRegistration>),
    /// The party registered too often.
    TooOften(TooOften),
    /// Its login was ended, or it was removed after the login.
    LoggedOut,
    /// Others of the same party were quicker, too often.
    Contended,
}

/// A registration that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRegistration {
    /// Whether the person's phones are told: there was no such client, and there are others; or it was registered by another
    /// login before.
    pub is_news: bool,
    /// The version of the party's payload key.
    pub key_version: u32,
    /// The clients that were longest not heard of, where there were too many.
    pub dropped: Vec<Client>,
    /// Of a client that is new: the others that the same login session registered, for a push token alone.
    pub of_tokens: Vec<Client>,
}

/// What a registration is decided on.
struct Found {
    account: Account,
    own: Option<Client>,
    /// The party's other clients; none where the client is known, and they do not matter.
    others: Vec<Client>,
    /// Whether it was removed after the login by which it comes.
    left_after_login: bool,
}

impl Directory {
    /// Registers a client, anew or again: what it says of itself now counts, what it does not say stays, and so do its slot,
    /// its earlier status report and its push endpoints.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn register(&self, registration: &Registration) -> Result<Registered, DirectoryError> {
        let at = PartyAddress::of(&registration.tenant, &registration.party);
        let (client, now) = (&registration.client, registration.client.registered_at);
        for attempt in 0..TIMES {
            let found = Box::pin(self.found(&at, client, now)).await?;
            if found.account.has_ended(&client.login) || found.left_after_login {
                return Ok(Registered::LoggedOut);
            }
            let registrations = match found.account.registrations.and_now(now, registration.limit) {
                Ok(registrations) => registrations,
                Err(too_often) => return Ok(Registered::TooOften(too_often)),
            };
            let dropped = found.dropped(registration.most_clients);
            let mut steps = vec![
                TransactWriteItem::builder().update(self.counts(&at, &found, client, &registrations)?).build(),
                TransactWriteItem::builder().update(self.writes(&at, &found, registration, &dropped)?).build(),
            ];
            for dropped in &dropped {
                steps.push(TransactWriteItem::builder().delete(self.drops(&at, &dropped.client_id)?).build());
            }
            if self.transact(steps).await? {
                for dropped in &dropped {
                    self.let_go(&at, dropped).await?;
                }
                return Ok(Registered::Yes(Box::new(NewRegistration {
                    is_news: found.is_news(client, &dropped),
                    key_version: found.account.key_version,
                    of_tokens: found.of_tokens(client, &dropped),
                    dropped: dropped.into_iter().cloned().collect(),
                })));
            }
            tokio::time::sleep(pause(attempt, &registration.generation)).await;
        }
        Ok(Registered::Contended)
    }

    /// Counts a registration of `party` at `now` that came to nothing, where it was one of those that it may make.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn count_registration(
        &self,
        party: &PartyAddress,
        now: Millis,
        limit: Limit,
    ) -> Result<(), DirectoryError> {
        for attempt in 0..TIMES {
            let account = self.account(party, now).await?;
            let Ok(registrations) = account.registrations.and_now(now, limit) else { return Ok(()) };
            let (unchanged, earlier) = unchanged(&account.registrations);
            let mut update = self.update_account(party).update_expression("SET #registrations = :registrations");
            if let Some(earlier) = earlier {
                update = update.expression_attribute_values(":earlier", earlier);
            }
            let update = update
                .condition_expression(unchanged)
                .expression_attribute_names("#registrations", REGISTRATIONS)
                .expression_attribute_values(":registrations", registrations.stored())
                .send()
                .await;
            if written(update, "UpdateItem")? {
                return Ok(());
            }
            directory::pause(attempt).await;
        }
        Ok(())
    }

    /// The account first: whoever gets a slot after this changes it, and then nothing of ours is written.
    async fn found(&self, at: &PartyAddress, client: &Client, now: Millis) -> Result<Found, DirectoryError> {
        let (account, left) = (self.account(at, now), self.left_after(at, client));
        let (account, own, left_after_login) = tokio::try_join!(account, self.client(at, &client.client_id), left)?;
        let mut others = if own.is_none() { self.clients(at).await? } else { vec![] };
        let quicker = others.iter().position(|other| other.client_id == client.client_id);
        // Another request for the same client may have been quicker.
        let own = own.or_else(|| quicker.map(|index| others.swap_remove(index)));
        Ok(Found { account, own, others, left_after_login })
    }

    /// Counts a registration, and a slot where one is given.
    fn counts(
        &self,
        at: &PartyAddress,
        found: &Found,
        client: &Client,
        registrations: &Recent,
    ) -> Result<Update, DirectoryError> {
        let update = Update::builder().table_name(&self.table).key("pk", text(pk(at))).key("sk", text(ACCOUNT));
        let (update, not_ended) = while_not_ended(update, &client.login);
        let slots_unchanged = match found.account.slots_given {
            0 => "attribute_not_exists(slots_given)",
            _ => "slots_given = :given",
        };
        let given = found.account.slots_given;
        let update = if given == 0 { update } else { update.expression_attribute_values(":given", number(given)) };
        let (sets, update) = if found.own.is_some() {
            ("SET #registrations = :registrations", update)
        } else {
            let update = update.expression_attribute_values(":next", number(given + 1));
            ("SET #registrations = :registrations, slots_given = :next", update)
        };
        let (registrations_unchanged, earlier) = unchanged(&found.account.registrations);
        let update = match earlier {
            Some(earlier) => update.expression_attribute_values(":earlier", earlier),
            None => update,
        };
        update
            .update_expression(sets)
            .condition_expression(format!("{slots_unchanged} AND {registrations_unchanged} AND {not_ended}"))
            .expression_attribute_names("#registrations", REGISTRATIONS)
            .expression_attribute_values(":registrations", registrations.stored())
            .build()
            .map_err(store("TransactWriteItems"))
    }

    /// Field by field: beside a registration a push endpoint may change hands, and neither may undo the other.
    fn writes(
        &self,
        at: &PartyAddress,
        found: &Found,
        registration: &Registration,
        dropped: &[&Client],
    ) -> Result<Update, DirectoryError> {
        let earlier = found.own.as_ref().and_then(|own| own.passwords.clone());
        let newest = registration.generation.clone();
        let passwords = match earlier.clone() {
            Some(earlier) => earlier.renewed(newest),
            None => Passwords::first(newest),
        };
        let mut fields = fields(registration)?;
        fields.insert("passwords".into(), serde_dynamo::to_attribute_value(passwords)?);
        let kept =
            |slot: &Slot| found.others.iter().any(|other| other.slot == Some(*slot) && !dropped.contains(&other));
        let slot = found.own.as_ref().map_or_else(|| lowest_free(kept), |own| own.slot);
        fields.extend(slot.map(|slot| ("slot".to_owned(), number(slot.number()))));
        if found.own.is_none() {
            // Until it connects. Of a client that is known its connection says more than its registration.
            fields.insert("offline_since".into(), number(registration.client.registered_at));
        }
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(pk(at)))
            .key("sk", text(sk(&registration.client.client_id)));
        let mut sets = vec![];
        for (field, value) in fields {
            sets.push(format!("#{field} = :{field}"));
            update = update
                .expression_attribute_names(format!("#{field}"), &field)
                .expression_attribute_values(format!(":{field}"), value);
        }
        let (condition, update) = match (&found.own, earlier) {
            (None, _) => ("attribute_not_exists(pk)", update),
            (Some(_), None) => ("attribute_exists(pk) AND attribute_not_exists(#passwords)", update),
            (Some(_), Some(earlier)) => {
                let earlier = serde_dynamo::to_attribute_value(earlier)?;
                ("#passwords = :earlier", update.expression_attribute_values(":earlier", earlier))
            }
        };
        update
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression(condition)
            .build()
            .map_err(store("TransactWriteItems"))
    }

    fn drops(&self, at: &PartyAddress, client: &ClientName) -> Result<Delete, DirectoryError> {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(pk(at)))
            .key("sk", text(sk(client)))
            .build()
            .map_err(store("TransactWriteItems"))
    }
}

/// The condition that registrations are as they were read, and the value that it calls `:earlier`.
fn unchanged(read: &Recent) -> (&'static str, Option<AttributeValue>) {
    match read.stored() {
        AttributeValue::L(earlier) if earlier.is_empty() => ("attribute_not_exists(#registrations)", None),
        earlier => ("#registrations = :earlier", Some(earlier)),
    }
}

impl Found {
    /// The clients that make room, where a new one finds none: more than one where fewer may be kept than before.
    fn dropped(&self, most: usize) -> Vec<&Client> {
        let (before, after) = (self.others.len(), self.others.len() + usize::from(self.own.is_none()));
        let mut by_age: Vec<&Client> = self.others.iter().collect();
        by_age.sort_by_key(|other| (other.heard_of(), &other.client_id));
        by_age.truncate(after.saturating_sub(most.max(1)).min(before));
        by_age
    }

    /// What the login session of `client` registered for a push token alone, and still stands.
    fn of_tokens(&self, client: &Client, dropped: &[&Client]) -> Vec<Client> {
        let same = |other: &&Client| other.login.is_of_session_of(&client.login);
        let others = self.others.iter().filter(same).filter(|other| other.is_of_token() && !dropped.contains(other));
        others.cloned().collect()
    }

    /// Whether the person should hear of `client`, while `dropped` make room for it.
    fn is_news(&self, client: &Client, dropped: &[&Client]) -> bool {
        match &self.own {
            Some(own) => own.login.session != client.login.session,
            None => self.others.len() > dropped.len(),
        }
    }
}

/// What is written of the client, and whose it is: its key says only the address.
fn fields(Registration { tenant, party, client, .. }: &Registration) -> Result<Item, DirectoryError> {
    let said = Client { slot: None, main: None, voip: None, passwords: None, ..client.clone() };
    let mut fields: Item = serde_dynamo::to_item(said)?;
    fields.insert("tenant".into(), text(tenant.as_str()));
    fields.insert("id".into(), text(party.id.as_str()));
    Ok(fields)
}

fn lowest_free(taken: impl Fn(&Slot) -> bool) -> Option<Slot> {
    (0..Slot::COUNT).filter_map(|number| Slot::new(number).ok()).find(|slot| !taken(slot))
}

/// How long to wait before the next try: longer each time, and for each request another time, so that they do not meet again.
fn pause(attempt: u32, generation: &Generation) -> Duration {
    let most = (10 << attempt.min(10)).min(LONGEST_PAUSE_MS);
    let own = generation.as_str().bytes().fold(u64::from(attempt), |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    Duration::from_millis(1 + own % most)
}
