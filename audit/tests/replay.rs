//! A replay tells the whole story, the same at every time, and lets nothing out that is not text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use common::{Making, a_call, device, forget, phone, place, shows};
use ilock_audit::export::call_line;
use ilock_audit::replay::{Moment, Story, html, jsonl, mermaid, text};
use ilock_audit::{CallLine, Line};
use ilock_events::{Act, Busy, CallState, Millis, PersonalText};
use ilock_proof::StoredCall;
use serde_json::Value;

const AT: Millis = Millis(1_795_305_600_000);

fn told<T>(call: &StoredCall, with_personal: bool, tell: impl FnOnce(Story, &CallLine<'_>) -> T) -> T {
    let line = String::from_utf8(call_line(1, call, with_personal).unwrap()).unwrap();
    let (_, Line::Call(line)) = Line::read(line.trim_end()).unwrap() else { panic!("a call") };
    tell(Story::of(&line, common::LATER), &line)
}

fn every_form(call: &StoredCall, with_personal: bool) -> [String; 4] {
    told(call, with_personal, |story, line| [text(&story), jsonl(&story).unwrap(), mermaid(&story), html(&story, line)])
}

#[test]
fn it_tells_who_did_what_when_and_who_was_told() {
    let story = told(&a_call(0, AT), true, |story, _| text(&story));
    let expected = [
        "call call_door0_user0_1795305600000, tenant default",
        "placed 2026-11-22T00:00:00.000Z",
        "    0.000 s      +0 ms    1 door0 rings user0 for 30 s, room 664321 “前门设备 \"A\", 小区大门” → ringing",
        "users/user0/calls/incoming told “incoming” by mqtt (at once, id-0), 12 ms after commit 1",
        "devices/door0/calls/control told “ringing” by mqtt",
        "    0.310 s",
        "  2 user0_phone_1 (claimed) says that it is ringing, and may look and listen → ringing",
        "devices/door0/calls/control told “alerted” by mqtt",
        "    4.310 s",
        "  3 user0_phone_2 (proved) accepts → active",
        "users/user0/devices/sync told “accepted” by mqtt",
        "  4 user0_phone_2 (claimed) hangs up “通话已结束” → ended",
    ];
    let mut rest = story.as_str();
    for line in expected {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is not in\n{story}"));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn how_it_is_known_which_phone_acted_stands_in_every_form_that_tells_it() {
    let [story, lines, _, page] = every_form(&a_call(0, AT), true);
    assert!(story.contains("user0_phone_2 (proved) accepts") && page.contains("user0_phone_2 (proved) accepts"));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known: Vec<&Value> = lines.iter().map(|line| &line["cmd"]["client_is"]).filter(|is| is.is_string()).collect();
    assert_eq!(known, ["claimed", "proved", "claimed"]);
    assert!(page.contains("phone that rang later 1"), "{page}");
}

#[test]
fn told_twice_it_is_the_same_to_the_byte() {
    for number in 0..8 {
        let call = a_call(number, AT);
        assert_eq!(every_form(&call, true), every_form(&call, true));
    }
}

#[test]
fn what_was_forgotten_says_so_and_what_was_not_exported_too() {
    let mut call = a_call(0, AT);
    let [not_asked, ..] = every_form(&call, false);
    assert_eq!(not_asked.matches("[not in the export]").count(), 2);
    let mut without_a_word = call.clone();
    without_a_word.personal.clear();
    // No mark says why: that is no forgetting.
    assert_eq!(every_form(&without_a_word, true)[0].matches("[missing]").count(), 2);
    forget(&mut call, "user0");
    // What was forgotten is not said to be left out of the export.
    for with_personal in [true, false] {
        let [story, lines, diagram, page] = every_form(&call, with_personal);
        assert_eq!(story.matches("[forgotten]").count(), 2);
        for said in ["commit 1 was forgotten for user0 on 2026-12-21T23:59:59.999Z", "commit 4 was forgotten for user0"]
        {
            assert!(story.contains(said) && page.contains(said), "{said}: {story}");
        }
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["step"], &last["n"], &last["person"]["id"]),
            (&"forgotten".into(), &4.into(), &"user0".into())
        );
        for form in [story, lines, diagram, page] {
            assert!(!form.contains("前门设备") && !form.contains("通话已结束"));
        }
    }
    // How it stood then, nothing had been forgotten.
    let [at_the_time] = told(&call, true, |story, _| [text(&story.until(Moment::Commit(2)).unwrap())]);
    assert!(at_the_time.contains("[forgotten]") && !at_the_time.contains("was forgotten for"), "{at_the_time}");
}

#[test]
fn at_a_moment_it_says_how_the_call_stood() {
    let at = |moment: &str| {
        let moment: Moment = moment.parse().unwrap();
        told(&a_call(0, AT), true, |story, _| story.until(moment))
    };
    let placed = at("0s").unwrap().standing.unwrap();
    assert_eq!((placed.state, placed.n, placed.deadline_in), (Some(CallState::Ringing), 1, Some(30_000)));
    assert_eq!(placed.told, Vec::<String>::new(), "nobody had been told yet");
    let ringing = at("1s").unwrap().standing.unwrap();
    assert_eq!((ringing.state, ringing.n), (Some(CallState::Ringing), 2));
    assert_eq!(ringing.ringing, ["user0_phone_1", "user0_phone_2"]);
    assert!(ringing.told.contains(&"incoming to users/user0/calls/incoming".to_owned()), "{ringing:?}");
    let after_two = at("2").unwrap().standing.unwrap();
    assert_eq!((after_two.state, after_two.n), (Some(CallState::Ringing), 2));
    let answered = at("12s").unwrap();
    assert!(answered.steps.iter().all(|step| step.since_placed <= 12_000));
    let answered = answered.standing.unwrap();
    assert_eq!((answered.state, answered.answered_by.as_deref()), (Some(CallState::Active), Some("user0_phone_2")));
}

#[test]
fn there_is_no_moment_of_a_commit_that_there_is_not() {
    let none = told(&a_call(0, AT), true, |story, _| story.until(Moment::Commit(6)).is_none());
    assert!(none);
}

#[test]
fn lines_for_scripts_are_json_in_order() {
    let [_, lines, ..] = every_form(&a_call(0, AT), true);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["step"], &lines[0]["sound"]), (&"verdict".into(), &true.into()));
    let lines = &lines[1..];
    assert_eq!(lines[0]["step"], "commit");
    assert_eq!(lines[0]["cmd"]["kind"], "place");
    assert_eq!(lines[1]["step"], "told");
    assert_eq!(lines[1]["target"], "users/user0/calls/incoming");
    let since: Vec<i64> = lines.iter().map(|line| line["since_placed"].as_i64().unwrap()).collect();
    assert!(since.is_sorted(), "{since:?}");
}

#[test]
fn a_page_asks_the_network_for_nothing_and_runs_nothing_that_somebody_wrote() {
    let nasty = "<script>alert(1)</script>\"'&</pre><img src=x onerror=alert(1)>";
    let call = Making::new("call_a_b_1", AT).then(0, device("door0"), place("user0"), shows(nasty)).then(
        2_000,
        phone("user0", 1),
        Act::Accept {},
        PersonalText::default(),
    );
    let mut stored = call.stored;
    stored.receipts[0]["notices"]["0"]["target"] = nasty.into();
    stored.receipts[1]["path"] = nasty.into();
    let [told, _, diagram, page] = every_form(&stored, true);
    assert!(told.contains("receipt 2: unknown variant"), "what cannot be read is named: {told}");
    for bad in ["<script", "<img", "http:", "https:", "@import", "javascript:", "href"] {
        assert!(!page.contains(bad), "{bad} in the page");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("<svg") && page.contains("<table>") && page.contains("As stored"));
    assert!(!diagram.contains('<') && diagram.contains("script#62;#34;"), "{diagram}");
    assert_eq!(diagram.lines().filter(|line| line.contains("participant")).count(), 5);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_told() {
    let mut call = a_call(0, AT);
    call.commits[2] = serde_json::json!({"n": 3});
    let story = told(&call, true, |story, _| text(&story));
    assert!(story.contains("cannot be read: commit 3"), "{story}");
    assert!(story.contains("user0_phone_2 (claimed) hangs up"), "{story}");
}

#[test]
fn a_chain_that_is_broken_shows_in_every_form() {
    let whole = a_call(0, AT);
    assert!(every_form(&whole, true).iter().all(|form| !form.contains("not sound") && !form.contains("\"broken\"")));
    let mut lost = whole.clone();
    lost.commits.remove(2);
    let mut forked = whole.clone();
    forked.commits[2]["prev"] = forked.commits[0]["prev"].clone();
    for (call, n) in [(lost, 4), (forked, 3)] {
        let [story, lines, diagram, page] = every_form(&call, true);
        let said = format!("not sound: from commit {n} on it does not add up");
        assert!(story.contains(&said) && page.contains(&said), "{story}");
        assert!(diagram.contains("not sound, from commit"), "{diagram}");
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        assert_eq!(last["step"], "broken");
        // What was done and told is told all the same; how it stood then, nobody knows.
        assert!(story.contains("user0_phone_2 (claimed) hangs up"), "{story}");
        let standing = told(&call, true, |story, _| story.until(Moment::Commit(n)).unwrap().standing.unwrap());
        assert!(standing.broken.is_some() && standing.state.is_none(), "{standing:?}");
    }
}

#[test]
fn who_raced_and_by_which_path_each_was_told_is_told_in_order() {
    // Two phones ring, one of them wins; the second notice of each commit came by the projector.
    let call = Making::new("call_door0_user0_4", Millis(AT.0 + 4))
        .then(0, device("door0"), place("user0"), shows("前门"))
        .then(300, phone("user0", 1), Act::Alert {}, PersonalText::default())
        .then(2_000, phone("user0", 2), Act::Accept {}, PersonalText::default());
    let [story, lines, diagram, _] = every_form(&call.stored, true);
    assert!(story.contains("(at once") && story.contains("(projector"), "{story}");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at: Vec<i64> = lines.iter().skip(1).map(|line| line["at"].as_i64().unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}");
    let paths = |path: &str| lines.iter().filter(|line| line["path"] == path).count();
    assert!(paths("fast") > 0 && paths("projector") > 0);
    let accepts = diagram.lines().find(|line| line.contains("accepts")).unwrap();
    let winner = diagram.lines().find(|line| line.ends_with("as user0_phone_2")).unwrap();
    let lane = winner.split_whitespace().nth(1).unwrap();
    assert!(accepts.trim().starts_with(&format!("{lane}->>p1")), "{accepts} by {winner}");
}

#[test]
fn every_format_begins_with_what_the_call_came_to_and_whether_it_can_be_believed() {
    let whole = a_call(0, AT);
    let hash = whole.commits[3]["hash"].as_str().unwrap();
    let [story, lines, diagram, page] = every_form(&whole, true);
    let said = "sound: all of 4 commits are proven, no findings";
    for (form, said) in [(&story, said), (&diagram, &said.replace(':', "#58;")), (&page, said)] {
        assert!(form.contains(said), "{form}");
    }
    for form in [&story, &page] {
        for fact in [
            "ended (hangup), by user0_phone_2",
            "answered after 4.310 s, then 21.000 s",
            "door station door0 called user0; answered on user0_phone_2",
            hash,
            "ilock prove call_door0_user0_1795305600000",
        ] {
            assert!(form.contains(fact), "{fact}: {form}");
        }
    }
    // On the page the verdict stands first.
    assert!(page.find(said).unwrap() < page.find("<h1>").unwrap());
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["step"], &first["sound"], &first["counts"]["proven"]),
        (&"verdict".into(), &true.into(), &4.into())
    );

    // Text without a mark: nothing else of the story betrays it.
    let mut unsound = whole;
    unsound.personal.remove(0);
    let [story, lines, diagram, page] = every_form(&unsound, true);
    for form in [&story, &page, &diagram] {
        assert!(
            form.contains("NOT SOUND") && form.contains("missing") && form.contains("its personal text is gone"),
            "{form}"
        );
    }
    assert!(story.contains("[missing]") && page.contains("class=\"verdict bad\""), "{page}");
    assert!(page.find("NOT SOUND").unwrap() < page.find("<h1>").unwrap());
    let notes = diagram.lines().position(|line| line.contains("Note over p0,p")).unwrap();
    assert!(notes < diagram.lines().position(|line| line.contains("->>")).unwrap(), "{diagram}");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["sound"], &first["findings"][0]["kind"]), (&false.into(), &"missing".into()));
    assert_eq!(first["findings"][0]["n"], 1);
}

#[test]
fn a_call_that_a_busy_person_refuses_was_rejected_by_nobody() {
    let mut act = place("user0");
    let Act::Place { callees, .. } = &mut act else { unreachable!() };
    callees[0].busy = Some(Busy::Refused);
    let call = Making::new("call_door0_user0_5", AT).then(0, device("door0"), act, shows("前门"));
    let [story, .., page] = every_form(&call.stored, true);
    for form in [story, page] {
        assert!(form.contains("rejected (busy) at once") && form.contains("sound: all of 1 commits"), "{form}");
    }
    let [standing] = told(&call.stored, true, |story, _| [text(&story.until(Moment::Commit(1)).unwrap())]);
    assert!(standing.contains("rejected, by nobody"), "{standing}");
}

#[test]
fn a_page_is_as_wide_as_what_it_is_shown_on() {
    let [.., page] = every_form(&a_call(0, AT), true);
    assert!(page.contains("svg{display:block;width:100%") && page.contains("@page{size:A4"), "{page}");
    assert!(page.contains("viewBox=\"0 0 1000 ") && !page.contains("width=\"1"), "no width of its own: {page}");
}
