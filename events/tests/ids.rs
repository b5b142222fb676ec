//! Of a million parties that look alike, no two are found at one address, and no two enter a room under one name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeSet, HashSet};

use ilock_events::{
    Address, CallId, ClientName, Millis, PartyAddress, PartyId, PartyKind, Seat, Slot, TenantId, TopicPrefix, Topics,
    TrtcIdentity,
};
use proptest::prelude::*;

const KINDS: [PartyKind; 2] = [PartyKind::User, PartyKind::Device];

/// Tenants and ids that differ as little as they can: in case, in a space, in where one part ends and the next begins,
/// in how an accent is written, in looking like what is derived from others.
fn alike() -> Vec<(TenantId, PartyId)> {
    let tenants = ["default", "Default", "defaul", "default-", "a", "aa", "user", "device"];
    let tails =
        ["", "_", "-", "_n", "_dn", "_0", "_d0", " ", "/", "#", "+", "?", "|", ".", "@a.example", "é", "e\u{301}"];
    let mut ids = BTreeSet::new();
    for n in 0..1_850_u32 {
        let stems = [n.to_string(), format!("user{n}"), format!("USER{n}"), format!("0{n}")];
        ids.extend(stems.iter().flat_map(|stem| tails.iter().map(move |tail| format!("{stem}{tail}"))));
    }
    // What is derived from some of them, as an id; with what is put before and behind it.
    let (default, one) = (TenantId::new("default").unwrap(), PartyId::new("a_b").unwrap());
    for kind in KINDS {
        let derived = Address::of(&default, kind, &one).to_string();
        ids.extend([format!("d.{derived}"), format!("{derived}_0"), derived.to_uppercase(), derived]);
    }
    let tenant = |name: &&str| TenantId::new(*name).unwrap();
    let tenants: Vec<TenantId> = tenants.iter().map(tenant).collect();
    let ids = ids.into_iter().map(|id| PartyId::new(id).unwrap());
    ids.flat_map(|id| tenants.clone().into_iter().map(move |tenant| (tenant, id.clone()))).collect()
}

fn two_that_are_equal(all: Vec<String>) -> Option<String> {
    let mut seen = HashSet::with_capacity(all.len());
    all.into_iter().find_map(|name| seen.replace(name))
}

#[test]
fn no_two_of_a_million_parties_share_an_address_or_an_identity() {
    let alike = alike();
    assert!(alike.len() * KINDS.len() >= 1_000_000, "only {}", alike.len() * KINDS.len());
    let addresses = |kind| alike.iter().map(|(tenant, id)| Address::of(tenant, kind, id).to_string()).collect();
    for kind in KINDS {
        assert_eq!(two_that_are_equal(addresses(kind)), None, "an address of two {kind:?}s");
    }
    let identities =
        |kind| alike.iter().map(move |(tenant, id)| TrtcIdentity::of(tenant, kind, id).at(Seat::Party).to_string());
    assert_eq!(
        two_that_are_equal(KINDS.into_iter().flat_map(identities).collect()),
        None,
        "an identity of two parties"
    );
}

fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn kind() -> impl Strategy<Value = PartyKind> {
    prop_oneof![Just(PartyKind::User), Just(PartyKind::Device)]
}

fn tenant() -> impl Strategy<Value = TenantId> {
    prop_oneof![Just("default".to_owned()), "[A-Za-z0-9_-]{1,64}"].prop_map(|name| TenantId::new(name).unwrap())
}

/// Plain ids, any others, and those that look derived.
fn party_id() -> impl Strategy<Value = PartyId> {
    prop_oneof!["[A-Za-z0-9-]{1,70}", "\\PC{1,128}", "[0-9]{1,24}", "x[a-z2-7]{26}"]
        .prop_map(|id| PartyId::new(id).unwrap())
}

fn prefix() -> impl Strategy<Value = TopicPrefix> {
    "[a-z0-9]{0,8}".prop_filter_map("d is taken", |prefix| TopicPrefix::new(prefix).ok())
}

proptest! {
    /// IoT Core: topics of at most 256 bytes, and client ids of at most 128.
    #[test]
    fn topics_client_ids_and_call_ids_fit_whatever_the_id(
        kind in kind(), tenant in tenant(), id in party_id(), prefix in prefix(), own in "[A-Za-z0-9_-]{1,52}",
        at in any::<i64>(), end in any::<[u8; 8]>(),
    ) {
        let address = Address::of(&tenant, kind, &id);
        prop_assert!(is_plain(address.as_str(), 64) && !address.as_str().contains('_'), "{}", address);

        let owner = PartyAddress { kind, address: address.clone() };
        let topics = prefix.topics(&owner);
        for topic in [topics.incoming_calls, Some(topics.call_control), topics.device_sync].into_iter().flatten() {
            prop_assert!(topic.len() <= 256, "{}", topic);
            let levels: Vec<&str> = topic.split('/').collect();
            prop_assert!(levels.iter().all(|level| is_plain(level, 64)), "{}", topic);
        }

        let name = ClientName::of_sent(&own, &owner, &id, &prefix).unwrap_or_else(|_| {
            // Only an own part that consists of the address and `_` has nothing left.
            ClientName::of_sent("phone", &owner, &id, &prefix).unwrap()
        });
        prop_assert!(name.as_str().len() <= 128, "{}", name);
        prop_assert_eq!(name.owner(), Some((prefix.clone(), owner.clone())));
        prop_assert!(name.belongs_to(&owner, &prefix));
        prop_assert_eq!(ClientName::of_sent(name.as_str(), &owner, &id, &prefix), Ok(name.clone()));
        prop_assert_eq!(ClientName::try_from(name.to_string()), Ok(name));

        let call = CallId::of_call(&address, &address, Millis(at), end);
        prop_assert_eq!(CallId::new(call.as_str()), Ok(call));
    }

    /// IoT Core has one space of topics and client ids for all stacks of an account and region. What a stack may publish on
    /// (`{prefix/}users/*`, `{prefix/}devices/*`) includes no topic of another.
    #[test]
    fn stacks_with_different_prefixes_share_no_topic_and_no_client_id(
        prefixes in (prefix(), prefix()), kinds in (kind(), kind()), tenants in (tenant(), tenant()),
        ids in (party_id(), party_id()), owns in ("[a-z_]{1,9}", "[a-z_]{1,9}"),
    ) {
        prop_assume!(prefixes.0 != prefixes.1);
        let of = |prefix: &TopicPrefix, kind, tenant: &TenantId, id: &PartyId, own: &str| {
            let owner = PartyAddress { kind, address: Address::of(tenant, kind, id) };
            let Topics { incoming_calls, call_control, device_sync } = prefix.topics(&owner);
            let topics: BTreeSet<String> =
                [incoming_calls, Some(call_control), device_sync].into_iter().flatten().collect();
            (topics, ClientName::of_sent(own, &owner, id, prefix).ok())
        };
        let (ours, our_client) = of(&prefixes.0, kinds.0, &tenants.0, &ids.0, &owns.0);
        let (theirs, their_client) = of(&prefixes.1, kinds.1, &tenants.1, &ids.1, &owns.1);
        prop_assert!(ours.is_disjoint(&theirs), "{:?} {:?}", ours, theirs);
        prop_assert!(our_client.is_none() || our_client != their_client, "{:?}", our_client);
        for root in ["users/", "devices/"] {
            let may = prefixes.0.topic(root);
            prop_assert!(!theirs.iter().any(|topic| topic.starts_with(&may)), "{} {:?}", may, theirs);
        }
    }

    /// Tencent: at most 32 letters, digits, `_` and `-`, and not digits only.
    #[test]
    fn every_seat_has_a_name_that_tencent_takes(kind in kind(), tenant in tenant(), id in party_id()) {
        let party = TrtcIdentity::of(&tenant, kind, &id);
        let clients = (0..Slot::COUNT).map(|number| Seat::Client(Slot::new(number).unwrap()));
        let mut names = BTreeSet::new();
        for seat in clients.chain([Seat::Party, Seat::Unnamed]) {
            let name = party.at(seat).to_string();
            prop_assert!(is_plain(&name, 32) && !name.bytes().all(|b| b.is_ascii_digit()), "{}", name);
            prop_assert_eq!(party.seat_of(&name), Some(seat));
            prop_assert!(names.insert(name));
        }
    }

    /// The seats of two parties never meet either.
    #[test]
    fn nobody_sits_on_a_seat_of_somebody_else(
        kinds in (kind(), kind()), tenants in (tenant(), tenant()), ids in (party_id(), party_id()), number in 0..64_u8,
    ) {
        let one = TrtcIdentity::of(&tenants.0, kinds.0, &ids.0);
        let other = TrtcIdentity::of(&tenants.1, kinds.1, &ids.1);
        prop_assume!(one != other);
        for seat in [Seat::Party, Seat::Unnamed, Seat::Client(Slot::new(number).unwrap())] {
            prop_assert_eq!(one.seat_of(other.at(seat).as_str()), None);
        }
    }
}
