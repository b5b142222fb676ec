//! Histories, clients, and what each party may see of a call.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_auth::Role;
use ilock_directory::HistoryRow;
use ilock_events::Millis;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::parties::{Party, call_id, user_at};
use reqwest::Method;
use serde_json::{Value, json};

/// The projector writes histories a moment later.
async fn history(party: &Party, calls: usize) -> Vec<Value> {
    for _ in 0..200 {
        let page = party.gets("/api/calls?limit=100").await.ok();
        let found = page["calls"].as_array().unwrap().clone();
        if found.len() >= calls {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the history of {} does not reach {calls} calls", party.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_history_says_until_when_it_is_kept() {
    let settings = Box::new(|name: &str| (name == "PERSONAL_DAYS").then(|| "30".to_owned()));
    let world = World::with(Options { settings, ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    door.rings("user456", 30).await;
    let (callees, callers) = (history(&user, 1).await, history(&door, 1).await);
    let thirty_days = 30 * 24 * 60 * 60;
    let due = callees[0]["timestamp"].as_i64().unwrap() / 1000 + thirty_days;
    let scan = world.stack.dynamodb.scan().table_name("directory").filter_expression("begins_with(pk, :rows)");
    let rows = scan.expression_attribute_values(":rows", AttributeValue::S("inbox#".into())).send().await.unwrap();
    let ends: Vec<&str> = rows.items().iter().map(|row| row["ttl"].as_n().unwrap().as_str()).collect();
    assert_eq!(ends, [due.to_string(), due.to_string()], "of both parties: {callers:?}");

    // Whoever compares log and histories does not miss what has expired.
    let directory = world.stack.directory.clone().keeping_histories(30);
    let row = directory.every_row().next().await.unwrap().unwrap();
    for (seconds, gone) in [(due - 1, false), (due + 1, true)] {
        assert_eq!(directory.has_expired(&row, Millis(seconds * 1000)), gone, "{seconds}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_reads_names_as_phones_show_them() {
    let world = World::new().await;
    let (door, gate, user) = (world.door("device123"), world.door("gate"), world.user("user456"));
    user.registers("a").await;
    let names = json!({ "name": "Police \u{202E}011", "location": "\u{2067}hall", "floor": 3 });
    let ask = json!({ "callee_id": "user456", "ring_seconds": 30, "caller_info": names });
    let call = call_id(&door.posts("/api/calls", ask).await.ok());
    let shown = json!({ "name": "Police 011", "location": "hall", "floor": 3 });
    assert_eq!(user.gets(&format!("/api/calls/{call}")).await.ok()["caller_info"], shown);
    assert_eq!(history(&user, 1).await[0]["caller_info"], shown);
    // A blank name is none: nobody shows an empty line instead of who calls.
    let ask = json!({ "callee_id": "user456", "ring_seconds": 30, "caller_info": { "name": "  \u{200F} " } });
    let blank = call_id(&gate.posts("/api/calls", ask).await.ok());
    assert_eq!(user.gets(&format!("/api/calls/{blank}")).await.ok()["caller_info"], json!({}));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_find_their_calls_newest_first_page_by_page() {
    let world = World::new().await;
    let user = world.user("user456");
    let doors: Vec<_> = (0..5).map(|n| world.door(&format!("device{n}"))).collect();
    let mut placed = vec![];
    for door in &doors {
        placed.push(call_id(&door.rings("user456", 30).await));
    }
    user.callee_action(&placed[0], "rejected", None).await.ok();
    user.callee_action(&placed[1], "accepted", None).await.ok();
    placed.reverse();

    let calls = history(&user, 5).await;
    let ids: Vec<&str> = calls.iter().map(|call| call["call_id"].as_str().unwrap()).collect();
    assert_eq!(ids, placed);
    assert_eq!(calls[4]["state"], "rejected");
    assert_eq!(calls[4]["direction"], "incoming");
    assert_eq!(calls[4]["peer_id"], "device0");
    assert_eq!(calls[3]["state"], "active", "of a live call the log knows best");
    assert_eq!(calls[0]["state"], "ringing");
    let own = history(&doors[4], 1).await;
    assert_eq!(own[0]["direction"], "outgoing");
    assert_eq!(own[0]["peer_id"], "user456");

    let mut paged = vec![];
    let mut path = "/api/calls?limit=2".to_owned();
    loop {
        let page = user.gets(&path).await.ok();
        paged.extend(page["calls"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/calls?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, placed);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_stranger_a_call_does_not_exist() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.gets(&format!("/api/calls/{call}")).await.ok();
    // The same name as the caller's, but a person; and the callee's name in another tenant.
    let strangers = [
        world.user("user789"),
        world.door("device999"),
        world.user("device123"),
        world.party_of("elsewhere", "user456", Role::User),
    ];
    for stranger in strangers {
        let of_this = stranger.gets(&format!("/api/calls/{call}")).await;
        let of_none = stranger.gets("/api/calls/call_device123_user456_1").await;
        assert_eq!((of_this.status.as_u16(), of_this.code, &of_this.data), (404, of_none.code, &of_none.data));
        assert_eq!(of_this.message, of_none.message);
        stranger.callee_action(&call, "accepted", None).await.refused(404);
        stranger.caller_action(&call, "cancelled").await.refused(404);
    }
    // Parties of the call, but in the other role.
    door.callee_action(&call, "accepted", None).await.refused(403);
    user.caller_action(&call, "cancelled").await.refused(403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_report_never_overwrites_a_newer_one() {
    let world = World::new().await;
    let user = world.user("user456");
    user.registers("android_1").await;
    let report = |status: &str, priority: u8, last_active: i64| {
        let body = json!({ "client_id": "user456_android_1", "status": status, "priority": priority, "last_active": last_active });
        let user = user.clone();
        async move { user.asks(Method::PUT, "/api/mqtt/clients/status", Some(body)).await }
    };
    assert_eq!(report("active", 10, 1_679_886_400_000).await.ok(), Value::Null);
    report("offline", 0, 1_679_886_300_000).await.ok();
    let party = ilock_tests::parties::user_at("user456");
    let client = world.stack.directory.clients(&party).await.unwrap().remove(0);
    assert_eq!((client.status, client.priority), (Some(ilock_events::ClientStatus::Active), Some(10)));
    user.registers("android_1").await;
    let again = world.stack.directory.clients(&party).await.unwrap().remove(0);
    assert_eq!((again.status, again.priority), (client.status, client.priority), "registering again keeps the report");
    assert_eq!(report("active", 11, 1_679_886_400_000).await.refused(400)["field"], "priority");
    assert_eq!(report("asleep", 1, 1_679_886_400_000).await.refused(400)["field"], "status");
    for seconds in [0, 1, 1_679_886_400] {
        let told = report("active", 1, seconds).await.refused(400);
        assert!(told["rule"].as_str().unwrap().contains("milliseconds"), "{told}");
    }
    let body = json!({ "client_id": "user456_ios_9", "status": "active", "priority": 1, "last_active": 1_679_886_400_000_i64 });
    user.asks(Method::PUT, "/api/mqtt/clients/status", Some(body)).await.refused(404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_logs_out_is_let_go_and_not_let_in_again() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let mut tablet = world.phone(&user, "ios_2").await;
    let credentials = phone.credentials.clone();
    user.asks(Method::DELETE, "/api/mqtt/clients/user456_android_1", None).await.ok();
    door.rings("user456", 30).await;
    tablet.hears("incoming").await;
    phone.hears_nothing(Duration::from_secs(1)).await;
    drop(phone);
    assert!(ilock_tests::Phone::with(credentials, ilock_tests::Version::V5).await.is_err());
    user.asks(Method::DELETE, "/api/mqtt/clients/user456_android_1", None).await.refused(404);
    world.user("user789").asks(Method::DELETE, "/api/mqtt/clients/user456_ios_2", None).await.refused(404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_id_that_looks_like_two_owners_is_one_client_of_each() {
    let world = World::new().await;
    let (anna, anna_b) = (world.user("anna"), world.user("anna_b"));
    let mut phone = world.phone(&anna_b, "ios_1").await;
    let body = json!({ "client_id": "anna_b_ios_1" });
    let mut names = std::collections::BTreeSet::from([phone.credentials.client_id.clone()]);
    let same_name_elsewhere = world.party_of("elsewhere", "anna_b", Role::User);
    for other in [&anna, &same_name_elsewhere, &world.door("anna_b")] {
        let made = other.posts("/api/mqtt/clients/register", body.clone()).await.ok();
        assert!(names.insert(made["mqtt_credentials"]["client_id"].as_str().unwrap().to_owned()), "{made}");
    }
    let status = json!({ "client_id": "anna_b_ios_1", "status": "offline", "priority": 0, "last_active": 1_679_886_400_000_i64 });
    for other in [anna, same_name_elsewhere, world.door("anna_b")] {
        other.asks(Method::PUT, "/api/mqtt/clients/status", Some(status.clone())).await.ok();
        other.asks(Method::DELETE, "/api/mqtt/clients/anna_b_ios_1", None).await.ok();
        // None of them meant anna_b's phone, and nobody can name it.
        let path = format!("/api/mqtt/clients/{}", phone.credentials.client_id);
        other.asks(Method::DELETE, &path, None).await.refused(404);
    }
    world.door("device123").rings("anna_b", 30).await;
    phone.hears("incoming").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_with_the_same_ids_live_side_by_side() {
    let world = World::new().await;
    let tenants = ["default", "theirs"];
    let doors = tenants.map(|tenant| world.party_of(tenant, "device123", Role::Device));
    let users = tenants.map(|tenant| world.party_of(tenant, "user456", Role::User));
    let mut phones = [world.phone(&users[0], "ios_1").await, world.phone(&users[1], "ios_1").await];
    assert_ne!(phones[0].credentials.client_id, phones[1].credentials.client_id);
    for (own, other) in [(0, 1), (1, 0)] {
        let call = call_id(&doors[own].rings("user456", 30).await);
        assert_eq!(phones[own].hears("incoming").await["call_id"], call.as_str());
        phones[other].hears_nothing(Duration::from_millis(500)).await;
        users[other].callee_action(&call, "accepted", Some("ios_1")).await.refused(404);
        users[own].callee_action(&call, "accepted", Some("ios_1")).await.ok();
        phones[own].hears("accepted").await;
        doors[own].caller_action(&call, "hangup").await.ok();
        phones[own].hears("hangup").await;
        let calls = history(&users[own], 1).await;
        assert_eq!((&calls[0]["call_id"], &calls[0]["peer_id"]), (&json!(call), &json!("device123")));
    }
    world.end().await;
}

async fn seen(party: &Party, until: &Value) -> Value {
    party.asks(Method::PUT, "/api/calls/seen", Some(json!({ "until": until }))).await.ok()
}

fn ids(page: &Value) -> Vec<&str> {
    page["calls"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_says_who_called_who_answered_how_long_and_what_was_missed() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    let answered = call_id(&door.rings("anna", 30).await);
    anna.callee_action(&answered, "accepted", Some("phone")).await.ok();
    tokio::time::sleep(Duration::from_millis(60)).await;
    door.caller_action(&answered, "hangup").await.ok();
    let rejected = call_id(&door.rings("anna", 30).await);
    anna.callee_action(&rejected, "rejected", None).await.ok();
    let given_up = call_id(&door.rings("anna", 30).await);
    door.caller_action(&given_up, "cancelled").await.ok();

    history(&anna, 3).await;
    let page = anna.gets("/api/calls").await.ok();
    assert_eq!(ids(&page), [given_up.as_str(), &rejected, &answered]);
    let [cancelled, refused, talked] = page["calls"].as_array().unwrap().as_slice() else { panic!("{page}") };
    for call in [cancelled, refused, talked] {
        assert_eq!(call["caller_info"], json!({ "name": "前门设备", "location": "小区大门" }));
        assert_eq!((&call["peer_id"], &call["direction"]), (&json!("device123"), &json!("incoming")));
    }
    assert_eq!((&talked["answered_by"], &talked["reason"]), (&json!("anna_phone"), &json!("hangup")));
    let lasted = talked["ended_at"].as_i64().unwrap() - talked["answered_at"].as_i64().unwrap();
    assert!(lasted >= 50 && talked["duration_ms"] == lasted, "{talked}");
    assert!(refused.get("duration_ms").is_none());
    let missed = |call: &Value| (call["missed"] == true, call["unseen"] == true);
    assert_eq!([missed(talked), missed(refused), missed(cancelled)], [(false, false), (false, false), (true, true)]);
    assert_eq!(page["unseen"], 1);

    // To the door its own call is not missed.
    history(&door, 3).await;
    let own = door.gets("/api/calls").await.ok();
    assert!(own["calls"].as_array().unwrap().iter().all(|call| missed(call) == (false, false)));
    assert_eq!((&own["unseen"], &own["calls"][0]["peer_id"]), (&json!(0), &json!("anna")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_one_phone_declined_and_another_let_ring_was_missed_and_one_that_all_declined_was_not() {
    let world = World::new().await;
    let (door, anna, bert) = (world.door("device123"), world.user("anna"), world.user("bert"));
    for name in ["phone", "tablet"] {
        anna.registers(name).await;
    }
    bert.registers("phone").await;
    let household = json!({ "callee_ids": ["anna", "bert"], "ring_seconds": 30 });
    for (declining, missed) in [(&["tablet"][..], true), (&["tablet", "phone"][..], false)] {
        let call = call_id(&door.posts("/api/calls", household.clone()).await.ok());
        for name in declining {
            anna.callee_action(&call, "declined", Some(&format!("anna_{name}"))).await.ok();
        }
        door.caller_action(&call, "cancelled").await.ok();
        let newest = async || anna.gets("/api/calls").await.ok()["calls"][0].clone();
        let until = Instant::now() + Duration::from_secs(10);
        while newest().await["call_id"] != call.as_str() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let row = newest().await;
        assert_eq!((&row["call_id"], &row["missed"]), (&json!(call), &json!(missed)), "{declining:?}: {row}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_on_one_phone_is_seen_on_all_and_a_call_that_rang_meanwhile_is_not() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let early = call_id(&door.rings("anna", 30).await);
    door.caller_action(&early, "cancelled").await.ok();
    let rings = call_id(&door.rings("anna", 30).await);
    history(&anna, 2).await;
    let page = anna.gets("/api/calls").await.ok();
    assert_eq!(page["unseen"], 1);

    assert_eq!(seen(&anna, &page["read_at"]).await["until"], page["read_at"]);
    let later = anna.gets("/api/calls").await.ok();
    assert_eq!((&later["unseen"], &later["calls"][1]["missed"]), (&json!(0), &json!(true)));
    door.caller_action(&rings, "cancelled").await.ok();
    let later = anna.gets("/api/calls").await.ok();
    assert_eq!((&later["unseen"], &later["calls"][0]["unseen"]), (&json!(1), &json!(true)));

    // An earlier time changes nothing, also where a later one came just before it, and nobody has seen what is still to come.
    assert_eq!(seen(&anna, &json!(1_600_000_000_000_i64)).await["until"], page["read_at"]);
    assert_eq!(anna.gets("/api/calls").await.ok()["unseen"], 1);
    let raced = world.stack.directory.mark_seen(&user_at("anna"), Millis(1_600_000_000_000)).await.unwrap();
    assert_eq!(json!(raced), page["read_at"]);
    let until = seen(&anna, &json!(9_000_000_000_000_i64)).await["until"].as_i64().unwrap();
    let now = ilock_env::Clock::system().now().0;
    assert!((now - 5_000..=now).contains(&until));
    assert_eq!(anna.gets("/api/calls").await.ok()["unseen"], 0);
    for (wrong, rule) in [(json!(1_700_000_000), "milliseconds"), (json!("now"), "milliseconds")] {
        let refused = anna.asks(Method::PUT, "/api/calls/seen", Some(json!({ "until": wrong }))).await.refused(400);
        assert!(refused["field"] == "until" && refused["rule"].as_str().unwrap().contains(rule), "{refused}");
    }
    world.end().await;
}

/// The row of `call` in the history of the user `id`, once it says that the call is over.
async fn row_of(world: &World, id: &str, call: &str) -> HistoryRow {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let mut rows = world.stack.directory.every_row();
        while let Some(row) = rows.next().await.unwrap() {
            let over = row.entry.as_ref().is_some_and(|entry| entry.state.is_final());
            if over && row.pk.ends_with(&format!("#{id}")) && row.sk.ends_with(call) {
                return row;
            }
        }
        assert!(Instant::now() < until, "{call} is not over in the history of {id}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// As where the projector is behind: a call is over, and its row comes later than the reading of a page.
#[tokio::test(flavor = "multi_thread")]
async fn a_missed_call_whose_row_comes_late_is_unseen_whatever_was_read_before() {
    let world = World::new().await;
    let (door, anna, directory) = (world.door("device123"), world.user("anna"), &world.stack.directory);
    world.user("ben").registers("phone").await;
    let filters = ["", "?missed=true", "?unseen=true", "?direction=outgoing", "?state=ended", "?missed=false"];
    // The first time nothing else stands in the list, then a missed call that was seen, and one of her own that is later.
    for seen_before in [0, 1] {
        let late = call_id(&door.rings("anna", 30).await);
        door.caller_action(&late, "cancelled").await.ok();
        let row = row_of(&world, "anna", &late).await;
        assert!(directory.drop_row(&row).await.unwrap());
        let own = call_id(&anna.posts("/api/calls", json!({ "callee_id": "ben" })).await.ok());
        if seen_before == 1 {
            anna.caller_action(&own, "cancelled").await.ok();
            row_of(&world, "anna", &own).await;
        }
        for filter in filters {
            let page = anna.gets(&format!("/api/calls{filter}")).await.ok();
            assert!(!ids(&page).contains(&late.as_str()), "{page}");
            assert_eq!(seen(&anna, &page["read_at"]).await["until"], page["read_at"], "{filter}");
        }
        assert!(directory.put_row(&row, None).await.unwrap());
        // Neither does a page that leaves it out.
        for filter in ["?direction=outgoing", "?state=ended", "?missed=false"] {
            let page = anna.gets(&format!("/api/calls{filter}")).await.ok();
            assert_eq!(page["unseen"], 1, "{filter}");
            seen(&anna, &page["read_at"]).await;
        }
        let page = anna.gets("/api/calls").await.ok();
        let shown = page["calls"].as_array().unwrap().iter().find(|call| call["call_id"] == late.as_str()).unwrap();
        assert_eq!(
            (&page["unseen"], &shown["unseen"], &page["read_at"]),
            (&json!(1), &json!(true), &shown["ended_at"])
        );
        seen(&anna, &page["read_at"]).await;
        assert_eq!(anna.gets("/api/calls").await.ok()["unseen"], 0);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_filtered_over_all_pages_as_the_calls_stand_now() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    world.user("ben").registers("phone").await;
    let mut missed = vec![];
    for _ in 0..3 {
        let call = call_id(&door.rings("anna", 30).await);
        door.caller_action(&call, "cancelled").await.ok();
        missed.insert(0, call);
        let outgoing = anna.posts("/api/calls", json!({ "callee_id": "ben" })).await.ok();
        anna.caller_action(&call_id(&outgoing), "cancelled").await.ok();
    }
    let active = call_id(&door.rings("anna", 30).await);
    anna.callee_action(&active, "accepted", None).await.ok();
    history(&anna, 7).await;

    for filter in ["missed=true", "unseen=true", "state=cancelled&direction=incoming"] {
        let (mut found, mut cursor) = (vec![], String::new());
        loop {
            let page = anna.gets(&format!("/api/calls?limit=2&{filter}{cursor}")).await.ok();
            found.extend(ids(&page).into_iter().map(str::to_owned));
            assert_eq!(page.get("unseen").is_some(), cursor.is_empty(), "on the first page");
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, missed, "{filter}");
    }
    assert_eq!(ids(&anna.gets("/api/calls?state=active").await.ok()), [active.as_str()]);
    assert_eq!(ids(&anna.gets("/api/calls?direction=outgoing").await.ok()).len(), 3);
    assert_eq!(ids(&anna.gets("/api/calls?missed=false").await.ok()).len(), 4);
    for (query, field) in
        [("direction=both", "direction"), ("state=over", "state"), ("missed=1", "missed"), ("unseen=", "unseen")]
    {
        assert_eq!(anna.gets(&format!("/api/calls?{query}")).await.refused(400)["field"], field);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_forgotten_is_gone_from_every_history_at_once() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let call = call_id(&door.rings("anna", 30).await);
    door.caller_action(&call, "cancelled").await.ok();
    assert_eq!(history(&anna, 1).await[0]["caller_info"]["name"], "前门设备");
    history(&door, 1).await;
    let scan = world.stack.dynamodb.scan().table_name("directory").send().await.unwrap();
    assert!(!format!("{:?}", scan.items()).contains("前门设备"), "no row has a copy");

    let log = &world.stack.calls.log;
    let person =
        ilock_events::Party { kind: ilock_events::PartyKind::User, id: ilock_events::PartyId::new("anna").unwrap() };
    let call = ilock_events::CallId::new(call).unwrap();
    for kept in log.kept_texts(&call).await.unwrap() {
        log.forget(&kept, &person, ilock_env::Clock::system().now()).await.unwrap();
    }
    for party in [&door, &anna] {
        let row = party.gets("/api/calls").await.ok()["calls"][0].clone();
        assert_eq!((&row["caller_info"], &row["state"]), (&json!({}), &json!("cancelled")));
    }
    world.end().await;
}
