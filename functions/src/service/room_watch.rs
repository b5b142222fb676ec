//! What hears of rooms from Tencent, and can end them.

use std::sync::Arc;

use ilock_trtc::RoomApi;

use crate::service::calls::Calls;

/// The callback's key, the room API, and the calls that end when everybody has left.
#[derive(Clone)]
pub struct RoomWatch {
    /// The key that Tencent signs with. Without one no callback is accepted.
    pub key: Option<Arc<str>>,
    /// Tencent's room API, where the operator uses it.
    pub room_api: Option<RoomApi>,
    /// The calls. Tencent acts for no tenant, so these are all.
    pub calls: Calls,
}
