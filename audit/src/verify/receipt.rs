//! Receipts, read without copying where they stand there as we write them; and whether what they say can be.

use std::borrow::Cow;

use ilock_events::{Carrier, ClientName, CommitNo, DeliveryOutcome, DeliveryPath, Millis, Receipt};

use crate::cursor::Cursor;
use crate::verify::strict;
use crate::verify::times::{AUDITOR_MS, ROUND_MS, SKEW_MS};

/// A receipt, as a [`Receipt`].
#[derive(Debug, PartialEq)]
pub(crate) struct ReceiptView<'a> {
    pub(crate) n: CommitNo,
    pub(crate) path: DeliveryPath,
    pub(crate) at: Millis,
    pub(crate) notices: Vec<(u32, OutcomeView<'a>)>,
    pub(crate) phones: Vec<(ClientName, OutcomeView<'a>)>,
}

/// What became of one notice, as a [`DeliveryOutcome`].
#[derive(Debug, PartialEq)]
pub(crate) struct OutcomeView<'a> {
    pub(crate) target: Cow<'a, str>,
    pub(crate) carrier: Carrier,
    pub(crate) carrier_id: Option<Cow<'a, str>>,
    pub(crate) ms: i64,
    pub(crate) error: Option<Cow<'a, str>>,
}

/// A receipt, which is read as `view` where it is written as we write it; whether it is in the form of RFC 8785 comes with it.
pub(crate) fn see<'a>(text: &str, view: Option<ReceiptView<'a>>) -> (Result<ReceiptView<'a>, String>, bool) {
    if let Some(receipt) = view {
        return (Ok(receipt), true);
    }
    let strict::Strict { read, canonical } = strict::read::<Receipt>(text);
    (read.map(ReceiptView::from), canonical)
}

/// A receipt that is all of `text`, in exactly the form in which it is written.
pub(crate) fn read(text: &str) -> Option<ReceiptView<'_>> {
    let mut at = Cursor::new(text);
    let view = take(&mut at)?;
    at.end()?;
    Some(view)
}

/// A receipt that stands next, in exactly the form in which it is written.
pub(crate) fn take<'a>(at: &mut Cursor<'a>) -> Option<ReceiptView<'a>> {
    at.take("{\"at\":")?;
    let when = Millis(at.integer()?);
    at.take(",\"n\":")?;
    let n = CommitNo(at.number()?);
    at.take(",\"notices\":")?;
    let notices = at.fields(|name, at| Some((index(name)?, outcome(at)?)))?;
    at.take(",\"path\":")?;
    let path = at.word_of()?;
    let phones = if at.takes(",\"phones\":") {
        let phones = at.fields(|name, at| Some((ClientName::new(name).ok()?, outcome(at)?)))?;
        // Where there are none, the field is left out.
        if phones.is_empty() {
            return None;
        }
        phones
    } else {
        vec![]
    };
    at.take("}")?;
    Some(ReceiptView { n, path, at: when, notices, phones })
}

fn index(name: &str) -> Option<u32> {
    let mut at = Cursor::new(name);
    let index = at.number()?;
    at.end()?;
    Some(index)
}

fn outcome<'a>(at: &mut Cursor<'a>) -> Option<OutcomeView<'a>> {
    at.take("{\"carrier\":")?;
    let carrier = at.word_of()?;
    let carrier_id = at.field(",\"carrier_id\":")?.map(Cow::Borrowed);
    let error = at.field(",\"error\":")?.map(Cow::Borrowed);
    at.take(",\"ms\":")?;
    let ms = at.integer()?;
    at.take(",\"target\":")?;
    let target = at.word()?.into();
    at.take("}")?;
    Some(OutcomeView { target, carrier, carrier_id, ms, error })
}

impl From<Receipt> for ReceiptView<'_> {
    fn from(receipt: Receipt) -> Self {
        let Receipt { n, path, at, notices, phones } = receipt;
        let notices = notices.into_iter().map(|(index, outcome)| (index, outcome.into())).collect();
        let phones = phones.into_iter().map(|(phone, outcome)| (phone, outcome.into())).collect();
        Self { n, path, at, notices, phones }
    }
}

impl From<DeliveryOutcome> for OutcomeView<'_> {
    fn from(outcome: DeliveryOutcome) -> Self {
        let DeliveryOutcome { target, carrier, carrier_id, ms, error } = outcome;
        let (carrier_id, error) = (carrier_id.map(Cow::Owned), error.map(Cow::Owned));
        Self { target: target.into(), carrier, carrier_id, ms, error }
    }
}

impl ReceiptView<'_> {
    /// Why what it says cannot be, of a commit that was made at `committed`; none where it can.
    pub(crate) fn implausible(&self, committed: Millis, as_of: Millis) -> Option<String> {
        let after = self.at.since(committed);
        if after < -SKEW_MS {
            return Some(format!("its receipt was written {} ms before it was made", after.unsigned_abs()));
        }
        if self.at.since(as_of) > AUDITOR_MS {
            return Some("its receipt is of a time that has not come yet".into());
        }
        if self.notices.is_empty() && self.phones.is_empty() {
            return Some("its receipt says nothing".into());
        }
        let outcomes = self.notices.iter().map(|(_, outcome)| outcome);
        outcomes.chain(self.phones.iter().map(|(_, outcome)| outcome)).find_map(|one| one.implausible(after))
    }
}

impl OutcomeView<'_> {
    /// `after`: how many ms after the commit its round had ended, and its receipt was written.
    fn implausible(&self, after: i64) -> Option<String> {
        let Self { target, ms, .. } = self;
        if *ms < -SKEW_MS {
            return Some(format!("{target} was told {} ms before it was made", ms.unsigned_abs()));
        }
        if *ms > after.saturating_add(SKEW_MS) {
            let late = ms.saturating_sub(after);
            return Some(format!("{target} was told {late} ms after the round in which it was told had ended"));
        }
        let written = after.saturating_sub(*ms);
        if written > ROUND_MS {
            return Some(format!(
                "{target} was told {ms} ms after it was made, and the receipt was written {written} ms later"
            ));
        }
        (self.error.is_some() && self.carrier_id.is_some())
            .then(|| format!("{target} was given up on, and has an id of its carrier"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::samples;

    #[test]
    fn every_sample_of_the_contract_is_read_at_once_as_the_slow_way_reads_it() {
        for name in ["fast", "projector", "push"] {
            let (_, receipt) = samples::<Receipt>(&format!("stored.receipt.{name}.json")).remove(0);
            let text = String::from_utf8(ilock_proof::canonical(&receipt).unwrap()).unwrap();
            assert_eq!(read(&text), Some(receipt.into()), "{name}");
        }
    }
}
