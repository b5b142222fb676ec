//! A push endpoint has one owner, however many register it concurrently.

use futures::future::join_all;
use ilock_directory::{Client, Directory, PushEndpoint, Taken};
use ilock_events::{ClientName, Millis, Party, PartyAddress, PartyId, PartyKind, PushService, TenantId};
use ilock_tests::parties::registration;

use super::engine;

const ROUNDS: i64 = 100;

fn person(id: &str) -> (Party, ClientName) {
    let party = Party { kind: PartyKind::User, id: PartyId::new(id).unwrap() };
    (party, ClientName::new(format!("{id}_phone")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_register_one_token_at_once_a_hundred_times_exactly_one_has_it_each_time() {
    let engine = engine().await;
    let directory = Directory::new(engine.client.clone(), engine.table(ilock_directory::TABLE).await);
    let tenant = TenantId::new("default").unwrap();
    let people = [person("anna"), person("bert")];
    for (party, client) in &people {
        directory.register(&registration(party, Client::new(client.clone(), Millis(1)))).await.unwrap();
    }
    let mut wins = [0, 0];
    for round in 0..ROUNDS {
        let endpoint =
            PushEndpoint { id: "one".into(), service: PushService::Gcm, since: Millis(round), retired: None };
        let mut owners: Vec<usize> = vec![0, 1];
        owners.rotate_left(usize::try_from(round % 2).unwrap());
        let taken = join_all(owners.into_iter().map(|owner| {
            let (directory, endpoint, (party, client)) = (directory.clone(), endpoint.clone(), people[owner].clone());
            let [at, other] = [&party, &people[1 - owner].0].map(|party| PartyAddress::of(&tenant, party));
            async move {
                // Both have proved that they have the phone.
                let taking =
                    async move { directory.take_endpoint(&at, &client, &endpoint, Some(&other)).await.unwrap() };
                tokio::spawn(taking).await.unwrap()
            }
        }));
        // A registration without the token at the same time must not give it back.
        let anew = registration(&people[0].0, Client::new(people[0].1.clone(), Millis(round)));
        let again = directory.register(&anew);
        let (taken, _) = futures::join!(taken, again);
        assert!(taken.contains(&Taken::Yes), "round {round}");
        let mut have = vec![];
        for (owner, (party, client)) in people.iter().enumerate() {
            let known = directory.client(&PartyAddress::of(&tenant, party), client).await.unwrap().unwrap();
            if known.main.is_some_and(|main| main.id == "one") {
                have.push(owner);
            }
        }
        let owner = directory.owner_of_endpoint("one").await.unwrap().unwrap();
        assert_eq!(have.len(), 1, "round {round}: {have:?} have it");
        assert_eq!(people[have[0]].1, owner.client_id, "round {round}");
        wins[have[0]] += 1;
    }
    assert!(wins.iter().all(|wins| *wins > 0), "always the same: this is no race: {wins:?}");
    engine.end().await;
}
