//! The keys of the day index under which calls stand.

use ilock_events::{CallId, Commit, Day, TenantId};
use sha2::{Digest, Sha256};

/// Over so many keys a day is spread, so that no one of them runs hot.
pub const BUCKETS: u8 = 8;

/// In which bucket of a day a call is.
#[must_use]
pub fn bucket(call_id: &CallId) -> u8 {
    Sha256::digest(call_id.as_str().as_bytes())[0] % BUCKETS
}

/// The key of the day index under which the call stands whose first commit this is: `<tenant>#<yyyy-mm-dd>#<bucket>`.
#[must_use]
pub fn day_key(first: &Commit) -> String {
    day_bucket_key(&first.tenant, &Day::of(first.at), bucket(&first.call_id))
}

/// The key of one bucket of `tenant`'s calls on `day`.
#[must_use]
pub fn day_bucket_key(tenant: &TenantId, day: &Day, bucket: u8) -> String {
    format!("{tenant}#{day}#{bucket}")
}
