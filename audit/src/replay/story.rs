//! Reading the story of a call out of its line.

use ilock_call::{Call, Placed};
use ilock_events::{Alert, CallEvent, Commit, Forgotten, Hash, Millis, Personal, Receipt, TenantId};
use ilock_notify::push::PushKind;
use ilock_notify::{Channel, Message, Notice, notices};

use crate::call_line::CallLine;
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
        let named = |digest: &Hash| {
            commits.iter().find(|commit| digest_in(commit) == Some(digest.as_str())).map(|commit| commit.n.0)
        };
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
        let mut steps: Vec<((Millis, u32, u32), Step)> = vec![];
        for commit in &self.commits {
            not_before = not_before.max(commit.at);
            let what = What::Commit(Box::new(done(commit, words(commit, personal, &self.forgotten, as_of))));
            steps.push(((not_before, commit.n.0, 0), self.step(commit.at, commit.n.0, what)));
        }
        for receipt in receipts {
            let commit = self.commits.iter().find(|commit| commit.n == receipt.n);
            let due = commit.map_or_else(Vec::new, |commit| self.due(commit));
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
        steps.sort_by_key(|(order, _)| *order);
        let mut before = self.at;
        self.steps = steps.into_iter().map(|(_, step)| step).collect();
        for step in &mut self.steps {
            step.after = step.at.since(before);
            before = step.at;
        }
    }

    /// What was to be told because of `commit`.
    fn due(&self, commit: &Commit) -> Vec<Notice> {
        let mut call = Call::new(commit.call_id.clone());
        let so_far = self.commits.iter().take_while(|earlier| earlier.n <= commit.n);
        let folded = so_far.map(|earlier| call.fold(earlier)).last().is_some_and(|last| last.is_ok());
        let placed = call.placed.filter(|_| folded);
        placed.and_then(|placed| notices(commit, &placed, None).ok()).unwrap_or_default()
    }

    fn step(&self, at: Millis, n: u32, what: What) -> Step {
        Step { at, since_placed: at.since(self.at), after: 0, n, what }
    }
}

fn read<T: serde::de::DeserializeOwned>(raw: &[&str], what: &str, unreadable: &mut Vec<String>) -> Vec<T> {
    let mut all = Vec::with_capacity(raw.len());
    for (place, raw) in raw.iter().enumerate() {
        match serde_json::from_str(raw) {
            Ok(read) => all.push(read),
            Err(error) => unreadable.push(format!("{what} {}: {error}", place + 1)),
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

fn words(commit: &Commit, personal: Option<&[Personal]>, forgotten: &[Forgetting], as_of: Millis) -> PersonalTextState {
    let Some(digest) = digest_in(commit) else { return PersonalTextState::None };
    let found = personal.unwrap_or_default().iter().find(|personal| personal.digest == digest);
    let past = || commit.personal_until.as_ref().is_some_and(|until| until.plus(1).begins() <= as_of);
    match found {
        Some(personal) => PersonalTextState::Said(Box::new(personal.text.clone())),
        None if forgotten.iter().any(|gone| gone.record.digest == digest) => PersonalTextState::Forgotten,
        // What an export does not hold may stand in the log.
        None if personal.is_none() => PersonalTextState::NotExported,
        None if past() => PersonalTextState::Expired,
        None => PersonalTextState::Missing,
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
