//! Reading the story of a call out of its line.

use std::collections::{BTreeMap, HashMap, HashSet};

use ilock_call::{CALLEES, Call, Placed};
use ilock_events::{Alert, CallEvent, Commit, CommitNo, Forgotten, Hash, Millis, Personal, Receipt, TenantId};
use ilock_notify::push::PushKind;
use ilock_notify::{Channel, Message, Notice, notices};

use crate::call_line::CallLine;
use crate::json_error::said;
use crate::replay::standing::Standing;
use crate::replay::step::{CommitStep, DeliveryStep, Forgetting, PersonalTextState, Step, What};
use crate::replay::verdict::{Proven, Verdict};
use crate::verify;

/// A call's story, in the order in which it happened.
#[derive(Debug, Clone)]
pub struct Story {
    pub call_id: String,
    pub tenant: Option<TenantId>,
    /// On which terms it was placed; none when its first commit is missing.
    pub placed: Option<Placed>,
    /// When it was placed.
    pub at: Millis,
    pub steps: Vec<Step>,
    /// What was said in it and deleted later, because a person asked for that.
    pub forgotten: Vec<Forgetting>,
    /// What stands there and cannot be read.
    pub unreadable: Vec<String>,
    /// From where on the commits do not add up, and why. That they do is no proof: verifying is.
    pub broken: Option<String>,
    /// What verifying found of the whole call.
    pub verdict: Verdict,
    /// What is proven to be in the ledger; none where no proof was checked.
    pub proven: Option<Proven>,
    /// How the call stood, where the story was cut.
    pub standing: Option<Standing>,
    pub(crate) commits: Vec<Commit>,
    /// Phones that confirmed that they ring, after the first.
    pub(crate) alerts: Vec<Alert>,
}

impl Story {
    /// Reads the story of a call, and verifies it as of `as_of`. What cannot be read is named, and the rest is told.
    #[must_use]
    pub fn of(line: &CallLine<'_>, as_of: Millis) -> Self {
        let mut unreadable = vec![];
        let mut commits: Vec<Commit> = read(&line.commits, "commit", &mut unreadable);
        let receipts: Vec<Receipt> = read(&line.receipts, "receipt", &mut unreadable);
        let alerts: Vec<Alert> = read(&line.alerts, "confirmation of a phone", &mut unreadable);
        let personal = line.personal.as_ref().map(|raw| read::<Personal>(raw, "personal text", &mut unreadable));
        let forgotten: Vec<Forgotten> = read(&line.forgotten, "what was forgotten", &mut unreadable);
        commits.sort_by_key(|commit| commit.n);
        // The first commit that names a text, where several do.
        let named: HashMap<&str, u32> =
            commits.iter().rev().filter_map(|commit| Some((digest_in(commit)?, commit.n.0))).collect();
        let named = |digest: &Hash| named.get(digest.as_str()).copied();
        let mut forgotten: Vec<Forgetting> =
            forgotten.into_iter().map(|record| Forgetting { n: named(&record.digest), record }).collect();
        forgotten.sort_by_key(|gone| (gone.record.at, gone.n));
        let (call, broken) = told_by(&commits);
        let mut story = Self {
            call_id: line.call_id.to_string(),
            tenant: commits.first().map(|commit| commit.tenant.clone()),
            placed: call.and_then(|call| call.placed),
            at: commits.first().map_or(line.at, |commit| commit.at),
            steps: vec![],
            forgotten,
            unreadable,
            broken,
            verdict: Verdict::of(verify::call(line, as_of)),
            proven: None,
            standing: None,
            commits,
            alerts,
        };
        story.steps(&receipts, personal.as_deref(), as_of);
        story
    }

    fn steps(&mut self, receipts: &[Receipt], personal: Option<&[Personal]>, as_of: Millis) {
        // Clocks of two functions may differ by some milliseconds: a commit never comes before the one it continues.
        let mut not_before = self.at;
        let mut steps: Vec<Ordered> = vec![];
        let kept = Kept::of(personal, &self.forgotten);
        for commit in &self.commits {
            not_before = not_before.max(commit.at);
            let what = What::Commit(Box::new(done(commit, kept.words(commit, as_of))));
            steps.push(((not_before, commit.n.0, 0), self.step(commit.at, commit.n.0, what)));
        }
        self.deliveries(receipts, &mut steps);
        steps.sort_by_key(|(order, _)| *order);
        let mut before = self.at;
        self.steps = steps.into_iter().map(|(_, step)| step).collect();
        for step in &mut self.steps {
            step.after = step.at.since(before);
            before = step.at;
        }
    }

    /// What `receipts` tell of, each held against what was to be told because of its commit. The commits are taken in once for all
    /// receipts: of a crafted call there may be thousands of either.
    fn deliveries(&self, receipts: &[Receipt], steps: &mut Vec<Ordered>) {
        let mut of_commit: BTreeMap<CommitNo, Vec<&Receipt>> = BTreeMap::new();
        for receipt in receipts {
            of_commit.entry(receipt.n).or_default().push(receipt);
        }
        let mut call = self.commits.first().map(|first| Call::new(first.call_id.clone()));
        for same in self.commits.chunk_by(|one, other| one.n == other.n) {
            let (Some(call), Some(commit)) = (&mut call, same.first()) else { continue };
            let folded = same.iter().map(|commit| call.fold(commit)).last().is_some_and(|last| last.is_ok());
            let Some(receipts) = of_commit.remove(&commit.n) else { continue };
            let due = call.placed.as_ref().filter(|_| folded).map_or_else(Vec::new, |placed| due(commit, placed));
            for receipt in receipts {
                self.told(receipt, Some(commit), &due, steps);
            }
        }
        for receipt in of_commit.into_values().flatten() {
            self.told(receipt, None, &[], steps);
        }
    }

    /// What one receipt tells of. `due` was to be told because of its commit, where that is there.
    fn told(&self, receipt: &Receipt, commit: Option<&Commit>, due: &[Notice], steps: &mut Vec<Ordered>) {
        let said = |index| due.iter().find(|notice| notice.index == index).map(says);
        let push = |phone| due.iter().find(|notice| notice.wakes(phone)).map(|notice| notice.index);
        let told = receipt.notices.iter().map(|(index, handed)| (Some(*index), None, handed));
        let woken = receipt.phones.iter().map(|(phone, handed)| (push(phone), Some(phone.clone()), handed));
        // That all phones are settled comes after what became of each.
        for (notice, phone, handed) in woken.chain(told) {
            let at = commit.map_or(receipt.at, |commit| commit.at.plus(handed.ms));
            let (says, path) = (notice.and_then(said), receipt.path);
            let what = What::Delivery(DeliveryStep { notice, phone, says, path, handed: handed.clone() });
            let order = notice.unwrap_or_default().saturating_add(1);
            steps.push(((at, receipt.n.0, order), self.step(at, receipt.n.0, what)));
        }
    }

    fn step(&self, at: Millis, n: u32, what: What) -> Step {
        Step { at, since_placed: at.since(self.at), after: 0, n, what }
    }
}

/// A step, and what it is sorted by: its time, its commit, its place among what is told of that.
type Ordered = ((Millis, u32, u32), Step);

/// What was to be told because of `commit`, after which the call stood as in `placed`.
fn due(commit: &Commit, placed: &Placed) -> Vec<Notice> {
    // No call rings more people: verifying says so, and nobody waits for what each of them would have been told.
    if placed.terms.callees.len() > *CALLEES.end() {
        return vec![];
    }
    notices(commit, placed, None).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(raw: &[&str], what: &str, unreadable: &mut Vec<String>) -> Vec<T> {
    let mut all = Vec::with_capacity(raw.len());
    for (place, raw) in raw.iter().enumerate() {
        match serde_json::from_str(raw) {
            Ok(read) => all.push(read),
            Err(error) => unreadable.push(format!("{what} {}: {}", place + 1, said(&error))),
        }
    }
    all
}

/// The call, as far as its commits add up; and where they do not.
fn told_by(commits: &[Commit]) -> (Option<Call>, Option<String>) {
    let Some(first) = commits.first() else { return (None, None) };
    let mut call = Call::new(first.call_id.clone());
    for commit in commits {
        if let Err(error) = call.fold(commit) {
            let newer = if known(commit) { "" } else { "; a newer version wrote it" };
            return (Some(call), Some(format!("from commit {} on it does not add up: {error}{newer}", commit.n)));
        }
    }
    (Some(call), None)
}

fn done(commit: &Commit, words: PersonalTextState) -> CommitStep {
    CommitStep {
        by: commit.actor.name(),
        cmd: commit.cmd.clone(),
        events: commit.events.iter().map(|event| event.name.clone()).collect(),
        state: commit.state,
        words,
        hash: commit.hash.clone(),
    }
}

/// The digest of what was said with a commit.
fn digest_in(commit: &Commit) -> Option<&str> {
    commit.cmd.args.get("personal").and_then(|digest| digest.as_str())
}

/// What is left of the texts that were said, by their digests.
struct Kept<'a> {
    /// None where the export was not asked to hold any.
    texts: Option<HashMap<&'a str, &'a Personal>>,
    forgotten: HashSet<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(personal: Option<&'a [Personal]>, forgotten: &'a [Forgetting]) -> Self {
        let by_digest = |texts: &'a [Personal]| texts.iter().rev().map(|text| (text.digest.as_str(), text)).collect();
        let forgotten = forgotten.iter().map(|gone| gone.record.digest.as_str()).collect();
        Self { texts: personal.map(by_digest), forgotten }
    }

    fn words(&self, commit: &Commit, as_of: Millis) -> PersonalTextState {
        let Some(digest) = digest_in(commit) else { return PersonalTextState::None };
        let past = || commit.personal_until.as_ref().is_some_and(|until| until.plus(1).begins() <= as_of);
        match self.texts.as_ref().and_then(|texts| texts.get(digest)) {
            Some(personal) => PersonalTextState::Said(Box::new(personal.text.clone())),
            None if self.forgotten.contains(digest) => PersonalTextState::Forgotten,
            // What an export does not hold may stand in the log.
            None if self.texts.is_none() => PersonalTextState::NotExported,
            None if past() => PersonalTextState::Expired,
            None => PersonalTextState::Missing,
        }
    }
}

/// What a notice says.
fn says(notice: &Notice) -> String {
    let said = match &notice.channel {
        Channel::Mqtt { message: Message::Incoming { .. }, .. } => "incoming",
        Channel::Mqtt { message: Message::Control(control), .. } => control.action.word(),
        Channel::Mqtt { message: Message::Sync(sync), .. } => sync.action.word(),
        Channel::Push(push) => match push.kind {
            PushKind::Rings { .. } => "incoming",
            PushKind::Over { .. } => "over",
            PushKind::Missed => "missed",
        },
    };
    said.to_owned()
}

/// Whether an event is known to this code; for words only.
pub(crate) fn known(commit: &Commit) -> bool {
    commit.events.iter().all(|event| CallEvent::read(event).is_ok())
}
