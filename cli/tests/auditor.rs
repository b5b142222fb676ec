//! An auditor's commands, and those who would deceive them: a proof that somebody else signed, files with text that acts on a
//! terminal, files that never end; and an operator who must not delete what is not asked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod server;

use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::{CallId, Millis, Party, PartyAddress, PartyId, PartyKind, PersonalText, TenantId};
use ilock_log::{EventLog, Placing};
use ilock_proof::{Day, KeyUse, SignKey, salt_personal};
use serde_json::{Value, json};
use server::{Server, a_call, ilock, lines, path, text};

#[test]
fn a_proof_is_believed_by_the_key_that_the_auditor_names_and_by_no_other() {
    let server = Server::start();
    let call = a_call(&server, "door1");
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("call.proof.json");
    let proven = server.run(&["prove", &call, "--output", path(&proof)]);
    assert_eq!(proven.status.code(), Some(0), "{}", text(&proven.stderr));
    let own = std::fs::read_to_string(Path::new(server.at("ledger")).join("key")).unwrap();
    assert_eq!(server.stop(), Some(0));

    let file: Value = serde_json::from_str(&std::fs::read_to_string(&proof).unwrap()).unwrap();
    let origin = file["origin"].as_str().unwrap();
    // To whom names this one, the file is a forgery: another key signed it, though the file says that it may.
    let other = SignKey::new(origin, &[9; 32]).unwrap().verify_key().to_string();
    let witness = SignKey::for_use(origin, KeyUse::Witness, &[9; 32]).unwrap().verify_key().to_string();
    for command in [&["--json", "verify"][..], &["replay", &call]] {
        let with = |key: &str| ilock(&[command, &["--proof", path(&proof), "--ledger-key", key]].concat());
        let vouched = with(own.trim());
        assert_eq!((vouched.status.code(), text(&vouched.stderr)), (Some(0), String::new()));
        let forged = with(&other);
        assert_eq!(forged.status.code(), Some(7), "{}", text(&forged.stdout));
        assert!(text(&forged.stdout).contains("no key of this log signed it"), "{}", text(&forged.stdout));
        for garbage in ["", "garbage", "other+00000000+AQ==", &witness] {
            let refused = with(garbage);
            assert_eq!(refused.status.code(), Some(1), "{garbage}: {}", text(&refused.stdout));
            assert!(text(&refused.stderr).contains("--ledger-key"), "{}", text(&refused.stderr));
        }
    }
    // Where nobody's signature is looked at, naming whom one believes would say that it was.
    let export = folder.path().join("export.jsonl");
    std::fs::write(&export, "").unwrap();
    let refused = ilock(&["verify", "--file", path(&export), "--ledger-key", own.trim()]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
    assert!(text(&refused.stderr).contains("--day, --since and --proof"), "{}", text(&refused.stderr));
}

/// Keeps text beside a call of user456 that may be placed until `until`; answers how many texts it has.
fn texts_beside(server: &Server, call: &str, until: Option<Millis>) -> usize {
    let at = server.at("dynamodb").trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = EventLog::new(ilock_local::dynamodb::client(at, None), "events");
        let call = CallId::new(call).unwrap();
        if let Some(until) = until {
            let text = PersonalText { reason: Some("words".into()), ..PersonalText::default() };
            let personal = salt_personal(text, [7; 16]).unwrap().unwrap();
            let user = Party { kind: PartyKind::User, id: PartyId::new("user456").unwrap() };
            let parties = vec![PartyAddress::of(&TenantId::new("default").unwrap(), &user)];
            let now = ilock_env::Clock::system().now();
            log.keep_personal_of(&Placing { parties, until }, &call, &personal, now).await.unwrap();
        }
        log.kept_texts(&call).await.unwrap().len()
    })
}

#[test]
fn nobody_elses_text_is_forgotten() {
    let server = Server::start();
    // A door station, and a person of the same name, who was in no call.
    let call = a_call(&server, "gate7");
    let texts = texts_beside(&server, &call, None);
    assert!(texts > 0);
    let forgotten = server.run(&["--json", "forget", "gate7", "--yes"]);
    assert_eq!(forgotten.status.code(), Some(0), "{}", text(&forgotten.stderr));
    let said = &lines(&forgotten)[0];
    assert_eq!((&said["texts"], &said["texts_in_no_history"]), (&0.into(), &0.into()));
    assert_eq!(texts_beside(&server, &call, None), texts);
    assert!(!text(&server.run(&["replay", &call]).stdout).contains("[forgotten]"));

    // The end of that call reaches the history a moment after the command that cancelled it has ended.
    let counted = || lines(&server.run(&["--json", "forget", "user456", "--dry-run"])).remove(0);
    let patience = std::time::Instant::now();
    while counted()["live_calls"] != 0 {
        assert!(patience.elapsed().as_secs() < 30, "{}", counted());
    }
    // A commit that is about to be made would name text that is gone.
    let placing = "call_door1_user456_1_aaaaaaaaaaaaa";
    let soon = ilock_env::Clock::system().now().plus(60_000);
    assert_eq!(texts_beside(&server, placing, Some(soon)), 1);
    let forgotten = server.run(&["--json", "forget", "user456", "--yes"]);
    let said = &lines(&forgotten)[0];
    assert_eq!(said["live_calls"], 1, "{said}");
    assert!(text(&forgotten.stderr).contains("had not ended"), "{}", text(&forgotten.stderr));
    assert_eq!(texts_beside(&server, placing, None), 1);
    assert_eq!(texts_beside(&server, &call, None), 0, "this one was asked for");
}

#[test]
fn text_that_acts_on_a_terminal_is_shown_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.jsonl");
    let nasty = "\u{1b}[2J\u{202e}\nverified: 1 calls; no findings";
    std::fs::write(&file, format!("{}\n", serde_json::json!({ "line": 0, nasty: 1 }))).unwrap();
    let verified = ilock(&["verify", "--file", path(&file)]);
    let said = text(&verified.stdout);
    assert_eq!(verified.status.code(), Some(7), "{said}");
    assert!(said.contains("\\u{1b}[2J\\u{202e}\\u{a}verified: 1 calls") && !said.contains('\u{202e}'), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("verified")), "{said}");
    let exact = lines(&ilock(&["--json", "verify", "--file", path(&file)]));
    assert!(exact[0]["finding"]["why"].as_str().unwrap().contains(nasty), "{exact:?}");
}

#[test]
fn a_file_that_never_ends_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (endless, ledger) = (folder.path().join("endless"), folder.path().join("endless-ledger"));
    std::fs::create_dir(&ledger).unwrap();
    for file in [&endless, &ledger.join("checkpoint")] {
        std::fs::File::create(file).unwrap().set_len(1 << 40).unwrap();
    }
    // A ledger that somebody else filled, and a checkpoint that was kept of the one before.
    let server = Server::start();
    let call = a_call(&server, "door1");
    let proved = server.run(&["prove", &call, "--output", path(&folder.path().join("proof"))]);
    assert_eq!(proved.status.code(), Some(0), "{}", text(&proved.stderr));
    let published = Path::new(server.at("ledger"));
    let (kept, key) = (published.join("checkpoint"), std::fs::read_to_string(published.join("key")).unwrap());
    for (arguments, what) in [
        (&["verify", "--proof", path(&endless)][..], "a proof"),
        (&["replay", "call_a_b_1", "--proof", path(&endless)], "a proof"),
        (&["verify", "--proof", "missing", "--policy", path(&endless)], "a policy"),
        (
            &["verify", "--since", path(&kept), "--ledger", path(&ledger), "--ledger-key", key.trim()],
            "a file of the ledger",
        ),
    ] {
        let refused = ilock(arguments);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
        let said = text(&refused.stderr);
        assert!(said.contains(&format!("bytes, and {what} is not")) && said.contains("endless"), "{said}");
    }
}

/// Changes the tables of `server` directly.
fn with_tables(server: &Server, change: impl AsyncFnOnce(&Client)) {
    let at = server.at("dynamodb").trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(change(&ilock_local::dynamodb::client(at, None)));
}

fn word(word: &str) -> AttributeValue {
    AttributeValue::S(word.into())
}

/// Kind and line of each finding, with its reason.
fn findings(said: &[Value]) -> Vec<(String, Option<u64>, String)> {
    let findings = said.iter().filter(|line| line["event"] == "finding").map(|line| &line["finding"]);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|one| (word(&one["kind"]), one["line"].as_u64(), word(&one["why"]))).collect()
}

#[test]
fn one_binary_attribute_is_named_with_its_call_and_everything_else_is_still_verified() {
    let server = Server::start();
    let calls = [a_call(&server, "door1"), a_call(&server, "door2")];
    let (call, folder) = (&calls[0], tempfile::tempdir().unwrap());
    with_tables(&server, async |tables| {
        let put = |pk: &str, sk: &str| tables.put_item().table_name("events").item("pk", word(pk)).item("sk", word(sk));
        let binary = AttributeValue::B(Blob::new([0; 3]));
        put(&format!("call#{call}"), "note#1").item("zz", binary.clone()).send().await.unwrap();
        let access = "access#001795842018296#00112233445566778899aabbccddeeff";
        let today = Day::of(ilock_env::Clock::system().now());
        put(&format!("audit#default#{today}"), access).item("zz", binary).send().await.unwrap();
        // Nor does an item of the day index that is no call's stop anything.
        let other = put("junk", "x").item("day", word(&format!("default#{today}#0")));
        other.item("at", AttributeValue::N("7".into())).send().await.unwrap();
    });
    let named = |output: &std::process::Output| {
        let said = lines(output);
        let of_call = said.iter().any(|line| {
            let finding = &line["finding"];
            finding["kind"] == "unreadable"
                && finding["call_id"] == call.as_str()
                && finding["why"].as_str().unwrap().contains("item note#1 cannot be read: its attribute zz is binary")
        });
        assert!(of_call && output.status.code() == Some(7), "{said:?} {}", text(&output.stderr));
        said
    };
    let said = named(&server.run(&["--json", "verify"]));
    assert_eq!(said.last().unwrap()["counts"]["calls"], 2, "{said:?}");
    assert!(findings(&said).iter().any(|found| found.2.contains("an item under junk")), "{said:?}");
    named(&server.run(&["--json", "verify", call]));
    assert_eq!(server.run(&["verify", &calls[1]]).status.code(), Some(0));
    let today = Day::of(ilock_env::Clock::system().now()).to_string();
    // A ledger that has not begun is waited for.
    let proven = server.run(&["prove", &calls[1], "--output", path(&folder.path().join("other"))]);
    assert_eq!(proven.status.code(), Some(0), "{}", text(&proven.stderr));
    let said = named(&server.run(&["--json", "verify", "--day", &today]));
    assert!(findings(&said).iter().any(|found| found.2.contains("the access access#0017")), "{said:?}");

    let export = folder.path().join("export.jsonl");
    let exported = server.run(&["--json", "export", "--output", path(&export)]);
    assert_eq!((exported.status.code(), &lines(&exported)[0]["calls"]), (Some(7), &2.into()));
    assert!(text(&exported.stderr).contains(call) && text(&exported.stderr).contains("note#1"), "{exported:?}");
    assert_eq!(ilock(&["verify", "--file", path(&export)]).status.code(), Some(0));

    let proof = folder.path().join("proof");
    for command in [&["replay", call][..], &["prove", call, "--output", path(&proof)]] {
        let refused = server.run(command);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        for part in [call, "item note#1 cannot be read", "`ilock verify"] {
            assert!(said.contains(part) && !said.contains("running?"), "{part}: {said}");
        }
    }
    // What is wrong with a log is no sign that nothing runs.
    with_tables(&server, async |tables| {
        let change = tables.update_item().table_name("events").key("pk", word(&format!("call#{}", calls[1])));
        let change = change.key("sk", word("commit#000002")).update_expression("SET tenant = :other");
        change.expression_attribute_values(":other", word("other")).send().await.unwrap();
    });
    let broken = server.run(&["log", &calls[1]]);
    let said = text(&broken.stderr);
    assert_eq!(broken.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("`ilock verify {}`", calls[1])) && !said.contains("running?"), "{said}");
}

#[test]
fn one_call_of_a_file_is_judged_with_all_that_guards_the_file() {
    let server = Server::start();
    let calls = [a_call(&server, "door1"), a_call(&server, "door2")];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.jsonl");
    assert_eq!(server.run(&["export", "--output", path(&file)]).status.code(), Some(0));
    let whole: Vec<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    let call = calls.iter().find(|call| whole[1].contains(*call)).unwrap();
    let write = |lines: &[&str]| std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let verified = || {
        let verified = ilock(&["--json", "verify", "--file", path(&file), call]);
        (verified.status.code(), findings(&lines(&verified)))
    };
    let replayed = || ilock(&["replay", "--file", path(&file), call]);
    assert_eq!((verified(), replayed().status.code()), ((Some(0), vec![]), Some(0)));

    // Its checksum.
    let last = if whole[1].ends_with("0\"}") { "1\"}" } else { "0\"}" };
    let crc = format!("{}{last}", &whole[1][..whole[1].len() - 3]);
    write(&[&whole[0], &crc, &whole[2], &whole[3]]);
    let (code, found) = verified();
    assert!(code == Some(7) && found.len() == 1 && found[0].0 == "changed" && found[0].1 == Some(2), "{found:?}");
    assert_eq!(replayed().status.code(), Some(7));

    // A second copy, the same or another.
    for (second, how) in
        [(whole[1].clone(), "the same"), (whole[1].replacen("\"ms\":", "\"ms\":1", 1), "something else")]
    {
        write(&[&whole[0], &whole[1], &whole[2], &second, &whole[3]]);
        let (code, found) = verified();
        assert!(code == Some(7) && found.len() == 1, "{found:?}");
        assert!((&*found[0].0, found[0].1) == ("forked", Some(4)) && found[0].2.contains(how), "{found:?}");
        let replayed = replayed();
        assert!(
            replayed.status.code() == Some(7) && text(&replayed.stdout).contains("stands there twice"),
            "{replayed:?}"
        );
    }
    let proof = folder.path().join("proof");
    let proven = server.run(&["prove", call, "--file", path(&file), "--output", path(&proof)]);
    assert!(proven.status.code() == Some(7) && text(&proven.stderr).contains("stands there twice"), "{proven:?}");

    // A line that names it and cannot be read, and one that is damaged where its name stood.
    write(&[&whole[0], &whole[1][..whole[1].len() / 2], &whole[2], &whole[3]]);
    let (code, found) = verified();
    assert!(code == Some(7) && found.len() == 1 && found[0].0 == "unreadable" && found[0].1 == Some(2), "{found:?}");
    let refused = replayed();
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("line 2"), "{refused:?}");
    write(&[&whole[0], &whole[1].replacen(call.as_str(), "call_x", 1), &whole[2], &whole[3]]);
    for refused in [replayed(), ilock(&["verify", "--file", path(&file), call])] {
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains("line 2 of it is damaged"), "{said}");
    }
}

#[test]
fn what_changes_nothing_is_refused_and_so_is_a_verdict_on_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (export, made) = (folder.path().join("export.jsonl"), folder.path().join("made.jsonl"));
    std::fs::write(&export, "").unwrap();
    let (file, call) = (path(&export), "call_a_b_1");
    let backwards = ["--from", "2026-11-23", "--to", "2026-11-22"];
    for (arguments, code, says) in [
        (&["verify", call, "--ledger", "x"][..], 1, "a ledger is read with --day and --since"),
        (&["verify", "--file", file, "--ledger", "x"], 1, "a ledger is read with --day and --since"),
        (&["verify", "--ledger", "x"], 1, "a ledger is read with --day and --since"),
        (&["verify", "--proof", file, "--ledger", "x"], 1, "a ledger is read with --day and --since"),
        (&["verify", "--file", file, "--archive", "x"], 2, "--archive"),
        (&["verify", "--since", file, "--archive", "x"], 2, "--archive"),
        (&["verify", "--proof", file, "--archive", "x"], 2, "--archive"),
        (&["verify", "--archive", "x"], 2, "--day"),
        (&["replay", call, "--file", file, "--ledger-key", "x"], 2, "--ledger-key"),
        (&["verify", call, "--from", "2026-11-22"], 1, "one call was named"),
        (&["verify", "--jobs", "2"], 1, "--jobs"),
        (&[&["verify"], &backwards[..]].concat(), 1, "--from 2026-11-23 is after --to 2026-11-22"),
        (&[&["export", "--output", path(&made)], &backwards[..]].concat(), 1, "--from 2026-11-23 is after"),
        (&["verify", "--day", "2999-01-01"], 1, "2999-01-01 has not begun yet"),
    ] {
        let refused = ilock(arguments);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(code) && said.contains(says), "{arguments:?}: {refused:?}");
    }
    assert!(!made.exists());
    // What the environment says is there for all commands.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ilock"));
    let verified = command.args(["verify", "--file", file]).env("ILOCK_LEDGER", "s3://ledger").output().unwrap();
    assert_eq!(verified.status.code(), Some(7), "{verified:?}");
}

#[test]
fn a_file_of_another_kind_says_which_option_reads_it_and_no_message_names_types_of_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let item = json!({ "text": "x", "proof": "" });
    let mut proof = json!({
        "ilock_proof": 1, "call_id": "call_a_b_1", "origin": "x", "keys": [], "commits": vec![item; 500],
        "receipts": [], "alerts": [], "forgotten": [],
    });
    let many = file("many", proof.to_string().as_bytes());
    proof["commits"] = json!([]);
    // As it is written: its first field stands first.
    let pretty = format!("{{\n  \"ilock_proof\": 1,{}", proof.to_string().trim_start_matches('{'));
    let proof = file("call.proof.json", pretty.as_bytes());
    let export = file("export.jsonl", b"{\"line\":0}\n");
    let compressed = file("export.jsonl.zst", &[0x28, 0xb5, 0x2f, 0xfd, 0]);
    for (arguments, says) in [
        (&["verify", "--file", path(&proof)][..], "--proof reads it"),
        (&["verify", "--file", path(&proof), "call_a_b_1"], "--proof reads it"),
        (&["replay", "--file", path(&proof), "call_a_b_1"], "--proof reads it"),
        (&["verify", "--proof", path(&export)], "--file reads it"),
        (&["verify", "--proof", path(&compressed)], "--file reads it"),
        (&["replay", "--proof", path(&compressed), "call_a_b_1"], "--file reads it"),
        (&["verify", "--proof", path(&file("list", b"[]"))], "it is no proof of ilock"),
    ] {
        let refused = ilock(arguments);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains(says), "{arguments:?}: {refused:?}");
        assert!(!said.contains("struct"), "{said}");
    }
    // A finding has the line of the file, and no other.
    let found = findings(&lines(&ilock(&["--json", "verify", "--file", path(&file("text", b"\"x\"\n"))])));
    assert_eq!(found[0].2, "invalid type: string \"x\", expected an object at column 3");

    let found = ilock(&["--json", "verify", "--proof", path(&many)]);
    let said = lines(&found);
    assert_eq!(found.status.code(), Some(7));
    assert!(said.iter().all(|line| line["event"] == "found" || line["finding"]["call_id"] == "call_a_b_1"));
    let found = findings(&said);
    assert!(found.len() < 210 && found.iter().any(|one| one.2 == "and 400 more, which are left out"), "{found:?}");
}
