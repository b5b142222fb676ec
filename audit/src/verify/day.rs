//! A day of the log, held against the ledger: is everything of it entered, in time; and does everything that was entered
//! still stand in the log?

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ilock_events::{CallId, Millis};
use ilock_proof::{CallHash, Day, Entry, EntryKind, Hour, StoredCall, call_hash, entry_of_content};

use crate::finding::{Finding, Kind};
use crate::verify::day_access::DayAccess;
use crate::verify::day_lacking::{Lack, Lacking};
use crate::verify::day_subject::Subject;
use crate::verify::hours::HoursInOrder;

/// How long an item may take into the ledger, in ms: the sequencer works every minute.
const GRACE: i64 = 10 * 60 * 1000;
/// What was entered so long after it says that it happened is found, in ms. An hour is how exactly the ledger tells the time.
const LATE: i64 = 2 * 60 * 60 * 1000;
/// Hours behind the day whose entries are still read as its own: what was committed in its last seconds is entered by then.
const HOURS_AFTER: i64 = 2;

/// The hour with whose entry those of `day` end.
#[must_use]
pub fn end_of_entries(day: &Day) -> Hour {
    Hour::of(day.plus(1).begins().plus(HOURS_AFTER * 60 * 60 * 1000))
}

/// What was found, and in how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayJudged {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Commits of the day in the log.
    pub commits: u64,
    /// Receipts, alerts and marks beside them.
    pub items: u64,
    /// Accesses by auditors on the day in the log.
    pub accesses: u64,
    /// Entries of the ledger that were read.
    pub entries: u64,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: u64,
    /// The last hour that had begun before it was entered.
    since: Option<Hour>,
    /// Whether the log has what it is of.
    in_log: bool,
}

/// Judges a day. First come the ledger's entries from the day's beginning on, in their order; then calls and accesses, in any
/// order, each access once: of a call that was placed on the day all items, whenever they happened; where [`DayJudge::unexplained`] says so, more calls, where [`DayJudge::unexplained_accesses`] does,
/// more accesses, and where [`DayJudge::lacks`] does, the ledger's later entries.
#[derive(Debug)]
pub struct DayJudge {
    day: Day,
    /// The hour with whose entry the day's end.
    end: Hour,
    now: Millis,
    hours: HoursInOrder,
    began: BTreeMap<Hour, u64>,
    since: Option<Hour>,
    /// The last hour that had begun before what is read of the ledger's later entries.
    later: Option<Hour>,
    /// Up to when the ledger has what happened after the day; none where that is until now.
    covered: Option<Millis>,
    places: HashMap<Entry, Place>,
    /// The entries of accesses that were not shown.
    gone_accesses: HashSet<Entry>,
    /// What the log has of the day, and the ledger had not.
    lacking: Lacking,
    /// The calls that were shown, by the hash that stands in entries.
    calls: HashMap<CallHash, String>,
    /// Those of them of which the log has nothing but the mark that they were archived: what else was entered is judged with the
    /// archive of their day.
    archived: HashSet<CallHash>,
    judged: DayJudged,
}

impl DayJudge {
    /// For `day`, at `now`.
    #[must_use]
    pub fn new(day: Day, now: Millis) -> Self {
        Self {
            end: end_of_entries(&day),
            now,
            hours: HoursInOrder::at(now),
            began: BTreeMap::new(),
            since: None,
            later: None,
            covered: None,
            places: HashMap::new(),
            gone_accesses: HashSet::new(),
            lacking: Lacking::default(),
            calls: HashMap::new(),
            archived: HashSet::new(),
            judged: DayJudged::default(),
            day,
        }
    }

    /// Whether the day's entries have ended: the ledger said that a later hour began. What it has behind that is for
    /// [`DayJudge::later_entry`].
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.since.is_some_and(|hour| hour >= self.end)
    }

    /// Takes in an entry of the ledger; none where it is of a form that nobody knows.
    pub fn entry(&mut self, index: u64, entry: Option<Entry>) {
        self.judged.entries += 1;
        let Some(entry) = entry else {
            let why = format!("entry {index} of the ledger is of another form, or of a newer version");
            return self.judged.findings.push(Finding::new(Kind::Unreadable, why));
        };
        if let Some((hour, finding)) = self.hours.entry(index, &entry) {
            self.judged.findings.extend(finding);
            // What stands behind an hour that had begun before was entered later than it seems.
            if self.since.is_none_or(|before| hour > before) {
                self.since = Some(hour);
                self.began.entry(hour).or_insert(index);
            }
            return;
        }
        if entry.kind == EntryKind::Access {
            self.gone_accesses.insert(entry);
        }
        let since = self.since;
        // What was entered twice counts from the first time.
        self.places.entry(entry).or_insert(Place { index, since, in_log: false });
    }

    /// Takes in a call that the log has under the day, as it is stored; one that was moved into the day's archive with what the
    /// archive has. All of it must be in the ledger, whenever it happened: no other day asks for it.
    pub fn call_of_day(&mut self, call: &StoredCall) {
        self.take(call, true);
    }

    /// Takes in a call that the log has under another day, or under none.
    pub fn call(&mut self, call: &StoredCall) {
        let placed = call.commits.first().and_then(|commit| commit["at"].as_i64()).map(Millis);
        self.take(call, placed.is_some_and(|at| Day::of(at) == self.day));
    }

    fn take(&mut self, call: &StoredCall, is_of_day: bool) {
        let subject = Subject::Call(call.call_id.clone());
        self.calls.insert(call_hash(&call.call_id), call.call_id.clone());
        if call.is_archived() {
            self.archived.insert(call_hash(&call.call_id));
        }
        if let (Some(entry), Some(mark)) = (call.entry_of_mark(), &call.archived) {
            let at = mark["archived_at"].as_i64().map(Millis);
            self.judged.items += u64::from(self.entered(entry, &subject, at, false));
        }
        let Ok(call_id) = CallId::new(call.call_id.as_str()) else { return };
        for (kind, item) in call.items() {
            // A commit under the hash of what it holds: the one that it names may have been changed.
            let Some(entry) = entry_of_content(kind, &call_id, item) else { continue };
            if self.entered(entry, &subject, item["at"].as_i64().map(Millis), is_of_day) {
                match kind {
                    EntryKind::Commit => self.judged.commits += 1,
                    _ => self.judged.items += 1,
                }
            }
        }
    }

    /// Takes in an access as it is stored, of the day or of another.
    pub fn access(&mut self, access: &DayAccess<'_>) {
        let at = access.at().filter(|at| Day::of(*at) == self.day);
        // Whatever it says: what stands under the day is judged with it.
        let at = at.or_else(|| (*access.day == self.day).then(|| self.day.begins()));
        let subject = Subject::Access(access.name());
        let Some(entry) = access.entry() else {
            let why = format!("{}: its fields have no digest", access.name());
            return self.judged.findings.push(Finding::new(Kind::Unreadable, why));
        };
        if self.entered(entry, &subject, at, false) {
            self.judged.accesses += 1;
            if !access.is_in_place() {
                let why = format!("stands under {}, and its key is not that of an access of its moment", access.day);
                self.judged.findings.push(subject.finding(&entry, Kind::OutOfOrder, &why));
            }
        }
    }

    /// Holds the entry of an item that happened at `at` against those of the ledger; whether that was on the day. Where it must be
    /// in the ledger `anyway`, it is looked for whenever it happened.
    fn entered(&mut self, entry: Entry, subject: &Subject, at: Option<Millis>, anyway: bool) -> bool {
        let of_day = at.is_some_and(|at| Day::of(at) == self.day);
        match (self.places.get_mut(&entry), at) {
            (Some(place), at) => {
                place.in_log = true;
                self.gone_accesses.remove(&entry);
                let (place, at) = (*place, at.filter(|_| of_day));
                if let Some(at) = at {
                    self.judge_time(&entry, subject, place, at);
                }
            }
            (None, at) if of_day || anyway => {
                let at = at.unwrap_or_else(|| self.day.begins());
                self.lacking.add((entry, subject.clone(), at));
            }
            (None, _) => {}
        }
        of_day
    }

    fn judge_time(&mut self, entry: &Entry, subject: &Subject, place: Place, at: Millis) {
        let late = place.since.map(|hour| hour.begins().since(at)).filter(|late| *late > LATE);
        if let Some(late) = late {
            let hours = late / 3_600_000;
            let why = format!("was entered {hours} hours or more after it says that it happened");
            self.judged.findings.push(subject.finding(entry, Kind::EnteredLate, &why));
        }
    }

    /// Whether the log has something of the day that the ledger must have, and the entries so far have not.
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.lacking.iter().any(|(.., at)| self.is_due(*at))
    }

    /// Whether what happened at `at` must be in the ledger by now.
    fn is_due(&self, at: Millis) -> bool {
        let is_covered = Day::of(at) == self.day || self.covered.is_none_or(|until| at < until);
        self.now.since(at) > GRACE && is_covered
    }

    /// Says that `last` is the last hour in the ledger: of a copy that was made before, no more is asked than it can have.
    pub fn covered_by(&mut self, last: Hour) {
        self.covered = (last < Hour::of(self.now.plus(-GRACE))).then(|| last.begins());
    }

    /// The hours round the times at which the calls of the day say that something happened after its entries, which the entries
    /// so far have not. Each is the first and the one behind the last.
    #[must_use]
    pub fn hours_of_later_items(&self) -> BTreeSet<(Hour, Hour)> {
        let later = self.lacking.iter().map(|(.., at)| *at).filter(|at| *at >= self.end.begins() && self.is_due(*at));
        later.map(|at| (Hour::of(at.plus(-GRACE)), Hour::of(at.plus(GRACE)).next())).collect()
    }

    /// The entries of keys that began or ended.
    #[must_use]
    pub fn keys(&self) -> Vec<Entry> {
        self.places.keys().filter(|entry| entry.kind == EntryKind::Key).copied().collect()
    }

    /// Where the ledger has the entry of `hour`; none where it has none, or not for so long that its checkpoint must have been
    /// kept.
    #[must_use]
    pub fn settled(&self, hour: Hour) -> Option<u64> {
        self.began.get(&hour).copied().filter(|_| self.now.since(hour.begins()) > GRACE)
    }

    /// What the log has of the day, and the ledger has not; of what happened later only what must be there by now.
    #[must_use]
    pub fn lacking(&self) -> Vec<Entry> {
        let asked = |at: Millis| Day::of(at) == self.day || self.is_due(at);
        self.lacking.iter().filter(|(.., at)| asked(*at)).map(|(entry, ..)| *entry).collect()
    }

    /// Begins to look behind the day's entries, again where it did before.
    pub fn look_later(&mut self) {
        self.later = self.since;
    }

    /// Takes in an entry that was made after the day's, for what [`DayJudge::lacks`]. Entries come in their order, and not all need
    /// to.
    pub fn later_entry(&mut self, index: u64, entry: &Entry) {
        if let Some(hour) = self.hours.of(entry) {
            self.later = self.later.max(Some(hour));
            return;
        }
        let Some((entry, subject, at)) = self.lacking.take(entry) else { return };
        self.judge_time(&entry, &subject, Place { index, since: self.later.max(self.since), in_log: true }, at);
    }

    /// Whether the ledger has entries of calls that were not shown and may have been placed shortly before.
    #[must_use]
    pub fn unexplained(&self) -> bool {
        self.unexplained_entries().any(|entry| entry.kind != EntryKind::Archived)
    }

    /// The calls of all such entries, as their hashes. Once those that were placed shortly before are shown, the others are long
    /// past: text of them was forgotten on the day, or they were archived.
    #[must_use]
    pub fn unexplained_calls(&self) -> HashSet<CallHash> {
        self.unexplained_entries().map(|entry| entry.call).collect()
    }

    /// Whether the ledger has entries of accesses that were not shown.
    #[must_use]
    pub fn unexplained_accesses(&self) -> bool {
        !self.gone_accesses.is_empty()
    }

    fn unexplained_entries(&self) -> impl Iterator<Item = &Entry> {
        let open = self.places.iter().filter(|(_, place)| !place.in_log).map(|(entry, _)| entry);
        open.filter(|entry| is_of_call(entry) && !self.calls.contains_key(&entry.call))
    }

    /// Ends. `since` is the hour in which the ledger began.
    #[must_use]
    pub fn finish(mut self, since: Option<Hour>) -> DayJudged {
        self.judge_hours(since);
        let gone: Vec<(Entry, Place)> = self
            .places
            .iter()
            .filter(|(entry, place)| !place.in_log && is_of_call(entry))
            .filter(|(entry, _)| entry.kind == EntryKind::Archived || !self.archived.contains(&entry.call))
            .map(|(entry, place)| (*entry, *place))
            .collect();
        let mut whole: BTreeMap<CallHash, u64> = BTreeMap::new();
        for (entry, place) in gone {
            if let Some(call_id) = self.calls.get(&entry.call).cloned() {
                self.judge_gone(&entry, &call_id);
            } else {
                let first = whole.entry(entry.call).or_insert(place.index);
                *first = place.index.min(*first);
            }
        }
        for (call, index) in whole {
            let call = hex::encode(call);
            let why = format!(
                "a whole call, whose id's hash begins with {call}, was entered (entry {index}) and is not in the log any more"
            );
            self.judged.findings.push(Finding::new(Kind::Missing, why));
        }
        self.judge_gone_accesses();
        for (entry, subject, at) in self.lacking.iter() {
            if self.is_due(*at) {
                let finding = subject.finding(entry, Kind::NotEntered, "is in the log, and was never entered");
                self.judged.findings.push(finding);
            }
        }
        self.judged.findings.sort_by_key(|finding| (finding.call_id.clone(), finding.n, finding.kind));
        self.judged
    }

    /// An entry of a call that is there, of something that is not.
    fn judge_gone(&mut self, entry: &Entry, call_id: &str) {
        let subject = Subject::Call(call_id.to_owned());
        let finding = match self.lacking.take_like(entry) {
            Some(_) => subject.finding(entry, Kind::Changed, "is not the one that was entered"),
            None => subject.finding(entry, Kind::Missing, "was entered, and is not in the log any more"),
        };
        self.judged.findings.push(finding);
    }

    /// Entries of accesses that are not there. An entry does not say of which access it is: where another one stands in the log
    /// that was never entered, somebody altered the one into the other.
    fn judge_gone_accesses(&mut self) {
        let gone = self.gone_accesses.iter().filter_map(|entry| self.places.get(entry));
        let mut gone: Vec<u64> = gone.map(|place| place.index).collect();
        gone.sort_unstable();
        // What is on its way to the ledger was not altered.
        let altered = |(entry, _, at): &&Lack| entry.kind == EntryKind::Access && self.now.since(*at) > GRACE;
        let mut altered = self.lacking.iter().filter(altered).map(|(entry, ..)| *entry).collect::<Vec<_>>().into_iter();
        for index in gone {
            let finding = if let Some((entry, subject, _)) = altered.next().and_then(|entry| self.lacking.take(&entry))
            {
                let why = format!("is not one that was entered: that of entry {index} is not in the log any more");
                subject.finding(&entry, Kind::Changed, &why)
            } else {
                let why = format!("an access was entered (entry {index}), and is not in the log any more");
                Finding::new(Kind::Missing, why)
            };
            self.judged.findings.push(finding);
        }
    }

    /// Every hour of the day since the ledger began has an entry, also one in which nothing happened.
    fn judge_hours(&mut self, since: Option<Hour>) {
        let due = |hour: &Hour| since.is_some_and(|since| *hour >= since) && self.now.since(hour.begins()) > GRACE;
        let missing: Vec<Hour> =
            Hour::of_day(&self.day).filter(due).filter(|hour| !self.began.contains_key(hour)).collect();
        for hour in missing {
            let why = format!("the ledger has no entry for the hour {hour}");
            self.judged.findings.push(Finding::new(Kind::Missing, why));
        }
    }
}

fn is_of_call(entry: &Entry) -> bool {
    entry.call != CallHash::default()
}
