//! `live`: the calls that a person may be in. A hint and no more: an entry is written when its call is placed, by one
//! conditional update beside everything else that a press reserves, and nobody clears it when the call is over. Whoever would
//! refuse, repeat or say "busy" because of an entry loads the call that it names first, and believes that.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use ilock_dynamo::{Item, number, text, written};
use ilock_events::{CallId, Millis, PartyAddress, PartyKind};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, store};

/// The sort key of a person's live calls.
const LIVE: &str = "live";

/// What stands before the set in the name of an entry's attribute.
const CALL: &str = "call_";

/// How long DynamoDB keeps the item once no entry in it counts.
const KEPT_MS: i64 = 3_600_000;

/// An entry: a call that a person may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCall {
    /// Who calls whom, as a digest: of each set a person has one entry.
    pub set: String,
    pub call_id: CallId,
    /// Which request made the entry, where it may come again.
    pub request: Option<String>,
    /// Whether a person or a door station calls.
    pub by: PartyKind,
    /// When the request came.
    pub at: Millis,
    /// Until when the phones ring.
    pub deadline: Millis,
    /// When the phones were last told by message.
    pub told: Millis,
    /// From then on the entry counts as absent: the call may last no longer.
    pub until: Millis,
}

/// What stands at a person where an entry was to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entered {
    /// The entry of the same set that was in the way; none where the new one stands.
    pub standing: Option<LiveCall>,
    /// The entries of other sets that count.
    pub others: Vec<LiveCall>,
}

impl LiveCall {
    fn name(&self) -> String {
        format!("{CALL}{}", self.set)
    }

    /// Times of the same length sort as text, and the one that decides stands first.
    fn stored(&self) -> String {
        let Self { call_id, request, by, at, deadline, told, until, .. } = self;
        let by = match by {
            PartyKind::User => "u",
            PartyKind::Device => "d",
        };
        let request = request.as_deref().unwrap_or("-");
        format!("{:015}#{deadline}#{at}#{told}#{by}#{request}#{call_id}", until.0)
    }

    fn read(name: &str, stored: &str) -> Option<Self> {
        let mut parts = stored.splitn(7, '#');
        let mut ms = || parts.next()?.parse().ok().map(Millis);
        let (until, deadline, at, told) = (ms()?, ms()?, ms()?, ms()?);
        let by = if parts.next()? == "u" { PartyKind::User } else { PartyKind::Device };
        let request = Some(parts.next()?).filter(|request| *request != "-").map(str::to_owned);
        let call_id = CallId::new(parts.next()?).ok()?;
        Some(Self { set: name.strip_prefix(CALL)?.to_owned(), call_id, request, by, at, deadline, told, until })
    }

    fn all_in(item: &Item, now: Millis) -> Vec<Self> {
        let read = |(name, value): (&String, &aws_sdk_dynamodb::types::AttributeValue)| {
            Self::read(name, value.as_s().ok()?).filter(|call| call.until > now)
        };
        let mut calls: Vec<Self> = item.iter().filter_map(read).collect();
        calls.sort_by(|a, b| (b.at, &b.set).cmp(&(a.at, &a.set)));
        calls
    }
}

impl Directory {
    fn update_live(&self, person: &PartyAddress) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("pk", text(pk(person))).key("sk", text(LIVE))
    }

    /// Enters `call` at `person`, unless an entry of the same set stands there that counts at `now`. The others come with it,
    /// the newest first.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn enter_live(
        &self,
        person: &PartyAddress,
        call: &LiveCall,
        now: Millis,
    ) -> Result<Entered, DirectoryError> {
        let update = self
            .update_live(person)
            .update_expression("SET #call = :call, #ttl = :ttl")
            .condition_expression("attribute_not_exists(#call) OR #call < :now")
            .expression_attribute_names("#call", call.name())
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":call", text(call.stored()))
            .expression_attribute_values(":now", text(format!("{:015}", now.plus(1).0)))
            .expression_attribute_values(":ttl", number(call.until.plus(KEPT_MS).0.div_euclid(1000)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let (item, entered) = match update.map_err(SdkError::into_service_error) {
            Ok(updated) => (updated.attributes.unwrap_or_default(), true),
            Err(UpdateItemError::ConditionalCheckFailedException(held)) => {
                let item = match held.item.filter(|item| !item.is_empty()) {
                    Some(item) => item,
                    // Older engines do not hand over what was in the way.
                    None => self.get(pk(person), LIVE).await?.unwrap_or_default(),
                };
                (item, false)
            }
            Err(error) => return Err(store("UpdateItem")(error)),
        };
        let (same, others) = LiveCall::all_in(&item, now).into_iter().partition(|one| one.set == call.set);
        let same: Vec<LiveCall> = same;
        // The same entry is one's own: the SDK sends again what was carried out, where the answer was late.
        let standing = same.into_iter().next().filter(|standing| !entered && standing != call);
        Ok(Entered { standing, others })
    }

    /// Puts `to` where `from` stands at `person`; false when something else stands there by now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn move_live(
        &self,
        person: &PartyAddress,
        from: &LiveCall,
        to: &LiveCall,
    ) -> Result<bool, DirectoryError> {
        let update = self
            .update_live(person)
            .update_expression("SET #call = :to, #ttl = :ttl")
            .condition_expression("#call = :from")
            .expression_attribute_names("#call", from.name())
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":from", text(from.stored()))
            .expression_attribute_values(":to", text(to.stored()))
            .expression_attribute_values(":ttl", number(to.until.plus(KEPT_MS).0.div_euclid(1000)))
            .send()
            .await;
        Ok(written(update, "UpdateItem")?)
    }

    /// Takes `calls` out at `person`, where they all stand there still: calls that are over, or came to nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn leave_live(&self, person: &PartyAddress, calls: &[&LiveCall]) -> Result<(), DirectoryError> {
        let mut update = self.update_live(person);
        let (mut removed, mut condition) = (vec![], vec![]);
        for (index, call) in calls.iter().enumerate() {
            let (name, value) = (format!("#call{index}"), format!(":call{index}"));
            condition.push(format!("{name} = {value}"));
            update = update.expression_attribute_names(&name, call.name());
            update = update.expression_attribute_values(value, text(call.stored()));
            removed.push(name);
        }
        if removed.is_empty() {
            return Ok(());
        }
        let update = update
            .update_expression(format!("REMOVE {}", removed.join(", ")))
            .condition_expression(condition.join(" AND "))
            .send()
            .await;
        written(update, "UpdateItem")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back_and_counts_until_its_time() {
        let call = LiveCall {
            set: "abc".into(),
            call_id: CallId::new("call_device1_user2_1679886400000_abcdefghijklm").unwrap(),
            request: Some("0123456789abcdef".into()),
            by: PartyKind::User,
            at: Millis(1_679_886_400_000),
            deadline: Millis(1_679_886_430_000),
            told: Millis(1_679_886_400_000),
            until: Millis(1_679_893_632_000),
        };
        for call in [call.clone(), LiveCall { request: None, by: PartyKind::Device, ..call }] {
            assert_eq!(LiveCall::read(&call.name(), &call.stored()), Some(call.clone()));
            let item = Item::from([(call.name(), text(call.stored())), ("sk".into(), text(LIVE))]);
            assert_eq!(LiveCall::all_in(&item, call.until.plus(-1)), std::slice::from_ref(&call));
            assert!(LiveCall::all_in(&item, call.until).is_empty());
        }
    }
}
