//! Files that somebody made in order to harm whoever checks them: numbers at the ends of their types, text that acts on a terminal,
//! more findings than fit into memory, lists that take for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use std::time::{Duration, Instant};

use common::{
    Dice, LATER, MIDNIGHT, Making, a_call, audit, audit_at, day, device, export, findings, forget, in_order, leaves,
    line_of, lines, phone, place, rehash, shows, text, with_crc,
};
use ilock_audit::replay::{Moment, Story, html, jsonl, mermaid, text as told};
use ilock_audit::{Finding, Kind, Line, verify};
use ilock_events::{Act, Millis, PersonalText};
use ilock_proof::StoredCall;
use serde_json::{Value, json};

/// How long whoever checks a file of a few MB waits at most, in a debug build.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers at which types and arithmetic end.
fn ends() -> Vec<Value> {
    vec![
        json!(i64::MIN),
        json!(i64::MIN + 1),
        json!(-9_007_199_254_740_991_i64),
        json!(-1),
        json!(0),
        json!(u32::MAX - 1),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(9_007_199_254_740_991_i64),
        json!(i64::MAX - 1),
        json!(i64::MAX),
        json!(u64::MAX),
    ]
}

/// The line of a call whose numbers stand there as they are: RFC 8785 would round them.
fn as_it_is(last: usize, call: &StoredCall) -> String {
    with_crc(&format!(
        "{{\"line\":1,\"call\":{},\"at\":{MIDNIGHT},\"last\":{last},\"commits\":{},\"receipts\":{},\"personal\":{},\
         \"forgotten\":{},\"alerts\":{}",
        json!(call.call_id),
        json!(call.commits),
        json!(call.receipts),
        json!(call.personal),
        json!(call.forgotten),
        json!(call.alerts),
    ))
}

/// Judges the line, and tells its story in every form and at every kind of moment. It may find anything, and must come to an end.
fn read_through(line: &str, as_of: Millis) {
    let _ = audit_at(format!("{line}\n").as_bytes(), as_of);
    let Ok((_, Line::Call(call))) = Line::read(line) else { return };
    let story = Story::of(&call, as_of);
    for moment in ["9223372036854775807ms", "2"] {
        let Some(story) = story.clone().until(moment.parse::<Moment>().unwrap()) else { continue };
        let _ = (told(&story), jsonl(&story).unwrap(), mermaid(&story), html(&story, &call));
    }
    let _ = (told(&story), jsonl(&story).unwrap(), mermaid(&story), html(&story, &call));
}

#[test]
fn numbers_at_the_ends_of_their_types_are_findings() {
    let mut whole = a_call(0, Millis(MIDNIGHT));
    forget(&mut whole, "user0");
    let last = whole.commits.len();
    let numbers = |items: &[Value]| -> Vec<(usize, String)> {
        let of = |(at, item): (usize, &Value)| {
            let paths = leaves(item).into_iter().filter(|path| item.pointer(path).unwrap().is_number());
            paths.map(|path| (at, path)).collect::<Vec<_>>()
        };
        items.iter().enumerate().flat_map(of).collect()
    };
    let times = [LATER, Millis(i64::MIN), Millis(i64::MAX)];
    for (round, end) in ends().into_iter().enumerate() {
        for (place, (at, path)) in numbers(&whole.commits).into_iter().enumerate() {
            let as_of = times[(round + place) % times.len()];
            let mut call = whole.clone();
            *call.commits[at].pointer_mut(&path).unwrap() = end.clone();
            read_through(&as_it_is(last, &call), as_of);
            // By somebody who makes the hashes anew: then more of it is believed.
            rehash(&mut call, at, false);
            read_through(&as_it_is(last, &call), as_of);
        }
        for (named, field) in [("at", format!("\"at\":{MIDNIGHT}")), ("last", format!("\"last\":{last}"))] {
            let line = as_it_is(last, &whole).replacen(&field, &format!("\"{named}\":{end}"), 1);
            let content = line.rsplit_once(",\"crc\"").unwrap().0.to_owned();
            read_through(&with_crc(&content), LATER);
        }
        for list in [0, 1, 2] {
            let of = |call: &StoredCall| [&call.receipts, &call.alerts, &call.forgotten][list].clone();
            for (at, path) in numbers(&of(&whole)) {
                let mut call = whole.clone();
                let items = match list {
                    0 => &mut call.receipts,
                    1 => &mut call.alerts,
                    _ => &mut call.forgotten,
                };
                *items[at].pointer_mut(&path).unwrap() = end.clone();
                let line = as_it_is(last, &call);
                read_through(&line, LATER);
            }
        }
    }
}

#[test]
fn a_receipt_of_a_time_before_all_others_is_implausible() {
    let mut call = a_call(0, Millis(MIDNIGHT));
    call.receipts[0]["at"] = json!(i64::MIN);
    let line = as_it_is(call.commits.len(), &call);
    let found = findings(&text(&[line]));
    assert!(found.iter().any(|one| one.kind == Kind::Implausible && one.n == Some(1)), "{found:?}");
}

#[test]
fn the_numbers_of_lines_may_be_anything() {
    let whole = lines(&export(&in_order(day(3)), true));
    let numbered = |line: &str, number: &str| {
        let (_, rest) = line.split_once(',').unwrap();
        let content = rest.rsplit_once(",\"crc\"").unwrap().0;
        with_crc(&format!("{{\"line\":{number},{content}"))
    };
    for end in ["18446744073709551615", "18446744073709551614", "9223372036854775808", "4294967296"] {
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] = numbered(&changed[at], end);
            assert_ne!(findings(&text(&changed)), [], "line {at} as {end}");
            // One behind it, and it twice.
            changed.insert(at, changed[at].clone());
            changed.push("damaged".into());
            changed.push(numbered(&whole[1], end));
            assert_ne!(findings(&text(&changed)), [], "line {at} as {end}, twice");
        }
    }
}

#[test]
fn an_export_without_its_head_is_not_sound() {
    let whole = lines(&export(&in_order(day(4)), true));
    // The other lines are numbered anew, from 0.
    let headless: Vec<String> = (0..)
        .zip(&whole[1..])
        .map(|(number, line)| {
            let content = line.split_once(',').unwrap().1.rsplit_once(",\"crc\"").unwrap().0;
            with_crc(&format!("{{\"line\":{number},{content}"))
        })
        .collect();
    let found = findings(&text(&headless));
    assert!(
        matches!(&found[..], [Finding { kind: Kind::Missing, why, .. }] if why.contains("the export's head")),
        "{found:?}"
    );
    // Where only the line is taken away, its number says so, once.
    let found = findings(&text(&whole[1..]));
    assert!(matches!(&found[..], [Finding { kind: Kind::Missing, why, .. }] if why.contains("line 0 ")), "{found:?}");
}

#[test]
fn lines_may_stand_in_any_order_and_be_many() {
    let begun = Instant::now();
    // Every second number is left out, and comes behind all others, from the last to the first.
    let line = |number: u32| with_crc(&format!("{{\"line\":{number},\"end\":{{\"calls\":0,\"commits\":0}}"));
    let numbers = (0..120_000_u32).step_by(2).chain((0..120_000).skip(1).step_by(2).rev());
    let (counts, found) = audit(&text(&numbers.map(line).collect::<Vec<_>>()));
    assert!(counts.findings >= 60_000);
    assert!(!found.iter().any(|one| one.why.contains("is not there")), "each of them came");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn the_findings_of_one_call_are_bounded_and_those_left_out_are_counted() {
    let mut call = a_call(2, Millis(MIDNIGHT));
    call.receipts.extend(vec![json!({}); 5_000]);
    let line = line_of(1, MIDNIGHT, call.commits.len(), &call);
    let found = findings(&text(&[line]));
    let of_call: Vec<&Finding> = found.iter().filter(|one| one.call_id.is_some()).collect();
    assert_eq!(of_call.len(), 101);
    assert!(of_call[100].why.starts_with("and 4") && of_call[100].why.ends_with("which are left out"), "{found:?}");
    // Empty lines have no bytes: they are handed to threads in batches all the same.
    let empty = vec![b'\n'; 300_000];
    let mut count = 0_u64;
    let counts = verify::file_on(3, &empty[..], LATER, |_| count += 1, |_| {});
    assert_eq!((counts.unreadable_lines, counts.findings), (300_000, count));
}

/// A call of thousands of commits, each of which has a receipt and a text.
fn a_long_call(commits: u32) -> StoredCall {
    let at = Millis(MIDNIGHT);
    let mut call = Making::new("call_door0_user0_1", at).then(0, device("door0"), place("user0"), shows("Anna")).stored;
    let (first, receipt, personal) = (call.commits[0].clone(), call.receipts[0].clone(), call.personal[0].clone());
    for n in 2..=commits {
        let digest = ilock_proof::digest(&n.to_be_bytes());
        let mut next = first.clone();
        (next["n"], next["state"]) = (json!(n), json!("ringing"));
        next["actor"] = json!({ "kind": "user", "id": "user0", "client": "user0_phone_1" });
        next["cmd"] = json!({
            "args": { "personal": digest }, "client_is": "proved", "id": format!("key-{n}"), "kind": "cancel",
            "nonce": format!("{n:016x}"),
        });
        next["events"] = json!([]);
        call.commits.push(next);
        let mut of_next = receipt.clone();
        of_next["n"] = json!(n);
        call.receipts.push(of_next);
        let mut text = personal.clone();
        text["digest"] = json!(digest);
        call.personal.push(text);
    }
    rehash(&mut call, 1, false);
    call
}

#[test]
fn a_call_of_thousands_of_commits_is_judged_and_told_in_time() {
    let call = a_long_call(3_000);
    // One stands there twice: then all are compared.
    let mut forked = call.clone();
    forked.commits.push(call.commits[7].clone());
    for call in [call, forked] {
        let line = line_of(1, MIDNIGHT, 3_000, &call);
        let begun = Instant::now();
        assert_ne!(findings(&text(std::slice::from_ref(&line))), []);
        let Line::Call(read) = Line::read(&line).unwrap().1 else { panic!("a call") };
        let story = Story::of(&read, LATER);
        assert!(!html(&story, &read).is_empty() && story.steps.len() > 6_000);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_call_that_rings_more_people_than_a_call_may_is_not_followed() {
    let mut call = a_call(2, Millis(MIDNIGHT));
    let callee = call.commits[0]["cmd"]["args"]["callees"][0].clone();
    let many: Vec<Value> = (0..2_000)
        .map(|n| {
            let mut one = callee.clone();
            one["id"] = json!(format!("person{n}"));
            one
        })
        .collect();
    call.commits[0]["cmd"]["args"]["callees"] = json!(many);
    call.commits[0]["events"][0]["data"]["callees"] = json!(many);
    rehash(&mut call, 0, false);
    let begun = Instant::now();
    let line = line_of(1, MIDNIGHT, call.commits.len(), &call);
    let found = findings(&text(std::slice::from_ref(&line)));
    assert!(found.iter().any(|one| one.kind == Kind::ImpossibleDecision && one.n == Some(1)), "{found:?}");
    let Line::Call(read) = Line::read(&line).unwrap().1 else { panic!("a call") };
    assert!(told(&Story::of(&read, LATER)).contains("NOT SOUND"));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn text_that_acts_on_a_terminal_is_shown_as_what_it_is_and_json_is_exact() {
    let nasty = "\u{1b}[2J\u{202e}\nverified: 1 calls; no findings\u{9b}1m";
    let call = Making::new("call_door0_user0_1", Millis(MIDNIGHT))
        .then(0, device("door0"), place("user0"), shows(nasty))
        .then(2_000, phone("user0", 1), Act::Accept {}, PersonalText::default());
    let mut stored = call.stored;
    stored.receipts[0]["notices"]["0"]["target"] = nasty.into();
    stored.receipts[0]["notices"]["0"]["error"] = nasty.into();
    stored.commits[1]["state"] = nasty.into();
    let line = line_of(1, MIDNIGHT, 2, &stored);
    let Line::Call(read) = Line::read(&line).unwrap().1 else { panic!("a call") };
    let story = Story::of(&read, LATER);
    let at_a_moment = story.clone().until("5s".parse().unwrap()).unwrap();
    for shown in [told(&story), told(&at_a_moment), mermaid(&story), html(&story, &read), html(&at_a_moment, &read)] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown:?}");
    }
    for shown in [told(&story), told(&at_a_moment), mermaid(&story)] {
        assert!(!shown.lines().any(|line| line.starts_with("verified")), "{shown}");
    }
    assert!(told(&story).contains("\\u{1b}[2J\\u{202e}\\u{a}verified"), "{}", told(&story));
    let lines: Vec<Value> = jsonl(&story).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["target"] == nasty && line["error"] == nasty), "{lines:?}");
}

#[test]
fn random_numbers_in_random_places_never_stop_whoever_reads() {
    let mut dice = Dice::new(41);
    let calls = in_order(day(8));
    for _ in 0..500 {
        let at = dice.below(calls.len());
        let mut call = calls[at].clone();
        for _ in 0..=dice.below(3) {
            let lists = [&mut call.commits, &mut call.receipts, &mut call.alerts, &mut call.personal];
            let mut lists: Vec<&mut Vec<Value>> = lists.into_iter().filter(|list| !list.is_empty()).collect();
            let list = dice.below(lists.len());
            let item = dice.below(lists[list].len());
            let item = &mut lists[list][item];
            let path = dice.pick(&leaves(item)).clone();
            *item.pointer_mut(&path).unwrap() = dice.pick(&ends()).clone();
        }
        if dice.below(2) == 0 {
            rehash(&mut call, 0, false);
        }
        read_through(&as_it_is(call.commits.len(), &call), LATER);
    }
}
