//! A call's id, made of addresses.

use super::{Address, base32};
use crate::{CallId, Millis};

impl CallId {
    /// The id of a call that `caller` places at `at` to `callee`, the first of those that it rings. `end` is random: so
    /// nobody guesses an id, and two calls of one millisecond have two.
    #[must_use]
    pub fn of_call(caller: &Address, callee: &Address, at: Millis, end: [u8; 8]) -> Self {
        Self(format!("call_{caller}_{callee}_{at}_{}", base32::encode(&end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PartyId, PartyKind, TenantId};

    fn address(kind: PartyKind, id: &str) -> Address {
        Address::of(&TenantId::new("default").unwrap(), kind, &PartyId::new(id).unwrap())
    }

    #[test]
    fn it_is_the_form_that_apps_know_with_an_end_that_nobody_guesses() {
        let (door, anna) = (address(PartyKind::Device, "device123"), address(PartyKind::User, "user456"));
        let id = CallId::of_call(&door, &anna, Millis(1_629_123_456_789), *b"\0\x01\x02\x03\x04\x05\x06\x07");
        assert_eq!(id.as_str(), "call_device123_user456_1629123456789_aaaqeayeaudao");
    }

    #[test]
    fn the_longest_is_an_id() {
        let longest = address(PartyKind::User, &"a".repeat(64));
        for at in [i64::MIN, 0, i64::MAX] {
            let id = CallId::of_call(&longest, &longest, Millis(at), [255; 8]);
            assert_eq!(CallId::new(id.as_str()).as_ref(), Ok(&id), "{} characters", id.as_str().len());
        }
    }
}
