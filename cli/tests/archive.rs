//! A day of the log is archived, deleted, and verified from its archive; and whatever somebody does to it in between is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod server;

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_auth::{Identity, Role, Secret, issue_access_token};
use ilock_env::Clock;
use ilock_events::{Archived, CallId, Millis, PartyId, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
use ilock_local::Options;
use ilock_local::ledger_folder::LedgerFolder;
use ilock_log::ledger::{HourMark, LedgerReader};
use ilock_proof::{Day, Hour, digest};
use ilock_tests::parties::call_id;
use ilock_tests::{LogLines, Party, World};
use serde_json::Value;
use server::{lines, text};

const HOUR: i64 = 3_600_000;

/// What the stacks of this process log.
fn lines_of_this_process() -> LogLines {
    let lines = LogLines::default();
    let shared = lines.clone();
    tracing_subscriber::fmt().json().with_writer(move || shared.clone()).init();
    lines
}

/// Whether the alarm was raised for a commit of this call.
fn alarm(lines: &LogLines, call: &str) -> bool {
    lines.text().lines().any(|line| line.contains("TAMPERED") && line.contains(call))
}

/// A stack on which calls were placed 100 days ago, whose text is kept for five.
struct Past {
    world: World,
    clock: Arc<AtomicI64>,
    day: Day,
    calls: Vec<String>,
    folder: tempfile::TempDir,
}

fn word(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn findings(said: &[Value]) -> Vec<(&str, &str)> {
    let findings = said.iter().filter(|line| line["event"] == "finding").map(|line| &line["finding"]);
    findings.map(|one| (one["kind"].as_str().unwrap(), one["why"].as_str().unwrap())).collect()
}

impl Past {
    async fn new() -> Self {
        let day = Day::of(Clock::system().now().plus(-100 * 24 * HOUR));
        let clock = Arc::new(AtomicI64::new(day.begins().0 + 10 * HOUR));
        let read = clock.clone();
        let settings = Box::new(|name: &str| match name {
            "ILOCK_SEQUENCE_SECONDS" => Some("1".to_owned()),
            "PERSONAL_DAYS" => Some("5".to_owned()),
            _ => None,
        });
        let options =
            Options { clock: Clock::new(move || Millis(read.load(Ordering::SeqCst))), settings, ..Options::anywhere() };
        let world = World::with(options).await;
        let folder = tempfile::tempdir().unwrap();
        let mut past = Self { world, clock, day, calls: vec![], folder };
        for tenant in ["default", "theirs"] {
            past.rings(tenant).await;
        }
        // Placed on the day, and over on the next one.
        past.settled().await;
        past.clock.store(past.day.plus(1).begins().0 - 1_000, Ordering::SeqCst);
        past.rings("default").await;
        past.settled().await;
        past.later();
        past.caught_up().await;
        past
    }

    fn party(&self, tenant: &str, id: &str, role: Role) -> Party {
        let identity = Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new(tenant).unwrap() };
        let now = Millis(self.clock.load(Ordering::SeqCst));
        let secret = Secret::new(DEV_SECRET);
        let token = issue_access_token(&secret, &identity, Some(DEV_AUDIENCE), now, 86_400);
        self.world.bearer(id, token.unwrap())
    }

    /// A call with personal text, accepted and hung up.
    async fn rings(&mut self, tenant: &str) {
        let (door, user) = (self.party(tenant, "device123", Role::Device), self.party(tenant, "user456", Role::User));
        user.registers("phone").await;
        let call = call_id(&door.rings("user456", 30).await);
        for (action, after) in [("ringing", 500), ("accepted", 1_000), ("hangup", 2_000)] {
            self.clock.fetch_add(after, Ordering::SeqCst);
            user.callee_action(&call, action, Some("user456_phone")).await.ok();
        }
        self.calls.push(call);
    }

    /// Waits until everybody was told, and all of it is in the ledger.
    async fn settled(&self) {
        let reader = self.reader();
        let until = Instant::now() + Duration::from_mins(1);
        for call in &self.calls {
            loop {
                let stored = self.world.stack.calls.log.stored(&CallId::new(call.as_str()).unwrap()).await.unwrap();
                let size = reader.checkpoint().await.unwrap().map_or(0, |checkpoint| checkpoint.head.size);
                let entries = stored.entries();
                let found = reader.find(&entries, 0..size).await.unwrap();
                let is_told = stored.receipts.iter().filter(|receipt| receipt["n"] == stored.commits.len()).count() > 0;
                if is_told && found.len() == entries.len() {
                    break;
                }
                assert!(Instant::now() < until, "{call}: {stored:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Waits until the ledger has the hour that is now.
    async fn caught_up(&self) {
        let (reader, until) = (self.reader(), Instant::now() + Duration::from_mins(1));
        let hour = Hour::of(Millis(self.clock.load(Ordering::SeqCst)));
        loop {
            let size = reader.checkpoint().await.unwrap().map_or(0, |checkpoint| checkpoint.head.size);
            if reader.hour(hour).await.unwrap().is_some_and(|(index, _)| index < size) {
                return;
            }
            assert!(Instant::now() < until, "{size} entries");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::new(Arc::new(LedgerFolder::new(&self.world.stack.tlog)))
    }

    /// It is now.
    fn later(&self) {
        self.clock.store(Clock::system().now().0, Ordering::SeqCst);
    }

    /// A copy of the ledger, which nothing is entered in any more.
    fn ledger_as_it_is(&self) -> PathBuf {
        let copy = self.folder.path().join("tlog");
        assert!(Command::new("cp").arg("-r").arg(&self.world.stack.tlog).arg(&copy).status().unwrap().success());
        copy
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn file(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.jsonl.zst", self.day))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let at = self.world.stack.at.dynamodb.to_string();
        let ledger = self.world.stack.tlog.to_str().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
        command.arg("--json").args(arguments).args(["--dynamodb", &at]).stdin(Stdio::null());
        if ["archive", "prove", "verify", "ledger"].contains(&arguments[0]) {
            command.env("ILOCK_LEDGER", ledger);
        }
        command.env_remove("ILOCK_SERVER").env_remove("ILOCK_TOKEN");
        tokio::task::block_in_place(|| command.output().unwrap())
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {} {}", text(&output.stdout), text(&output.stderr));
        lines(&output)
    }

    /// What is said when it is refused.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {} {}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stderr)
    }

    fn archive(&self, dir: &Path, more: &[&str]) -> Output {
        let arguments = ["archive", self.day.as_str(), "--dir", dir.to_str().unwrap()];
        self.run(&[&arguments, more].concat())
    }

    /// The findings of the day.
    fn verified(&self, day: &Day, dir: Option<&Path>) -> Vec<Value> {
        let archive = dir.map(|dir| ["--archive", dir.to_str().unwrap()]);
        let more: &[&str] = archive.as_ref().map_or(&[], |archive| &archive[..]);
        let output = self.run(&[&["verify", "--day", day.as_str()], more].concat());
        assert_ne!(output.status.code(), Some(1), "{}", text(&output.stderr));
        lines(&output)
    }

    #[track_caller]
    fn finds(&self, dir: &Path, kind: &str, why: &str) {
        let said = self.verified(&self.day, Some(dir));
        assert!(findings(&said).iter().any(|found| found.0 == kind && found.1.contains(why)), "{kind} {why}: {said:?}");
    }

    async fn items(&self, call: &str) -> Vec<HashMap<String, AttributeValue>> {
        let query = self.world.stack.dynamodb.query().table_name("events").key_condition_expression("pk = :pk");
        query.expression_attribute_values(":pk", word(format!("call#{call}"))).send().await.unwrap().items.unwrap()
    }

    async fn put(&self, item: &HashMap<String, AttributeValue>) {
        self.world.stack.dynamodb.put_item().table_name("events").set_item(Some(item.clone())).send().await.unwrap();
    }

    async fn remove(&self, item: &HashMap<String, AttributeValue>) {
        let delete = self.world.stack.dynamodb.delete_item().table_name("events");
        delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
    }

    async fn mark(&self, call: &str) -> HashMap<String, AttributeValue> {
        self.items(call).await.into_iter().find(|item| item["sk"] == word("archived")).unwrap()
    }

    /// DynamoDB deletes what has expired.
    async fn texts_expire(&self) {
        for call in &self.calls {
            for item in self.items(call).await {
                if item["sk"].as_s().unwrap().starts_with("personal#") {
                    self.remove(&item).await;
                }
            }
        }
    }

    /// The archive's text.
    fn archived_text(&self) -> String {
        let mut text = String::new();
        let file = std::fs::File::open(self.file(&self.dir())).unwrap();
        zstd::stream::read::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// A folder with another text in the archive's place.
    fn with_text(&self, name: &str, text: &str) -> PathBuf {
        let dir = self.folder.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(self.file(&dir), zstd::encode_all(text.as_bytes(), 3).unwrap()).unwrap();
        dir
    }
}

/// The lines of an export, counted and with checksums anew, as whoever forges one writes it.
fn renumbered(lines: &[&str], calls: usize, commits: u64) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let (_, rest) = line.split_once(',').unwrap();
        let (content, _) = rest.rsplit_once(",\"crc\"").unwrap();
        let content = if content.starts_with("\"end\"") {
            format!("\"end\":{{\"calls\":{calls},\"commits\":{commits}}}")
        } else {
            content.to_owned()
        };
        let line = format!("{{\"line\":{number},{content}");
        let crc = crc(line.as_bytes());
        out.extend([line, format!(",\"crc\":\"{crc:08x}\"}}\n")]);
    }
    out
}

/// CRC-32 (IEEE).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_day_is_archived_deleted_and_verified_from_its_archive() {
    let logged = lines_of_this_process();
    let past = Past::new().await;
    let dir = past.dir();
    let before = past.verified(&past.day, None);
    assert_eq!(findings(&before), [], "{before:?}");

    // A day is archived when nothing of it can change any more.
    let today = Day::of(Clock::system().now());
    let young = past.refused(&["archive", today.plus(0).as_str(), "--dir", "x"], 1);
    assert!(young.contains("too young") && young.contains(today.plus(91).as_str()), "{young}");
    let kept = past.archive(&dir, &[]);
    assert!(kept.status.code() == Some(1) && text(&kept.stderr).contains("personal text of call"), "{kept:?}");
    past.texts_expire().await;
    let unmarked = past.archive(&dir, &["--delete", "--yes"]);
    assert!(unmarked.status.code() == Some(1) && text(&unmarked.stderr).contains("aws s3 cp"), "{unmarked:?}");
    let dry = lines(&past.archive(&dir, &["--dry-run"]));
    assert_eq!((&dry[0]["event"], &dry[0]["calls"]), (&"to_archive".into(), &3.into()));
    let item =
        past.items(&past.calls[1]).await.into_iter().find(|item| item["sk"] == word("receipt#000001#0000")).unwrap();
    past.remove(&item).await;
    let unsound = past.archive(&dir, &[]);
    assert!(
        unsound.status.code() == Some(7) && text(&unsound.stderr).contains("such a day is not archived"),
        "{unsound:?}"
    );
    past.put(&item).await;
    assert!(!past.file(&dir).exists());

    archived_and_deleted(&past, &dir).await;
    read_from_the_archive(&past, &dir, &before);
    answered_by_http(&past).await;
    found_in_the_archive(&past, &dir).await;

    // Nothing of all that was an alarm. A commit of today is one, whatever mark stands beside it.
    for call in &past.calls {
        assert!(!alarm(&logged, call), "{call}");
    }
    let (door, user) = (past.party("default", "device123", Role::Device), past.party("default", "user456", Role::User));
    user.registers("phone").await;
    let young = call_id(&door.rings("user456", 30).await);
    let now = Clock::system().now();
    let mark = Archived {
        tenant: TenantId::new("default").unwrap(),
        at: now,
        commits: 9,
        digest: digest(b""),
        archived_at: now,
    };
    past.world.stack.calls.log.mark_archived(&CallId::new(young.as_str()).unwrap(), &mark).await.unwrap();
    let first = past.items(&young).await.into_iter().find(|item| item["sk"] == word("commit#000001")).unwrap();
    past.remove(&first).await;
    let until = Instant::now() + Duration::from_secs(10);
    while !alarm(&logged, &young) {
        assert!(Instant::now() < until, "no alarm");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    past.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_day_ends_with_the_ledgers_own_hours_where_no_mark_of_them_says_so() {
    let mut past = Past::new().await;
    let before = past.verified(&past.day, None);
    assert_eq!(findings(&before), [], "{before:?}");
    past.rings("default").await;
    past.settled().await;
    for hour in Hour::of_day(&past.day.plus(1)) {
        std::fs::remove_file(past.world.stack.tlog.join(HourMark(hour).name())).unwrap();
    }
    let unmarked = past.verified(&past.day, None);
    assert_eq!(findings(&unmarked), []);
    for of in ["commits", "items"] {
        assert_eq!(unmarked[0]["counts"][of], before[0]["counts"][of], "{of}");
    }
    past.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_looked_is_held_against_the_ledger_whoever_removes_or_alters_it() {
    let past = Past::new().await;
    let day = Day::of(Millis(past.clock.load(Ordering::SeqCst)));
    let tenants = ["default", "nobodys"];
    // Of the second no call was ever placed.
    for tenant in tenants {
        let auditor = past.party(tenant, "auditor7", Role::Auditor);
        auditor.gets(&format!("/api/audit/calls?day={}", past.day)).await.ok();
    }
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let verified = past.verified(&day, None);
        assert_eq!(findings(&verified), []);
        let waits = past.succeeds(&["ledger", "backfill", day.as_str()])[0]["entries"] != 0;
        if !waits && verified[0]["counts"]["accesses"] == 2 {
            break;
        }
        assert!(Instant::now() < until, "{verified:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for tenant in tenants {
        let query = past.world.stack.dynamodb.query().table_name("events").key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", word(format!("audit#{tenant}#{day}")));
        let access = query.send().await.unwrap().items.unwrap().remove(0);
        let is_found = || {
            let said = past.verified(&day, None);
            assert!(
                matches!(findings(&said)[..], [("missing", why)] if why.contains("an access was entered")),
                "{said:?}"
            );
        };
        let mut altered = access.clone();
        altered.insert("auditor".into(), word("somebody"));
        past.put(&altered).await;
        is_found();
        past.put(&access).await;
        assert_eq!(findings(&past.verified(&day, None)), []);
        past.remove(&access).await;
        is_found();
        // What is inserted anew is as it was entered.
        past.put(&access).await;
    }
    past.world.end().await;
}

/// Writes the archive, deletes what is in it, and tries what is refused on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_item_of_the_day_index_that_is_no_call_s_is_named_by_all_that_read_the_day() {
    let past = Past::new().await;
    let (dir, day) = (past.dir(), past.day.clone());
    past.texts_expire().await;
    let first = past.items(&past.calls[0]).await.into_iter().find(|item| item.contains_key("day")).unwrap();
    let alien = |pk: &str| {
        let (pk, sk) = (word(pk), word("commit#000001"));
        let indexed = ["day", "at"].map(|name| (name.to_owned(), first[name].clone()));
        indexed.into_iter().chain([("pk".to_owned(), pk), ("sk".to_owned(), sk)]).collect::<HashMap<_, _>>()
    };
    let item = alien("nobody#1");
    past.put(&item).await;
    let said = past.verified(&day, None);
    let [("unreadable", why)] = findings(&said)[..] else { panic!("{said:?}") };
    assert!(why.contains("nobody#1"), "{why}");
    assert!(past.refused(&["archive", day.as_str(), "--dir", dir.to_str().unwrap()], 7).contains("nobody#1"));
    assert!(past.refused(&["ledger", "backfill", day.as_str()], 7).contains("nobody#1"));

    past.remove(&item).await;
    past.succeeds(&["archive", day.as_str(), "--dir", dir.to_str().unwrap()]);
    past.put(&item).await;
    let kept = past.refused(&["archive", day.as_str(), "--dir", dir.to_str().unwrap(), "--delete", "--yes"], 7);
    assert!(kept.contains("nobody#1"), "{kept}");
    past.world.end().await;
}

async fn archived_and_deleted(past: &Past, dir: &Path) {
    let unmarked = past.ledger_as_it_is();
    // An archive that was cut off is gone on with; a whole one is taken; each has the same bytes.
    let written = past.archive(dir, &[]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let said = lines(&written).remove(0);
    assert_eq!((&said["event"], &said["calls"]), (&"archived".into(), &3.into()));
    assert_eq!(said["digest"], digest(past.archived_text().as_bytes()), "it is that of the text");
    let bytes = std::fs::read(past.file(dir)).unwrap();
    let cut = past.with_text("cut", "");
    std::fs::write(past.file(&cut), &bytes[..bytes.len() / 2]).unwrap();
    let exported = past.folder.path().join("day.jsonl.zst");
    let range = ["--from", past.day.as_str(), "--to", past.day.as_str(), "--output", exported.to_str().unwrap()];
    past.succeeds(&[&["export"], &range[..]].concat());
    for again in [dir, &cut] {
        assert_eq!(past.archive(again, &[]).status.code(), Some(0));
        assert!(std::fs::read(past.file(again)).unwrap() == bytes);
    }
    assert!(std::fs::read(exported).unwrap() == bytes, "it is an export of the day");
    let other = past.with_text(
        "other",
        &renumbered(&[past.archived_text().lines().next().unwrap(), "{\"line\":1,\"end\":{},\"crc\":\"\"}"], 0, 0),
    );
    let refused = past.archive(&other, &[]);
    assert!(text(&refused.stderr).contains("is not what the log has"), "{refused:?}");

    // What is not proven is not deleted.
    let (first, second) = (&past.calls[0], &past.calls[1]);
    let waits = past.archive(dir, &["--delete", "--yes", "--ledger", unmarked.to_str().unwrap()]);
    assert!(waits.status.code() != Some(0) && text(&waits.stderr).contains("3 of 3 marks are not in"), "{waits:?}");
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let ready = past.archive(dir, &["--delete", "--dry-run"]);
        if ready.status.code() == Some(0) {
            break;
        }
        assert!(text(&ready.stderr).contains("not in the ledger") && Instant::now() < until, "{ready:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let is_refused = |dir: &Path, why: &str| {
        let refused = past.archive(dir, &["--delete", "--yes"]);
        assert!(refused.status.code() != Some(0) && text(&refused.stderr).contains(why), "{why}: {refused:?}");
    };
    assert!(text(&past.archive(dir, &["--delete"]).stderr).contains("--yes"));
    is_refused(&past.with_text("edited", &past.archived_text().replacen("hangup", "hangip", 1)), "is not sound");
    is_refused(&other, "is not in the archive");
    let mark = past.mark(first).await;
    let mut another = mark.clone();
    another.insert("digest".into(), word("ab".repeat(32)));
    past.put(&another).await;
    is_refused(dir, "names the archive abab");
    let marked = past.archive(dir, &[]);
    assert!(text(&marked.stderr).contains("in another archive"), "{marked:?}");
    past.put(&mark).await;
    let mut receipt =
        past.items(second).await.into_iter().find(|item| item["sk"].as_s().unwrap().starts_with("receipt#")).unwrap();
    receipt.insert("sk".into(), word("receipt#000001#0099"));
    receipt.insert("at".into(), AttributeValue::N("7".into()));
    past.put(&receipt).await;
    is_refused(dir, "a receipt of call");
    past.remove(&receipt).await;
    assert!(past.items(first).await.len() > 5, "nothing was deleted");

    // Interrupted: something of the first call is left, and is found to be too little until the deletion is gone on with.
    for item in past.items(first).await {
        if !["archived", "commit#000001", "commit#000002"].map(word).contains(&item["sk"]) {
            past.remove(&item).await;
        }
    }
    past.finds(dir, "missing", "2 of its 4 commits are left");
    let alone = lines(&past.run(&["verify"]));
    assert!(findings(&alone).iter().any(|found| found.1.contains("2 of its 4 commits")), "{alone:?}");
    let deleted = past.archive(dir, &["--delete", "--yes"]);
    assert_eq!(deleted.status.code(), Some(0), "{}", text(&deleted.stderr));
    assert_eq!(lines(&deleted)[0]["deleted_calls"], 3);
    for call in &past.calls {
        let left: Vec<_> = past.items(call).await.into_iter().map(|mut item| item.remove("sk").unwrap()).collect();
        assert_eq!(left, [word("archived")]);
    }
    let again = lines(&past.archive(dir, &["--delete", "--yes"]));
    assert_eq!((&again[0]["items"], &again[0]["calls"]), (&0.into(), &3.into()));
    assert!(text(&past.archive(dir, &[]).stderr).contains("was archived before"));
}

/// What reads a call reads it from the archive, and says so where it does not.
fn read_from_the_archive(past: &Past, dir: &Path, before: &[Value]) {
    let (day, call, file) = (past.day.as_str(), &past.calls[0], past.file(dir));
    let file = file.to_str().unwrap();
    let unread = past.refused(&["verify", "--day", day], 1);
    let digest = digest(past.archived_text().as_bytes());
    assert!(unread.contains(&digest) && unread.contains("--archive DIR"), "{unread}");
    let verified = past.verified(&past.day, Some(dir));
    assert_eq!(findings(&verified), []);
    assert_eq!(verified[0]["counts"], before[0]["counts"], "all of it is there");
    // The days beside it, and the one on which it was archived.
    let today = Day::of(Clock::system().now());
    for other in [past.day.plus(1), past.day.before(), today] {
        assert_eq!(findings(&past.verified(&other, None)), [], "{other}");
    }
    assert_eq!(past.succeeds(&["ledger", "backfill", day])[0]["entries"], 0);

    for command in ["replay", "log", "verify"] {
        let said = past.refused(&[command, call], 1);
        assert!(said.contains(day) && said.contains("--file DIR/"), "{said}");
    }
    let proof = past.folder.path().join("proof.json");
    let proof = proof.to_str().unwrap();
    assert!(past.refused(&["prove", call, "--output", proof], 1).contains("--file DIR/"));
    past.succeeds(&["prove", call, "--output", proof, "--file", file]);
    assert_eq!(past.succeeds(&["verify", "--proof", proof])[0]["counts"]["commits"], 4);
    past.succeeds(&["verify", "--file", file, call]);
    let replayed = past.run(&["replay", "--jsonl", "--file", file, call]);
    assert!(replayed.status.success() && text(&replayed.stdout).contains("\"sound\":true"), "{replayed:?}");

    assert_eq!(past.succeeds(&["verify"])[0]["counts"]["calls"], 0);
    let left_out = past.run(&["export", "--output", past.folder.path().join("rest.jsonl").to_str().unwrap()]);
    assert!(left_out.status.success() && text(&left_out.stderr).contains("3 calls are left out"), "{left_out:?}");
    assert_eq!(past.succeeds(&["forget", "user456", "--yes"])[0]["texts"], 0);
    let rebuilt = past.succeeds(&["rebuild", "--apply", "--grace", "0s"]);
    assert_eq!(findings(&rebuilt).len(), 0);
}

/// An auditor is told where the call is; to everybody else it is one that there never was.
async fn answered_by_http(past: &Past) {
    let (own, theirs) = (&past.calls[0], &past.calls[1]);
    let auditor = past.party("default", "auditor7", Role::Auditor);
    for path in ["events", "proof"] {
        let gone = auditor.gets(&format!("/api/audit/calls/{own}/{path}")).await;
        assert_eq!((gone.status.as_u16(), gone.code), (410, 41_001), "{gone:?}");
        assert!(gone.data["reason"].as_str().unwrap().contains(past.day.as_str()), "{gone:?}");
        auditor.gets(&format!("/api/audit/calls/{theirs}/{path}")).await.refused(404);
    }
    let page = auditor.gets(&format!("/api/audit/calls?day={}&outcome=ringing", past.day)).await.ok();
    let listed = page["calls"].as_array().unwrap().iter().map(|call| (&call["call_id"], &call["archived"]));
    let day = Value::from(past.day.as_str());
    let wanted: Vec<Value> = [own, &past.calls[2]].map(|call| call.as_str().into()).to_vec();
    assert_eq!(listed.collect::<Vec<_>>(), wanted.iter().map(|call| (call, &day)).collect::<Vec<_>>());
    let user = past.party("default", "user456", Role::User);
    let (gone, never) = (user.gets(&format!("/api/calls/{own}")).await, user.gets("/api/calls/call_a_b_1").await);
    assert_eq!((gone.status, gone.code, gone.data), (never.status, never.code, never.data));
}

/// What somebody does to an archive, or to what is left in the log.
async fn found_in_the_archive(past: &Past, dir: &Path) {
    let (whole, call) = (past.archived_text(), &past.calls[1]);
    let all: Vec<&str> = whole.lines().collect();
    past.finds(
        &past.with_text("changed", &whole.replacen("\"reason\":\"hangup\"", "\"reason\":\"hangyp\"", 1)),
        "changed",
        "hash",
    );
    // Whoever numbers the lines anew is betrayed by the marks.
    let without: Vec<&str> =
        all.iter().copied().filter(|line| !line.contains(&format!("\"call\":\"{call}\""))).collect();
    let less = past.with_text("less", &renumbered(&without, 2, 8));
    past.finds(&less, "missing", "the archive has it not");
    past.finds(&less, "changed", "names the archive");
    assert!(!past.verified(&past.day, Some(dir)).iter().any(|line| line["event"] == "finding"));

    let mark = past.mark(call).await;
    past.remove(&mark).await;
    past.finds(dir, "missing", "neither its commits nor its mark");
    // The day on which it was archived knows of it, too.
    let today = past.verified(&Day::of(Clock::system().now()), None);
    assert!(matches!(findings(&today)[..], [("missing", why)] if why.contains("a whole call")), "{today:?}");
    let refused = past.archive(dir, &["--delete", "--yes"]);
    assert!(text(&refused.stderr).contains("not even its mark"), "{refused:?}");
    let mut other = mark.clone();
    other.insert("digest".into(), word("cd".repeat(32)));
    past.put(&other).await;
    past.finds(dir, "changed", "names the archive cdcd");
    past.put(&mark).await;
    let mut young = mark.clone();
    young.insert("archived_at".into(), mark["at"].clone());
    past.put(&young).await;
    past.finds(dir, "implausible", "archived at a time that cannot be");
    past.finds(dir, "not_entered", "the mark that it was archived");
    past.put(&mark).await;
    assert_eq!(findings(&past.verified(&past.day, Some(dir))), []);
}
