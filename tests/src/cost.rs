//! What a whole call costs, told by DynamoDB itself.

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_local::Options;

use crate::meter::{Meter, Used};
use crate::parties::call_id;
use crate::world::World;

/// Places, alerts, accepts, hangs up, waits until both histories are written, and returns what all of that took.
pub async fn whole_call(meter: &Meter) -> Used {
    let world =
        World::with(Options { watch: Some(SharedInterceptor::new(meter.clone())), ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let client = Some("user456_phone");
    let _ = meter.take();
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "ringing", client).await.well();
    user.callee_action(&call, "accepted", client).await.well();
    door.caller_action(&call, "hangup").await.well();
    // The projector writes both histories twice: at the start and at the end of the call.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = meter.take();
    let ended = user.gets("/api/calls").await.well();
    assert_eq!(ended["calls"][0]["state"], "ended");
    world.end().await;
    used
}
