//! Presence: IoT Core's events, through the rule, the function and its queue, into the directory.

use ilock_directory::Client;
use ilock_events::ClientName;
use ilock_tests::parties::user_at;

use crate::deployment::{Deployment, eventually};
use crate::phone::Phone;

async fn client(deployment: &Deployment, phone: &Phone, owner: &str) -> Client {
    let clients = deployment.directory().await.clients(&user_at(owner)).await.unwrap();
    clients.into_iter().find(|client| client.client_id.as_str() == phone.client_id()).expect("it is registered")
}

/// The number of the current connection; None while there is none.
async fn connection(deployment: &Deployment, phone: &Phone) -> Option<i64> {
    let id = ClientName::new(phone.client_id()).unwrap();
    let presence = deployment.directory().await.presence(&id).await.unwrap();
    presence.filter(|presence| presence.connected).map(|presence| presence.version)
}

#[tokio::test]
async fn a_phone_that_stays_away_is_marked_offline() {
    let deployment = Deployment::here();
    let emil = deployment.user("emil");
    let mut phone = Phone::of(&deployment, &emil, "phone").await;
    eventually("the rule tells of the connection", || connection(&deployment, &phone)).await;
    assert_eq!(client(&deployment, &phone, &emil.id).await.offline_since, None);

    phone.goes_away().await;
    eventually("marked offline", || async {
        (client(&deployment, &phone, &emil.id).await.offline_since.is_some()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_comes_back_at_once_is_not() {
    let deployment = Deployment::here();
    let fatma = deployment.user("fatma");
    let mut phone = Phone::of(&deployment, &fatma, "phone").await;
    let first = eventually("the first connection", || connection(&deployment, &phone)).await;

    phone.goes_away().await;
    phone.comes_back().await;
    eventually("the second connection", || async {
        connection(&deployment, &phone).await.filter(|second| *second > first)
    })
    .await;
    // Every disconnect was checked again.
    deployment.queue_runs_empty("PresenceQueueUrl").await;
    assert_eq!(client(&deployment, &phone, &fatma.id).await.offline_since, None);
}
