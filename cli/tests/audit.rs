//! The auditors' commands: export, verify, replay, forget and rebuild, against a running `ilock dev` and against files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod server;

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::Millis;
use ilock_proof::Day;
use serde_json::{Value, json};
use server::{Server, a_call, events, ilock, lines, path, text};

type Item = HashMap<String, AttributeValue>;

/// Waits until every notice of the calls has its receipt: the projector may still be working.
fn settled(server: &Server, calls: &[String]) {
    let patience = Instant::now() + Duration::from_mins(1);
    for call in calls {
        loop {
            let log = lines(&server.run(&["--json", "log", call]));
            let told: usize =
                log.iter().filter_map(|line| line["receipt"]["notices"].as_object()).map(serde_json::Map::len).sum();
            // Placed: the callee and the caller. Cancelled: the callee.
            if told >= 3 {
                break;
            }
            assert!(Instant::now() < patience, "{call}: {log:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_log_is_exported_verified_and_replayed() {
    let server = Server::start();
    let calls: Vec<String> = ["door1", "door2", "door3"].map(|door| a_call(&server, door)).to_vec();
    settled(&server, &calls);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);

    // Two exports have the same bytes, compressed or not.
    for name in ["a.jsonl", "b.jsonl", "c.jsonl.zst", "d.jsonl.zst"] {
        let exported = server.run(&["--json", "export", "--output", path(&file(name))]);
        assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
        assert_eq!(lines(&exported)[0]["calls"], 3);
    }
    let whole = std::fs::read(file("a.jsonl")).unwrap();
    assert_eq!(whole, std::fs::read(file("b.jsonl")).unwrap());
    assert_eq!(std::fs::read(file("c.jsonl.zst")).unwrap(), std::fs::read(file("d.jsonl.zst")).unwrap());
    let written: Vec<String> = text(&whole).lines().map(str::to_owned).collect();
    let order: Vec<Value> = written[1..4].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(order.iter().map(|line| line["call"].as_str().unwrap()).collect::<Vec<_>>(), calls);
    assert!(order.iter().all(|line| line.get("personal").is_none()), "personal text only when asked for");

    // Verification finds nothing, wherever the calls are read from.
    for arguments in [
        &["verify"][..],
        &["verify", &calls[1]],
        &["verify", "--file", path(&file("a.jsonl"))],
        &["verify", "--file", path(&file("c.jsonl.zst"))],
        &["verify", "--file", path(&file("c.jsonl.zst")), &calls[2]],
    ] {
        let verified = server.run(&[&["--json"], arguments].concat());
        let said = lines(&verified);
        assert_eq!(verified.status.code(), Some(0), "{arguments:?}: {said:?} {}", text(&verified.stderr));
        assert_eq!(events(&said), ["verified"]);
        assert_eq!(said[0]["counts"]["proven"], said[0]["counts"]["commits"]);
    }

    // Replay prints the same from the log and from an export with personal text.
    let personal = server.run(&["export", "--personal", "--output", path(&file("p.jsonl"))]);
    assert_eq!(personal.status.code(), Some(0));
    for form in [&[][..], &["--jsonl"], &["--mermaid"], &["--html"], &["--at", "1"], &["--at", "0.5s"]] {
        let from_log = server.run(&[&["replay", &calls[0]], form].concat());
        let from_file = ilock(&[&["replay", &calls[0], "--file", path(&file("p.jsonl"))], form].concat());
        assert_eq!(from_log.status.code(), Some(0), "{}", text(&from_log.stderr));
        assert_eq!(text(&from_log.stderr), "");
        assert_eq!(from_log.stdout, from_file.stdout, "{form:?}");
        assert!(!from_log.stdout.is_empty());
    }
    let story = text(&server.run(&["replay", &calls[0]]).stdout);
    for said in ["door1 rings user456", "door1 cancels", "users/user456/calls/incoming told “incoming” by mqtt"] {
        assert!(story.contains(said), "{said}: {story}");
    }

    // A changed file is a finding, with an exit code for scripts.
    let broken = text(&whole).replacen("\"state\":\"cancelled\"", "\"state\":\"cancelleD\"", 1);
    std::fs::write(file("broken.jsonl"), format!("{broken}\n")).unwrap();
    let verified = ilock(&["--json", "verify", "--file", path(&file("broken.jsonl"))]);
    let said = lines(&verified);
    assert_eq!(verified.status.code(), Some(7));
    assert_eq!(events(&said), ["finding", "found"]);
    assert_eq!((said[0]["finding"]["kind"].as_str(), said[0]["finding"]["line"].as_u64()), (Some("changed"), Some(2)));
    let replayed = ilock(&["replay", &calls[0], "--file", path(&file("broken.jsonl"))]);
    assert_eq!(replayed.status.code(), Some(7));
    assert!(text(&replayed.stdout).contains("NOT SOUND: 1 finding"), "{}", text(&replayed.stdout));
    assert!(text(&replayed.stderr).contains("this history is not sound"), "{}", text(&replayed.stderr));

    // An export holds only the range.
    for (name, range) in [("before", ["--to", "2020-01-01"]), ("nobody", ["--tenant", "nobody"])] {
        let output = file(name);
        let exported = server.run(&[&["--json", "export", "--output", path(&output)], &range[..]].concat());
        assert_eq!(lines(&exported)[0]["calls"], 0, "{range:?}");
    }
}

#[test]
fn an_interrupted_export_is_continued() {
    let server = Server::start();
    let calls: Vec<String> = ["door1", "door2", "door3"].map(|door| a_call(&server, door)).to_vec();
    settled(&server, &calls);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for (whole, cut) in [("whole.jsonl", "cut.jsonl"), ("whole.jsonl.zst", "cut.jsonl.zst")] {
        assert_eq!(server.run(&["export", "--output", path(&file(whole))]).status.code(), Some(0));
        let bytes = std::fs::read(file(whole)).unwrap();
        for length in [0, 7, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(file(cut), &bytes[..length]).unwrap();
            let exported = server.run(&["export", "--output", path(&file(cut))]);
            assert_eq!(exported.status.code(), Some(0), "{cut} of {length}: {}", text(&exported.stderr));
            assert!(std::fs::read(file(cut)).unwrap() == bytes, "{cut} of {length} bytes");
        }
        let again = server.run(&["export", "--output", path(&file(whole))]);
        assert_eq!(again.status.code(), Some(1));
        assert!(text(&again.stderr).contains("whole"), "{}", text(&again.stderr));
        let other = server.run(&["export", "--personal", "--output", path(&file(whole))]);
        assert_eq!(other.status.code(), Some(1), "another export is not written over");
        assert!(std::fs::read(file(whole)).unwrap() == bytes);
    }
    let mut flipped = std::fs::read(file("whole.jsonl")).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(file("flipped.jsonl"), &flipped).unwrap();
    let refused = server.run(&["export", "--output", path(&file("flipped.jsonl"))]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("damaged"), "{}", text(&refused.stderr));
    assert!(std::fs::read(file("flipped.jsonl")).unwrap() == flipped, "evidence is not written over");
    std::fs::write(file("letter.txt"), "Dear auditor").unwrap();
    assert_eq!(server.run(&["export", "--output", path(&file("letter.txt"))]).status.code(), Some(1));
    assert_eq!(std::fs::read(file("letter.txt")).unwrap(), b"Dear auditor");
}

#[test]
fn a_person_is_forgotten_and_every_proof_still_holds() {
    let server = Server::start();
    let calls: Vec<String> = (1..=18).map(|n| a_call(&server, &format!("door{n}"))).collect();
    settled(&server, &calls);
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before.jsonl");
    assert_eq!(server.run(&["export", "--personal", "--output", path(&before)]).status.code(), Some(0));
    let story = |call: &str| text(&server.run(&["replay", call]).stdout);
    assert!(!story(&calls[0]).contains("[forgotten]"));

    // Nothing is deleted without --yes, with --dry-run, or for a tenant without such a user.
    let unasked = server.run(&["forget", "user456"]);
    assert_eq!(unasked.status.code(), Some(1));
    assert!(text(&unasked.stderr).contains("--yes"), "{}", text(&unasked.stderr));
    let counted = lines(&server.run(&["--json", "forget", "user456", "--dry-run"]));
    assert_eq!(events(&counted), ["to_forget"]);
    let texts = counted[0]["texts"].as_u64().unwrap();
    assert!(texts >= 18, "{counted:?}");
    let elsewhere = server.run(&["--json", "forget", "user456", "--tenant", "elsewhere", "--yes"]);
    assert!(text(&elsewhere.stderr).contains("nothing of user456 was found in tenant elsewhere"), "{elsewhere:?}");
    let elsewhere = lines(&elsewhere);
    assert_eq!((&elsewhere[0]["calls"], &elsewhere[0]["texts"]), (&0.into(), &0.into()));
    assert!(!story(&calls[17]).contains("[forgotten]"));

    // --aws reads from an AWS account in the same way.
    let on_aws = |arguments: &[&str]| {
        let mut command = server.ilock(&[&["--json"], arguments, &["--aws"]].concat());
        command
            .env("AWS_ENDPOINT_URL", server.at("dynamodb"))
            .env("AWS_REGION", "local")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("ILOCK_DYNAMODB", "127.0.0.1:9");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        lines(&output)
    };
    assert_eq!(on_aws(&["forget", "user456", "--dry-run"])[0]["texts"], texts);
    assert_eq!(events(&on_aws(&["rebuild", "--grace", "1000s"])), ["compared"]);

    let forgotten = server.run(&["--json", "forget", "user456", "--yes"]);
    let said = lines(&forgotten);
    assert_eq!(forgotten.status.code(), Some(0), "{}", text(&forgotten.stderr));
    assert_eq!(events(&said), ["forgotten"]);
    assert_eq!((&said[0]["texts"], &said[0]["calls"]), (&texts.into(), &18.into()));
    let again = lines(&server.run(&["--json", "forget", "user456", "--yes"]));
    assert_eq!(again[0]["texts"], 0, "there is nothing left");

    for call in &calls {
        let story = story(call);
        assert!(story.contains("[forgotten]") && story.contains("was forgotten for user456 on "), "{story}");
    }
    let verified = server.run(&["--json", "verify"]);
    assert_eq!(events(&lines(&verified)), ["verified"]);
    let after = folder.path().join("after.jsonl");
    assert_eq!(server.run(&["export", "--personal", "--output", path(&after)]).status.code(), Some(0));
    assert_eq!(events(&lines(&ilock(&["--json", "verify", "--file", path(&after)]))), ["verified"]);
    let (before, after) = (std::fs::read_to_string(&before).unwrap(), std::fs::read_to_string(&after).unwrap());
    assert!(before.contains("\"salt\"") && !after.contains("\"salt\""));
    assert_eq!(after.matches("\"forgotten\":[").count(), 18);
    // The commits, which prove the calls, have not changed.
    let commits = |export: &str| -> Vec<Value> {
        let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["commits"].clone()).collect()
    };
    assert_eq!(commits(&before), commits(&after));
}

/// Changes the tables of `server` directly.
fn with_tables<T>(server: &Server, change: impl AsyncFnOnce(&Client) -> T) -> T {
    let at = server.at("dynamodb").trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(change(&ilock_local::dynamodb::client(at, None)))
}

fn word(word: &str) -> AttributeValue {
    AttributeValue::S(word.into())
}

/// Keeps text beside a call of user456 that nobody placed, as a function that was ended leaves it behind.
fn leaves_behind(server: &Server, call: &str) {
    with_tables(server, async |client| {
        let log = ilock_log::EventLog::new(client.clone(), "events");
        let call = ilock_events::CallId::new(call).unwrap();
        let text = ilock_events::PersonalText { reason: Some("words".into()), ..Default::default() };
        let personal = ilock_proof::salt_personal(text, [7; 16]).unwrap().unwrap();
        let tenant = ilock_events::TenantId::new("default").unwrap();
        let user = ilock_events::PartyId::new("user456").unwrap();
        let user = ilock_events::Party { kind: ilock_events::PartyKind::User, id: user };
        let parties = vec![ilock_events::PartyAddress::of(&tenant, &user)];
        let placing = ilock_log::Placing { parties, until: ilock_events::Millis(0) };
        log.keep_personal_of(&placing, &call, &personal, ilock_env::Clock::system().now()).await.unwrap();
    });
}

#[test]
fn text_of_a_call_that_was_never_placed_is_found_by_forget_and_by_rebuild() {
    let server = Server::start();
    settled(&server, &[a_call(&server, "door1")]);
    let (one, other) = ("call_door1_user456_1_aaaaaaaaaaaaa", "call_door1_user456_2_aaaaaaaaaaaaa");
    leaves_behind(&server, one);
    let count = || lines(&server.run(&["--json", "forget", "user456", "--dry-run"])).remove(0);
    let patience = Instant::now() + Duration::from_mins(1);
    // The histories are written a moment after everybody was told.
    while count()["calls"] != 1 {
        assert!(Instant::now() < patience, "{}", count());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(count()["texts_in_no_history"], 1);
    let forgotten = lines(&server.run(&["--json", "forget", "user456", "--yes"]));
    assert_eq!((&forgotten[0]["texts_in_no_history"], &forgotten[0]["calls"]), (&1.into(), &1.into()));
    let again = lines(&server.run(&["--json", "forget", "user456", "--yes"]));
    assert_eq!((&again[0]["texts_in_no_history"], &again[0]["texts"]), (&0.into(), &0.into()));

    leaves_behind(&server, other);
    let said = lines(&server.run(&["--json", "rebuild", "--grace", "1000s"]));
    assert_eq!(found(&said), [("text", "extra", false)]);
    let said = lines(&server.run(&["--json", "rebuild", "--grace", "1000s", "--apply"]));
    assert_eq!(found(&said), [("text", "extra", true)]);
    let said = lines(&server.run(&["--json", "rebuild", "--grace", "1000s"]));
    assert_eq!(found(&said), []);
    assert_eq!(events(&lines(&server.run(&["--json", "verify"]))), ["verified"]);
}

/// The kinds of the findings, with the model, in order.
fn found(said: &[Value]) -> Vec<(&str, &str, bool)> {
    let findings = said.iter().filter(|line| line["event"] == "finding").map(|line| &line["finding"]);
    let mut found: Vec<(&str, &str, bool)> = findings
        .map(|one| (one["model"].as_str().unwrap(), one["kind"].as_str().unwrap(), one["repaired"] == true))
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn the_read_models_are_compared_with_the_log_and_histories_are_repaired() {
    let server = Server::start();
    let calls: Vec<String> = (1..=20).map(|n| a_call(&server, &format!("door{n}"))).collect();
    settled(&server, &calls);
    let whole = || {
        let said = server.run(&["--json", "rebuild"]);
        (said.status.code(), lines(&said))
    };
    // The projector writes a moment after the commit.
    let patience = Instant::now() + Duration::from_mins(1);
    while whole().1[0]["counts"]["pending"] != 0 {
        assert!(Instant::now() < patience, "{:?}", whole());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (code, said) = whole();
    assert_eq!((code, events(&said)), (Some(0), vec!["compared"]), "{said:?}");
    assert_eq!((&said[0]["counts"]["calls"], &said[0]["counts"]["lines"]), (&20.into(), &40.into()));

    let history = || {
        with_tables(&server, async |tables| {
            let found = tables.scan().table_name("directory").filter_expression("begins_with(pk, :inbox)");
            let found = found.expression_attribute_values(":inbox", word("inbox#")).send().await.unwrap();
            let mut items: Vec<String> = found.items().iter().map(|item| format!("{:?}", sorted(item))).collect();
            items.sort();
            items
        })
    };
    let before = history();
    assert_eq!(before.len(), 40);
    with_tables(&server, async |tables| {
        let found = tables.scan().table_name("directory").filter_expression("begins_with(pk, :inbox)");
        let found = found.expression_attribute_values(":inbox", word("inbox#")).send().await.unwrap().items.unwrap();
        let of = |call: usize, kind: &str| {
            let fits = |item: &&Item| {
                item["sk"].as_s().unwrap().ends_with(&calls[call]) && item["pk"].as_s().unwrap().contains(kind)
            };
            found.iter().find(fits).unwrap().clone()
        };
        // A row that is lost, one that is changed, one of another user, one of a call that does not exist.
        let lost = of(3, "#user#");
        let delete = tables.delete_item().table_name("directory");
        delete.key("pk", lost["pk"].clone()).key("sk", lost["sk"].clone()).send().await.unwrap();
        let mut other = of(4, "#device#");
        other.insert("state".into(), word("ended"));
        let mut of_nobody = of(5, "#user#");
        of_nobody.insert("pk".into(), word("inbox#default#user#mallory"));
        let mut of_no_call = of(6, "#user#");
        of_no_call.insert("sk".into(), word("000000000000001#call_x_user456_1"));
        for item in [other, of_nobody, of_no_call] {
            tables.put_item().table_name("directory").set_item(Some(item)).send().await.unwrap();
        }
        // A day that is lost and one that is changed, in commits, which rebuild does not repair.
        for (call, change) in [(7, "REMOVE #day"), (8, "SET #day = :day")] {
            let mut update = tables
                .update_item()
                .table_name("events")
                .key("pk", word(&format!("call#{}", calls[call])))
                .key("sk", word("commit#000001"))
                .update_expression(change)
                .expression_attribute_names("#day", "day");
            if change.contains(":day") {
                update = update.expression_attribute_values(":day", word("default#1999-12-31#0"));
            }
            update.send().await.unwrap();
        }
    });

    // The calls are younger than the grace period: a missing row is counted as pending.
    let (code, said) = whole();
    assert_eq!(code, Some(7));
    assert_eq!(
        found(&said),
        [("day_index", "different", false), ("day_index", "missing", false), ("inbox", "different", false)]
            .into_iter()
            .chain([("inbox", "extra", false); 2])
            .collect::<Vec<_>>()
    );
    assert_eq!(said.last().unwrap()["counts"]["pending"], 1);
    let day = said.iter().find(|line| line["finding"]["model"] == "day_index").unwrap();
    assert!(calls[7..9].iter().any(|call| day["finding"]["call_id"] == call.as_str()), "{day}");

    let applied = lines(&server.run(&["--json", "rebuild", "--apply", "--grace", "0s"]));
    assert_eq!(found(&applied).iter().filter(|(_, _, repaired)| *repaired).count(), 4, "{applied:?}");
    assert_eq!(history(), before, "what was repaired is what it was");
    let (code, said) = whole();
    assert_eq!(code, Some(7), "what stands in a commit stays wrong");
    assert_eq!(found(&said), [("day_index", "different", false), ("day_index", "missing", false)]);
}

/// An attribute as DynamoDB writes it in its export.
fn typed(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(truth) => json!({ "BOOL": truth }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::M(fields) => json!({ "M": typed_fields(fields) }),
        AttributeValue::L(items) => json!({ "L": items.iter().map(typed).collect::<Vec<_>>() }),
        other => panic!("{other:?}"),
    }
}

fn typed_fields(item: &Item) -> Value {
    item.iter().map(|(name, value)| (name.clone(), typed(value))).collect::<serde_json::Map<_, _>>().into()
}

fn gz(lines: &[String]) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
    file.finish().unwrap()
}

#[test]
fn an_export_that_dynamodb_wrote_to_s3_is_verified_replayed_and_converted() {
    let server = Server::start();
    let calls: Vec<String> = ["door1", "door2", "door3"].map(|door| a_call(&server, door)).to_vec();
    settled(&server, &calls);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut items: Vec<String> = with_tables(&server, async |tables| {
        let found = tables.scan().table_name("events").send().await.unwrap();
        found.items().iter().map(|item| json!({ "Item": typed_fields(item) }).to_string()).collect()
    });
    // In no order: sorted by the end of each line.
    items.sort_by_key(|item| item.chars().rev().collect::<String>());
    items.push(json!({"Item": {"pk": {"S": "something#else"}, "sk": {"S": "1"}}}).to_string());
    let parts: Vec<&[String]> = items.chunks(items.len().div_ceil(3)).collect();
    let mut manifest = String::new();
    for (name, part) in ["a.json.gz", "b.json.gz", "c.json.gz"].iter().zip(&parts) {
        std::fs::write(data.join(name), gz(part)).unwrap();
        let named = json!({"itemCount": part.len(), "dataFileS3Key": format!("AWSDynamoDB/01/data/{name}")});
        manifest.push_str(&named.to_string());
        manifest.push('\n');
    }
    std::fs::write(folder.path().join("manifest-files.json"), &manifest).unwrap();
    let summary = |format: &str| json!({"outputFormat": format, "exportType": "FULL_EXPORT"}).to_string();
    std::fs::write(folder.path().join("manifest-summary.json"), summary("DYNAMODB_JSON")).unwrap();
    let dir = path(folder.path());

    for arguments in [&["verify", "--file", dir][..], &["verify", "--file", dir, &calls[1]]] {
        let verified = ilock(&[&["--json"], arguments].concat());
        let said = lines(&verified);
        assert_eq!((verified.status.code(), events(&said)), (Some(0), vec!["verified"]), "{said:?}");
        assert_eq!(said[0]["counts"]["proven"], said[0]["counts"]["commits"]);
    }
    let from_log = server.run(&["replay", &calls[0], "--html"]);
    let from_folder = ilock(&["replay", &calls[0], "--html", "--file", dir]);
    assert_eq!(from_log.stdout, from_folder.stdout);
    let ours = tempfile::tempdir().unwrap();
    let file = |name: &str| ours.path().join(name);
    for (name, more) in [("plain", &[][..]), ("with", &["--personal"])] {
        let (log, folder) = (file(&format!("{name}-log.jsonl")), file(&format!("{name}-folder.jsonl")));
        assert_eq!(server.run(&[&["export", "--output", path(&log)], more].concat()).status.code(), Some(0));
        let exported = ilock(&[&["export", "--from-dynamodb-export", dir, "--output", path(&folder)], more].concat());
        assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
        assert_eq!(std::fs::read(log).unwrap(), std::fs::read(folder).unwrap(), "the same bytes, {name}");
    }
    let nobody = ilock(&["--json", "verify", "--file", dir, "--tenant", "nobody"]);
    assert_eq!(lines(&nobody)[0]["counts"]["calls"], 0);

    // A bad line, a truncated file and a missing file are findings, and the rest is still read.
    let mut poisoned = parts[0].to_vec();
    poisoned[1] = "}{ nonsense".into();
    std::fs::write(data.join("a.json.gz"), gz(&poisoned)).unwrap();
    let whole = gz(parts[1]);
    std::fs::write(data.join("b.json.gz"), &whole[..whole.len() - 9]).unwrap();
    std::fs::write(data.join("d.json.gz"), gz(&[])).unwrap();
    std::fs::remove_file(data.join("c.json.gz")).unwrap();
    let verified = ilock(&["--json", "verify", "--file", dir]);
    let said = lines(&verified);
    assert_eq!(verified.status.code(), Some(7));
    let why =
        |part: &str| said.iter().any(|line| line["finding"]["why"].as_str().is_some_and(|why| why.contains(part)));
    for part in
        ["a.json.gz, line 2: ", "b.json.gz, line ", "c.json.gz, which the manifest names", "d.json.gz is not in"]
    {
        assert!(why(part), "{part}: {said:?}");
    }
    let counts = &said.last().unwrap()["counts"];
    assert_eq!(counts["unreadable_lines"], 2, "{said:?}");
    assert_eq!(counts["findings"].as_u64().unwrap(), said.len() as u64 - 1);
    std::fs::write(folder.path().join("manifest-summary.json"), summary("ION")).unwrap();
    assert_eq!(ilock(&["verify", "--file", dir]).status.code(), Some(1));
    assert_eq!(ilock(&["verify", "--file", path(ours.path())]).status.code(), Some(1), "a folder without an export");
}

fn sorted(item: &Item) -> BTreeMap<&String, &AttributeValue> {
    item.iter().collect()
}

#[test]
fn what_cannot_be_audited_says_why() {
    let nowhere = ilock(&["verify", "--dynamodb", "127.0.0.1:9"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("ilock dev"), "{}", text(&nowhere.stderr));
    let no_file = ilock(&["verify", "--file", "/nonexistent/export.jsonl"]);
    assert_eq!(no_file.status.code(), Some(1));
    assert!(text(&no_file.stderr).contains("/nonexistent/export.jsonl"));
    for bad in [
        &["export", "--from", "yesterday", "--output", "x"][..],
        &["export", "--from", "2026-02-30", "--output", "x"],
        &["replay", "call_a_b_1", "--at", "soon"],
        &["replay", "call_a_b_1", "--html", "--mermaid"],
        &["replay", "a/b"],
    ] {
        assert_eq!(ilock(bad).status.code(), Some(2), "{bad:?}");
    }
    let server = Server::start();
    let no_folder = server.run(&["verify", "--day", "2026-11-22", "--ledger", "/nonexistent"]);
    assert!(no_folder.status.code() == Some(1) && text(&no_folder.stderr).contains("no such folder"), "{no_folder:?}");
    #[cfg(unix)]
    for endless in ["/dev/zero", "/dev/null", "/"] {
        let refused = server.run(&["export", "--output", endless]);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains("is there, and is no file"), "{said}");
    }
    assert_eq!(server.run(&["replay", "call_a_b_1"]).status.code(), Some(1));
    assert_eq!(server.run(&["verify", "call_a_b_1"]).status.code(), Some(1));
}

/// The day of a call, and its last moment.
fn day_of(server: &Server, call: &str) -> String {
    let log = lines(&server.run(&["--json", "log", call]));
    Day::of(Millis(log[0]["commit"]["at"].as_i64().unwrap())).to_string()
}

#[test]
fn a_call_that_was_deleted_whole_is_found_by_its_day() {
    let server = Server::start();
    let (kept, gone) = (a_call(&server, "door1"), a_call(&server, "door2"));
    let day = day_of(&server, &gone);
    let folder = tempfile::tempdir().unwrap();
    // When both can be proven, both are in the ledger.
    for call in [&kept, &gone] {
        let file = folder.path().join("proof.json");
        let proven = server.run(&["--json", "prove", call, "--output", path(&file)]);
        assert_eq!(proven.status.code(), Some(0), "{}", text(&proven.stderr));
    }
    let verify = || server.run(&["--json", "verify", "--day", &day]);
    let whole = verify();
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stdout));
    let said = lines(&whole);
    assert_eq!(said[0]["counts"]["commits"], 4);
    // It says which stores it read: those of the server that is named.
    assert!(said[0]["log"].as_str().unwrap().contains(server.at("dynamodb").trim_start_matches("http://")), "{said:?}");
    assert_eq!(said[0]["ledger"], server.up["ledger"]);

    remove(&server, &gone);
    let verified = server.run(&["--json", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "the log alone does not know it any more");
    let found = verify();
    assert_eq!(found.status.code(), Some(7), "{}", text(&found.stdout));
    let said = lines(&found);
    assert_eq!(events(&said), ["finding", "found"]);
    assert_eq!(said[0]["finding"]["kind"], "missing");

    // Nothing of all that is told of a day long before the ledger began.
    let long_before = "2026-05-01";
    let nothing = server.run(&["--json", "verify", "--day", long_before]);
    assert_eq!(nothing.status.code(), Some(0), "{}", text(&nothing.stdout));
    assert_eq!(lines(&nothing)[0]["counts"]["commits"], 0);
    assert!(text(&nothing.stderr).contains("the ledger began in the hour"), "{}", text(&nothing.stderr));
    let dry = server.run(&["archive", long_before, "--dir", path(folder.path()), "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", text(&dry.stderr));

    let of_another = "other+00000000+AQ==";
    let refused = server.run(&["verify", "--day", &day, "--ledger-key", of_another]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
}

#[test]
fn a_call_is_proven_in_a_file_that_is_checked_offline_and_every_edit_of_it_is_found() {
    let server = Server::start();
    let call = a_call(&server, "door1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.proof.json");
    let proven = server.run(&["prove", &call, "--output", path(&file)]);
    assert_eq!(proven.status.code(), Some(0), "{}", text(&proven.stderr));
    let key = std::fs::read_to_string(Path::new(server.at("ledger")).join("key")).unwrap();
    let checkpoint = folder.path().join("checkpoint");
    std::fs::copy(Path::new(server.at("ledger")).join("checkpoint"), &checkpoint).unwrap();
    let since = server.run(&["--json", "verify", "--since", path(&checkpoint)]);
    assert_eq!(since.status.code(), Some(0), "{}", text(&since.stderr));
    assert_eq!(server.stop(), Some(0));

    let verify = |file: &Path, more: &[&str]| ilock(&[&["--json", "verify", "--proof", path(file)], more].concat());
    let checked = verify(&file, &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    assert!(text(&checked.stderr).contains("nobody vouches for the key"), "{}", text(&checked.stderr));
    assert_eq!(lines(&checked)[0]["counts"]["commits"], 2);
    let policy = folder.path().join("policy");
    std::fs::write(&policy, format!("log {}\nquorum none\n", key.trim())).unwrap();
    let vouched = verify(&file, &["--policy", path(&policy)]);
    assert_eq!((vouched.status.code(), text(&vouched.stderr)), (Some(0), String::new()));
    let stranger = "stranger.example+00000000+AQ==";
    std::fs::write(&policy, format!("log {stranger}\nquorum none\n")).unwrap();
    assert_eq!(verify(&file, &["--policy", path(&policy)]).status.code(), Some(1));

    // A page of it says what is proven.
    let page = ilock(&["replay", &call, "--html", "--proof", path(&file)]);
    assert_eq!(page.status.code(), Some(0), "{}", text(&page.stderr));
    let page = text(&page.stdout);
    assert!(page.contains("entries of it are in the ledger") && page.contains("sound: all of 2 commits"), "{page}");
    assert_eq!(ilock(&["replay", "call_a_b_1", "--proof", path(&file)]).status.code(), Some(1));

    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let edits: [fn(&mut Value); 10] = [
        |proof| proof["commits"][1]["text"] = edited(&proof["commits"][1]["text"], "\"at\":1", "\"at\":2"),
        |proof| proof["commits"][1]["text"] = edited(&proof["commits"][1]["text"], "{", "{ "),
        |proof| proof["receipts"][0]["text"] = edited(&proof["receipts"][0]["text"], "\"ms\":", "\"ms\":1"),
        |proof| proof["commits"][0]["proof"] = proof["commits"][1]["proof"].clone(),
        |proof| proof["commits"] = serde_json::json!([proof["commits"][1]]),
        |proof| proof["call_id"] = "call_a_b_1".into(),
        |proof| proof["origin"] = "other.example/ledger".into(),
        |proof| proof["keys"] = serde_json::json!([]),
        |proof| {
            let receipt = proof["receipts"][0].clone();
            proof["receipts"].as_array_mut().unwrap().insert(0, receipt);
        },
        |proof| proof["receipts"].as_array_mut().unwrap().reverse(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut changed = whole.clone();
        edit(&mut changed);
        assert_ne!(changed, whole, "edit {number}");
        let file = folder.path().join("changed.json");
        std::fs::write(&file, changed.to_string()).unwrap();
        let found = verify(&file, &[]);
        assert_eq!(found.status.code(), Some(7), "edit {number}: {}", text(&found.stdout));
    }
}

#[test]
fn a_call_that_was_changed_is_not_proven_and_the_commit_is_named() {
    let server = Server::start();
    let call = a_call(&server, "door1");
    let folder = tempfile::tempdir().unwrap();
    let (file, export) = (folder.path().join("call.proof.json"), folder.path().join("export.jsonl"));
    let prove = |more: &[&str]| server.run(&[&["prove", &call, "--output", path(&file)], more].concat());
    assert_eq!(prove(&[]).status.code(), Some(0), "all of it is in the ledger");
    std::fs::remove_file(&file).unwrap();
    with_tables(&server, async |client| {
        let key = [("pk", word(&format!("call#{call}"))), ("sk", word("commit#000002"))];
        let update = client.update_item().table_name("events").update_expression("SET actor.client = :client");
        let update = update.set_key(Some(key.map(|(name, value)| (name.to_owned(), value)).into()));
        update.expression_attribute_values(":client", word("somebody")).send().await.unwrap();
    });
    assert_eq!(server.run(&["export", "--output", path(&export)]).status.code(), Some(0));
    for more in [&[][..], &["--file", path(&export)]] {
        let begun = Instant::now();
        let refused = prove(more);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("commit 2 of {call} was changed")) && !said.contains("backfill"), "{said}");
        assert!(begun.elapsed() < Duration::from_mins(1) && !file.exists(), "it is not waited for");
    }
}

fn edited(text: &Value, from: &str, to: &str) -> Value {
    text.as_str().unwrap().replacen(from, to, 1).into()
}

#[test]
fn a_ledger_that_was_put_back_or_made_anew_does_not_continue_a_checkpoint_that_was_kept() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::with(&["--data-dir", path(data.path())]);
    let call = a_call(&server, "door1");
    let file = data.path().join("proof.json");
    assert_eq!(server.run(&["prove", &call, "--output", path(&file)]).status.code(), Some(0));
    let tlog = Path::new(server.at("ledger")).to_owned();
    assert_eq!(tlog, data.path().join("tlog"));
    let kept = data.path().join("kept");
    std::fs::copy(tlog.join("checkpoint"), &kept).unwrap();
    let key = std::fs::read_to_string(tlog.join("key")).unwrap();
    let since =
        |key: &str| ilock(&["--json", "verify", "--since", path(&kept), "--ledger", path(&tlog), "--ledger-key", key]);
    assert_eq!(since(key.trim()).status.code(), Some(0));
    server.stop();

    // Everything anew, with a key of its own: the one that was kept did not sign it.
    for gone in ["tlog", "tlog.key", "dynamodb.sqlite", "stream.position"] {
        let gone = data.path().join(gone);
        let _ = if gone.is_dir() { std::fs::remove_dir_all(&gone) } else { std::fs::remove_file(&gone) };
    }
    for file in std::fs::read_dir(data.path()).unwrap().flatten() {
        if file.file_name().to_string_lossy().contains("db") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let server = Server::with(&["--data-dir", path(data.path())]);
    let other = a_call(&server, "door1");
    assert_eq!(server.run(&["prove", &other, "--output", path(&file)]).status.code(), Some(0));
    assert_eq!(since(key.trim()).status.code(), Some(1), "the checkpoint there is signed by another key");
    let own = std::fs::read_to_string(tlog.join("key")).unwrap();
    assert_eq!(since(own.trim()).status.code(), Some(7), "and the one that was kept is not this ledger's");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_statement_of_a_key_is_asked_for_by_day_and_since_a_checkpoint() {
    let server = Server::start();
    let call = a_call(&server, "door1");
    let (day, folder) = (day_of(&server, &call), tempfile::tempdir().unwrap());
    let file = folder.path().join("proof.json");
    assert_eq!(server.run(&["prove", &call, "--output", path(&file)]).status.code(), Some(0));
    let (tlog, kept) = (Path::new(server.at("ledger")), folder.path().join("kept"));
    std::fs::copy(tlog.join("checkpoint"), &kept).unwrap();
    let statement = std::fs::read_dir(tlog.join("keys")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&statement).unwrap();
    let found = || {
        [&["--day", &day][..], &["--since", path(&kept)]].map(|more| {
            let said = lines(&server.run(&[&["--json", "verify"], more].concat()));
            said.iter().filter_map(|line| line["finding"]["kind"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        })
    };
    assert_eq!(found(), [[""; 0]; 2]);
    let mut edited = whole.clone();
    edited[10] ^= 1;
    std::fs::write(&statement, edited).unwrap();
    assert_eq!(found(), [["changed"]; 2]);
    std::fs::remove_dir_all(tlog.join("keys")).unwrap();
    assert_eq!(found(), [["missing"]; 2]);
}

/// Deletes all items of a call from the log, as somebody with access to the account could.
fn remove(server: &Server, call: &str) {
    let at = server.at("dynamodb").trim_start_matches("http://").parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = ilock_local::dynamodb::client(at, None);
        let pk = AttributeValue::S(format!("call#{call}"));
        let found = client.query().table_name("events").key_condition_expression("pk = :pk");
        for item in found.expression_attribute_values(":pk", pk).send().await.unwrap().items() {
            let delete = client.delete_item().table_name("events");
            delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
        }
    });
}
