//! Was everybody told who was to be, in time, and nobody else?

use ilock_call::Placed;
use ilock_events::{Address, CallEvent, Carrier, ClientName, Millis, PartyKind};
use ilock_notify::{Due, Recipient, Step, Target, due};

use crate::verify::receipt::{OutcomeView, ReceiptView};
use crate::{Finding, Findings, Kind};

/// How long after a notice has expired the projector may still record why it was not delivered.
const GRACE_MS: i64 = 60_000;

/// Holds the receipts of a call against what was due because of each of its commits.
pub(crate) struct DeliveryCheck<'r, 'a> {
    /// In the order of the commits that they are of.
    receipts: Vec<&'r ReceiptView<'a>>,
    as_of: Millis,
    /// An operator may do without pushes. Where they were used for a call, each of its notices has a receipt; to which phones
    /// depends on what was registered then.
    pushed: bool,
    addresses: Addresses,
    findings: Findings,
}

/// Where the parties of a call are found. Of most tenants an address is a digest.
#[derive(Default)]
struct Addresses(Vec<(PartyKind, String, Address)>);

impl Addresses {
    fn learn(&mut self, to: Recipient<'_>, placed: &Placed) {
        if self.of(to).is_none() {
            self.0.push((to.kind, to.id.to_string(), to.address(&placed.tenant).address));
        }
    }

    fn of(&self, to: Recipient<'_>) -> Option<&Address> {
        let known = self.0.iter().find(|(kind, id, _)| *kind == to.kind && id == to.id.as_str());
        known.map(|(_, _, address)| address)
    }

    fn target(&self, due: &Due<'_>) -> Option<Target<'_>> {
        self.of(due.to).map(|address| due.target(address))
    }
}

/// What is said to have been handed over because of one commit, by the notice's index.
struct HandedOver<'r, 'a>(Vec<(u32, &'r OutcomeView<'a>)>);

impl<'r, 'a> HandedOver<'r, 'a> {
    fn of(&self, index: u32) -> impl Iterator<Item = &'r OutcomeView<'a>> + Clone {
        self.0.iter().filter(move |(handed, _)| *handed == index).map(|(_, entry)| *entry)
    }
}

impl<'r, 'a> DeliveryCheck<'r, 'a> {
    pub(crate) fn new(receipts: &'r [ReceiptView<'a>], as_of: Millis) -> Self {
        let of_push = |receipt: &ReceiptView<'_>| {
            !receipt.phones.is_empty() || receipt.notices.iter().any(|(_, entry)| entry.carrier == Carrier::Push)
        };
        let nought = receipts.iter().filter(|receipt| receipt.n.0 == 0);
        let why = "a receipt is of commit 0, and commits are counted from 1";
        let mut findings = Findings::of_a_call();
        findings.extend(nought.map(|receipt| Finding::at(Kind::Implausible, receipt.n.0, why)));
        let pushed = receipts.iter().any(of_push);
        let mut receipts: Vec<&ReceiptView<'_>> = receipts.iter().collect();
        receipts.sort_by_key(|receipt| receipt.n);
        Self { receipts, as_of, pushed, addresses: Addresses::default(), findings }
    }

    /// What was found. Who is to be told follows from the parties: without the commit that placed the call nobody knows
    /// them, and nothing is said.
    pub(crate) fn findings(self, placed: Option<&Placed>) -> Findings {
        placed.map_or(Findings::at_most(0), |_| self.findings)
    }

    /// Judges who was told because of commit `n`, in which `events` happened, and after which the call stood as in `placed`.
    pub(crate) fn judge(&mut self, n: u32, step: Step<'_>, events: &[CallEvent], placed: Option<&Placed>) {
        let all_due = placed.map(|placed| due(events, step, placed)).unwrap_or_default();
        for one in &all_due {
            if let Some(placed) = placed {
                self.addresses.learn(one.to, placed);
            }
        }
        let handed = self.receipts(n, step.at, &all_due);
        self.unexpected(n, &handed, &all_due);
        for one in all_due.iter().filter(|due| self.pushed || due.carrier() == Carrier::Mqtt) {
            let wrong = self.judge_one(one, &handed, step.at);
            self.findings.extend(wrong.map(|wrong| Finding { n: Some(n), ..wrong.notice(one.index) }));
        }
    }

    /// Judges the receipts of commit `n` by themselves, and says what they say was handed over.
    fn receipts(&mut self, n: u32, at: Millis, due: &[Due<'_>]) -> HandedOver<'r, 'a> {
        let mut handed = vec![];
        let first = self.receipts.partition_point(|receipt| receipt.n.0 < n);
        let count = self.receipts.iter().skip(first).take_while(|receipt| receipt.n.0 == n).count();
        for place in first..first + count {
            let Some(receipt) = self.receipts.get(place).copied() else { break };
            if let Some(why) = receipt.implausible(at, self.as_of) {
                self.findings.push(Finding::at(Kind::Implausible, n, why));
            }
            handed.extend(receipt.notices.iter().map(|(index, entry)| (*index, entry)));
            for (phone, entry) in &receipt.phones {
                let wrong = self.judge_phone(due, phone, entry, at);
                self.findings.extend(wrong.map(|wrong| Finding { n: Some(n), ..wrong }));
            }
        }
        handed.sort_by_key(|(index, _)| *index);
        HandedOver(handed)
    }

    /// Finds, once of each notice, that somebody else than the one who was to be told was told of it.
    fn unexpected(&mut self, n: u32, handed: &HandedOver<'_, '_>, all_due: &[Due<'_>]) {
        for entries in handed.0.chunk_by(|(index, _), (next, _)| index == next) {
            let wrong = |(index, entry): &&(u32, &OutcomeView<'_>)| {
                let due = all_due.iter().find(|due| due.index == *index);
                let fits = |due: &Due<'_>| due.carrier() == entry.carrier && self.is_target(due, &entry.target);
                !due.is_some_and(fits)
            };
            if let Some((index, entry)) = entries.iter().find(wrong) {
                let why = format!("{} was told by {}", entry.target, entry.carrier.word());
                self.findings.push(Finding::at(Kind::UnexpectedNotice, n, why).notice(*index));
            }
        }
    }

    fn is_target(&self, due: &Due<'_>, text: &str) -> bool {
        self.addresses.target(due).is_some_and(|target| target.is(text))
    }

    fn judge_one(&self, due: &Due<'_>, handed: &HandedOver<'_, '_>, at: Millis) -> Option<Finding> {
        let target = self.addresses.target(due)?;
        let entries = handed.of(due.index).filter(|entry| target.is(&entry.target));
        let mut handed_over = entries.clone().filter(|entry| entry.error.is_none());
        let Some(last) = handed_over.clone().map(|entry| entry.ms).max() else {
            let has_reason = entries.clone().any(|entry| entry.error.is_some());
            return (!has_reason && due.expires_at.plus(GRACE_MS) < self.as_of)
                .then(|| Finding::new(Kind::NeverTold, format!("{target} was to be told: no receipt, no reason")));
        };
        // Whoever was told in time once must not be told again later. A push is settled once all phones are, and each has its
        // own time.
        let is_mqtt = due.carrier() == Carrier::Mqtt;
        if is_mqtt && handed_over.any(|entry| at.plus(entry.ms) > due.expires_at) {
            return Some(too_late(due, &target, at.plus(last).since(due.expires_at)));
        }
        let first = due.after.first()?;
        let reached = |before: &u32| handed.of(*before).any(|entry| entry.error.is_none());
        (!due.after.iter().any(reached)).then(|| {
            Finding::new(
                Kind::UnexpectedNotice,
                format!("{target} was told, though notice {first}, which it waits for, was not handed over"),
            )
        })
    }

    /// One phone that was told by push.
    fn judge_phone(
        &self,
        all_due: &[Due<'_>],
        phone: &ClientName,
        entry: &OutcomeView<'_>,
        at: Millis,
    ) -> Option<Finding> {
        let owner = phone.owner().map(|(_, owner)| owner);
        let wakes = |due: &&Due<'_>| {
            let own = |owner: &ilock_events::PartyAddress| {
                owner.kind == due.to.kind && self.addresses.of(due.to) == Some(&owner.address)
            };
            due.carrier() == Carrier::Push && owner.as_ref().is_some_and(own)
        };
        let Some(push) = all_due.iter().find(wakes) else {
            return Some(Finding::new(Kind::UnexpectedNotice, format!("{phone} was told by {}", entry.carrier.word())));
        };
        let late = at.plus(entry.ms).since(push.expires_at);
        (entry.error.is_none() && late > 0).then(|| too_late(push, phone, late).notice(push.index))
    }
}

fn too_late(due: &Due<'_>, who: &dyn std::fmt::Display, late: i64) -> Finding {
    let what = if due.rings() { "was handed the ring" } else { "was told" };
    let past = if due.rings() { "the deadline" } else { "it had expired" };
    Finding::new(Kind::ToldTooLate, format!("{who} {what} {late} ms after {past}"))
}
