//! Checkpoints, cosignatures, policies and proofs, with the examples that C2SP gives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ilock_events::{CallId, CommitNo, Millis};
use ilock_proof::{
    BadNote, BadProof, Checkpoint, ENTRY_BYTES, Entry, EntryKind, Hour, KeyEvent, KeyRecord, KeyUse, Policy, SignKey,
    TlogProof, Tree, TreeHead, VerifyKey, checkpoint_text, item_digest,
};

const ORIGIN: &str = "ilock.example/log";

fn key(name: &str, key_use: KeyUse, seed: u8) -> SignKey {
    SignKey::for_use(name, key_use, &[seed; 32]).unwrap()
}

fn entry(n: u32) -> Entry {
    Entry::of_call(EntryKind::Commit, &CallId::new("call_a_b_1").unwrap(), CommitNo(n), [7; 32])
}

#[test]
fn the_example_of_signed_note_is_verified() {
    let key = VerifyKey::read("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
    let signature = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";
    let note = format!("This is an example message.\n\n\u{2014} example.com/foo {signature}\n");
    assert_eq!(ilock_proof::Note::read(&note).unwrap().verify(&key), Ok(()));
}

#[test]
fn a_checkpoint_has_three_lines_and_is_read_strictly() {
    let log = key(ORIGIN, KeyUse::Log, 1);
    let text = checkpoint_text(ORIGIN, &TreeHead { size: 0, root: ilock_proof::empty_root() });
    assert_eq!(text, format!("{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
    let opened = Checkpoint::read(&log.note(&text).unwrap().to_string()).unwrap();
    assert_eq!((opened.origin.as_str(), opened.head.size), (ORIGIN, 0));
    assert_eq!(opened.verify(&[log.verify_key().clone()]), Ok(()));
    let other = key("other.example", KeyUse::Log, 1);
    assert!(opened.verify(&[other.verify_key().clone()]).is_err(), "the same key under another name");
    for bad in [
        text.replace("\n0\n", "\n00\n"),
        text.replace("\n0\n", "\n+0\n"),
        text.replace("\n0\n", "\n18446744073709551616\n"),
        text.replace('=', ""),
        format!("{text}hour 2026-11-25T13\n"),
        text.replace(ORIGIN, ""),
    ] {
        assert!(Checkpoint::read(&log.note(&bad).unwrap().to_string()).is_err(), "{bad}");
    }
}

#[test]
fn a_policy_counts_witnesses_by_its_groups() {
    let log = key(ORIGIN, KeyUse::Log, 1);
    let witnesses: Vec<SignKey> = (1..=5).map(|n| key(&format!("w{n}.example"), KeyUse::Witness, 10 + n)).collect();
    let lines: Vec<String> = (1..=5).map(|n| format!("witness W{n} {}", witnesses[n - 1].verify_key())).collect();
    let policy = format!(
        "# who is believed\nlog {} https://ilock.example\n{}\ngroup first 2 W1 W2 W3\ngroup\tsecond any W4 W5\n\
         group both all first second\nquorum both\n",
        log.verify_key(),
        lines.join("\n"),
    );
    let policy = Policy::read(&policy).unwrap();
    let text = checkpoint_text(ORIGIN, &TreeHead { size: 3, root: [9; 32] });
    let signed_by = |which: &[usize]| {
        let mut note = log.note(&text).unwrap();
        note.add(which.iter().map(|n| witnesses[n - 1].cosign(&text, 1_764_000_000)));
        policy.verify(&Checkpoint::read(&note.to_string()).unwrap())
    };
    assert_eq!((signed_by(&[1, 3, 5]), signed_by(&[1, 2, 3, 4])), (Ok(()), Ok(())));
    for too_few in [&[][..], &[1, 4], &[1, 2, 3], &[4, 5]] {
        assert!(signed_by(too_few).is_err(), "{too_few:?}");
    }
    // A cosignature of another text, under a known key, spoils the checkpoint.
    let mut note = log.note(&text).unwrap();
    note.add([witnesses[0].cosign("other\n", 1)]);
    assert_eq!(
        policy.verify(&Checkpoint::read(&note.to_string()).unwrap()),
        Err(BadNote("the signature does not fit the text"))
    );
}

#[test]
fn a_policy_that_breaks_a_rule_names_its_line() {
    let (log, witness) = (key(ORIGIN, KeyUse::Log, 1), key("w.example", KeyUse::Witness, 2));
    let (log, witness) = (log.verify_key(), witness.verify_key());
    for (text, line) in [
        (String::new(), 0),
        (format!("witness none {witness}\nquorum none"), 1),
        (format!("witness A {witness}\nwitness B {witness}\nquorum A"), 2),
        (format!("witness A {log}\nquorum A"), 1),
        (format!("log {witness}\nquorum none"), 1),
        (format!("witness A {witness}\ngroup G 2 A\nquorum G"), 2),
        (format!("witness A {witness}\ngroup G 0 A\nquorum G"), 2),
        (format!("group G any A\nwitness A {witness}\nquorum G"), 1),
        (format!("witness A {witness}\ngroup G any A\ngroup H any A\nquorum H"), 3),
        ("quorum none\nquorum none".into(), 2),
        ("quorum A".into(), 1),
        ("quorum\u{7}none".into(), 1),
    ] {
        assert_eq!(Policy::read(&text).map_err(|bad| bad.line), Err(line), "{text}");
    }
    assert!(Policy::read("quorum none").is_ok());
}

#[test]
fn a_proof_is_read_as_it_is_written_and_proves_its_entry_only() {
    let log = key(ORIGIN, KeyUse::Log, 1);
    let mut tree = Tree::default();
    tree.push(&entry(1).to_bytes());
    let left = tree.root();
    tree.push(&entry(2).to_bytes());
    let text = checkpoint_text(ORIGIN, &TreeHead { size: 2, root: tree.root() });
    let checkpoint = Checkpoint::read(&log.note(&text).unwrap().to_string()).unwrap();
    let proof = TlogProof { index: 1, hashes: vec![left], checkpoint };
    let written = proof.to_string();
    assert!(written.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"), "{written}");
    assert_eq!(TlogProof::read(&written), Ok(proof.clone()));
    let extra = written.replace("@v1\n", "@v1\nextra AAAA\n");
    assert_eq!(TlogProof::read(&extra), Ok(proof.clone()));
    assert_eq!(proof.verify(&entry(2).to_bytes()), Ok(()));
    assert_eq!(proof.verify(&entry(1).to_bytes()), Err(BadProof::Root));
    for bad in
        [written.replace("@v1", "@v2"), written.replace("index 1", "index 01"), written.replace("index", "extra")]
    {
        assert!(TlogProof::read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn an_entry_is_54_bytes_and_is_read_back() {
    let bytes = entry(260).to_bytes();
    assert_eq!((bytes.len(), bytes[..2].to_vec(), bytes[50..].to_vec()), (ENTRY_BYTES, vec![1, 1], vec![0, 0, 1, 4]));
    assert_eq!(Entry::read(&bytes), Some(entry(260)));
    for (at, value) in [(0, 2), (1, 0), (1, 9)] {
        let mut other = bytes;
        other[at] = value;
        assert_eq!(Entry::read(&other), None, "byte {at} is {value}");
    }
    assert_eq!(Entry::read(&bytes[1..]), None);
    let hour = Entry::of_hour(Hour::of(Millis(1_764_079_200_000)));
    assert_eq!((hour.call, hour.n, Entry::read(&hour.to_bytes())), ([0; 16], 0, Some(hour)));
}

#[test]
fn an_items_digest_covers_every_field_and_its_call_but_not_where_it_stands() {
    let (call, other) = (CallId::new("call_a_b_1").unwrap(), CallId::new("call_a_b_2").unwrap());
    let body = serde_json::json!({ "n": 1, "path": "fast", "at": 5, "notices": {} });
    let mut keyed = body.clone();
    keyed["sk"] = "receipt#000001#0000".into();
    let digest = item_digest(&call, &body).unwrap();
    assert_eq!(item_digest(&call, &keyed).unwrap(), digest);
    assert_ne!(item_digest(&other, &body).unwrap(), digest);
    for (name, value) in [("at", 6.into()), ("more", serde_json::Value::Null)] {
        let mut changed = body.clone();
        changed[name] = value;
        assert_ne!(item_digest(&call, &changed).unwrap(), digest, "{name}");
    }
}

#[test]
fn a_keys_record_is_named_after_what_it_holds() {
    let log = key(ORIGIN, KeyUse::Log, 1);
    let record = KeyRecord::new(log.verify_key(), KeyEvent::Began, Millis(1));
    let (name, bytes) = record.file().unwrap();
    assert_eq!(name, format!("keys/{}.json", hex::encode(record.entry().unwrap().hash)));
    assert_eq!(serde_json::from_slice::<KeyRecord>(&bytes).unwrap(), record);
}
