//! Nobody answers: the delayed queue message ends the ringing.

use crate::deployment::Deployment;
use crate::phone::Phone;

#[tokio::test]
async fn a_call_that_nobody_answers_times_out_by_the_queue() {
    let deployment = Deployment::here();
    let (door, dora) = (deployment.door("gate"), deployment.user("dora"));
    let mut station = Phone::of(&deployment, &door, "station").await;
    let mut phone = Phone::of(&deployment, &dora, "phone").await;

    let call = door.rings(&dora, 5).await;
    phone.hears("incoming").await;
    station.hears("ringing").await;
    assert_eq!(station.hears("timeout").await.body["call_id"], call);
    // Phones know no `timeout`: they are told that it was missed.
    assert_eq!(phone.hears("cancelled").await.body["state"], "missed");
    assert_eq!(dora.state_of(&call).await, "missed");
    dora.history_comes_to_say(&call, "missed").await;
}
