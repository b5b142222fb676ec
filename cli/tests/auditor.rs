//! An auditor's commands, and those who would deceive them: a proof that somebody else signed, files with text that acts on a
//! terminal, files that never end; and an operator who must not delete what is not asked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod server;

use std::path::Path;

use ilock_events::{CallId, Millis, Party, PartyAddress, PartyId, PartyKind, PersonalText, TenantId};
use ilock_log::{EventLog, Placing};
use ilock_proof::{KeyUse, SignKey, salt_personal};
use serde_json::Value;
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
