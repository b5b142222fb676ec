//! What a person does when the phone rings, and when.

use std::time::Duration;

use super::owner::Owner;
use crate::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tap {
    Accept,
    Decline,
    Reject,
    HangUp,
}

/// What the person does about a call that rings for so long still; none when they let it ring.
pub fn mind(owner: &Owner, dice: &Dice, left: Duration) -> Option<(Tap, Duration)> {
    if let Some(rush) = owner.rush {
        let tap = dice.pick(&[Tap::Accept, Tap::Accept, Tap::Accept, Tap::Decline, Tap::Reject]);
        return Some((tap, rush + dice.ms(0..40)));
    }
    match dice.within(0..100) {
        0..30 => Some((Tap::Accept, dice.ms(300..12_000))),
        30..42 => Some((Tap::Decline, dice.ms(300..12_000))),
        42..50 => Some((Tap::Reject, dice.ms(300..12_000))),
        // At the last moment, and some too late.
        50..70 => Some((Tap::Accept, (left + dice.ms(0..6_000)).saturating_sub(Duration::from_secs(2)))),
        _ => None,
    }
}
