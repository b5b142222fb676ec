//! What hears of rooms from Tencent, and can end them.

use std::sync::Arc;

use ilock_trtc::RoomApi;

use crate::service::calls::Calls;

/// The callback's keys, the room API, and the calls that end when everybody has left.
#[derive(Clone)]
pub struct RoomWatch {
    /// The keys of which Tencent signs with one. Without any no callback is accepted.
    pub keys: Vec<Arc<str>>,
    /// The operator's TRTC application: what Tencent tells of another is none of ours.
    pub sdk_app_id: u32,
    /// Tencent's room API, where the operator uses it.
    pub room_api: Option<RoomApi>,
    /// The calls. Tencent acts for no tenant, so these are all.
    pub calls: Calls,
}
