//! What a whole call costs, as DynamoDB reports it.

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_local::Options;

use crate::meter::{Consumed, Meter};
use crate::parties::call_id;
use crate::world::World;

/// Places, alerts, accepts and hangs up a call, waits until both histories are written, and returns what that consumed.
pub async fn whole_call(meter: &Meter) -> Consumed {
    let world =
        World::with(Options { watch: Some(SharedInterceptor::new(meter.clone())), ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let client = Some("user456_phone");
    user.registers("phone").await;
    let _ = meter.take();
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "ringing", client).await.ok();
    user.callee_action(&call, "accepted", client).await.ok();
    door.caller_action(&call, "hangup").await.ok();
    // The projector writes both histories twice: at the start and at the end of the call.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = meter.take();
    let ended = user.gets("/api/calls").await.ok();
    assert_eq!(ended["calls"][0]["state"], "ended");
    world.end().await;
    used
}
