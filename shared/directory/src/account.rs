//! A party's account: which of its logins have been ended, which version its payload key has, how many slots and
//! registrations it has had, and until when its history was seen. Every request reads it; so it is one item.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use ilock_dynamo::{Item, number, text, written};
use ilock_events::{Login, LoginSession, Millis, PartyAddress};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, store};
use crate::recent::{Limit, Recent, TooOften};

/// The sort key of an account.
pub(crate) const ACCOUNT: &str = "account";

/// What stands before a session in the name of the attribute that says that it was ended.
const ENDED: &str = "ended_";

/// The attribute with the times of recent registrations.
pub(crate) const REGISTRATIONS: &str = "registrations";

/// For so long a session that was ended is remembered, in milliseconds: 400 days, which is longer than login services keep
/// one alive that nobody uses.
const REMEMBERED_MS: i64 = 400 * 86_400_000;

/// How many ended sessions an account forgets at a time, once their time is over.
const FORGOTTEN_AT_ONCE: usize = 20;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Logins from before then have been ended.
    pub not_before: Option<Millis>,
    /// All calls that were over by then have been seen.
    pub seen_until: Option<Millis>,
    /// Raised when the person was logged out everywhere.
    pub key_version: u32,
    ended: BTreeSet<LoginSession>,
    /// Sessions whose time to be remembered is over, as the attributes that say so; a few.
    over: Vec<String>,
    pub(crate) slots_given: u64,
    pub(crate) registrations: Recent,
}

impl Account {
    /// Whether `login` was ended: its session, or all logins from before some time.
    #[must_use]
    pub fn has_ended(&self, login: &Login) -> bool {
        let session = login.session.as_ref().is_some_and(|session| self.ended.contains(session));
        session || self.not_before.is_some_and(|at| login.is_before(at))
    }

    /// Refuses a registration at `now` that would be one too many. It counts nothing.
    ///
    /// # Errors
    /// [`TooOften`].
    pub fn may_register(&self, now: Millis, limit: Limit) -> Result<(), TooOften> {
        self.registrations.and_now(now, limit).map(drop)
    }

    pub(crate) fn read(item: &Item, now: Millis) -> Self {
        let mut account = Self { registrations: Recent::read(item, REGISTRATIONS), ..Self::default() };
        for (name, value) in item {
            let Some(value) = value.as_n().ok().and_then(|digits| digits.parse::<i64>().ok()) else { continue };
            match name.as_str() {
                "not_before" => account.not_before = Some(Millis(value)),
                "seen_until" => account.seen_until = Some(Millis(value)),
                "key_version" => account.key_version = u32::try_from(value).unwrap_or_default(),
                "slots_given" => account.slots_given = u64::try_from(value).unwrap_or_default(),
                _ => {
                    if let Some(session) = name.strip_prefix(ENDED).and_then(LoginSession::read) {
                        account.ended.insert(session);
                        if Millis(value) < now && account.over.len() < FORGOTTEN_AT_ONCE {
                            account.over.push(name.clone());
                        }
                    }
                }
            }
        }
        account
    }
}

impl Directory {
    /// The account of `party`, as it stands at `now`; an empty one where it never did anything.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn account(&self, party: &PartyAddress, now: Millis) -> Result<Account, DirectoryError> {
        Ok(self.get(pk(party), ACCOUNT).await?.map(|item| Account::read(&item, now)).unwrap_or_default())
    }

    /// Ends `session` of `party` for good.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn end_session(
        &self,
        party: &PartyAddress,
        account: &Account,
        session: &LoginSession,
        now: Millis,
    ) -> Result<(), DirectoryError> {
        let mut removed = vec![];
        let mut update = self.update_account(party);
        for (index, over) in account.over.iter().enumerate() {
            removed.push(format!("#over{index}"));
            update = update.expression_attribute_names(format!("#over{index}"), over);
        }
        let removed = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        update
            .update_expression(format!("SET #ended = :until{removed}"))
            .expression_attribute_names("#ended", ended_name(session))
            .expression_attribute_values(":until", number(now.plus(REMEMBERED_MS)))
            .send()
            .await
            .map_err(|e| store("UpdateItem")(e.into_service_error()))?;
        Ok(())
    }

    /// Ends every login of `party` from before `now`, and gives it another payload key. A later time that stands already
    /// stays.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn end_all_sessions(&self, party: &PartyAddress, now: Millis) -> Result<(), DirectoryError> {
        let update = self
            .update_account(party)
            .update_expression("SET not_before = :now ADD key_version :one")
            .condition_expression("attribute_not_exists(not_before) OR not_before <= :now")
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        written(update, "UpdateItem")?;
        Ok(())
    }

    /// Keeps that `party` has seen all calls that were over `until` then. A later time that stands already stays. Answers until when
    /// they have seen them now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn mark_seen(&self, party: &PartyAddress, until: Millis) -> Result<Millis, DirectoryError> {
        let update = self
            .update_account(party)
            .update_expression("SET seen_until = :until")
            .condition_expression("attribute_not_exists(seen_until) OR seen_until < :until")
            .expression_attribute_values(":until", number(until))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match update.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(until),
            // Older engines do not say what stands there.
            Err(UpdateItemError::ConditionalCheckFailedException(later)) => {
                let stands = later.item.as_ref().and_then(|item| item.get("seen_until")?.as_n().ok()?.parse().ok());
                Ok(stands.map_or(until, Millis))
            }
            Err(error) => Err(store("UpdateItem")(error)),
        }
    }

    pub(crate) fn update_account(&self, party: &PartyAddress) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("pk", text(pk(party))).key("sk", text(ACCOUNT))
    }
}

/// The condition that `login` of a party has not been ended meanwhile, for an update of its account.
pub(crate) fn while_not_ended(update: UpdateBuilder, login: &Login) -> (UpdateBuilder, String) {
    let update = match login.since {
        Some(since) => {
            let second = Millis(since.0.div_euclid(1000).saturating_mul(1000)).plus(999);
            update.expression_attribute_values(":since", number(second))
        }
        None => update,
    };
    let mut condition = match login.since {
        Some(_) => "(attribute_not_exists(not_before) OR not_before <= :since)".to_owned(),
        None => "attribute_not_exists(not_before)".to_owned(),
    };
    let update = match &login.session {
        Some(session) => {
            condition.push_str(" AND attribute_not_exists(#ended)");
            update.expression_attribute_names("#ended", ended_name(session))
        }
        None => update,
    };
    (update, condition)
}

fn ended_name(session: &LoginSession) -> String {
    format!("{ENDED}{}", session.as_str())
}
