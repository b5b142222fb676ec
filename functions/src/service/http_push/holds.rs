//! Who asked to be left alone, and until when.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use ilock_events::Millis;
use ilock_notify::push::{PushError, millis};

use super::provider::Wait;
use crate::lock::lock;

/// So many phones are remembered; a further one only once the time of another is over.
const MOST: usize = 1000;

/// A longer wait is not believed: whoever asks for more is asked again after this.
const LONGEST: Duration = Duration::from_mins(5);

#[derive(Default)]
struct Until {
    service: Option<Millis>,
    phones: HashMap<String, Millis>,
}

/// The holds of one provider.
#[derive(Default)]
pub(super) struct Holds(Mutex<Until>);

impl Holds {
    /// # Errors
    /// [`PushError::Later`] while `token`, or the whole service, is to be left alone.
    pub fn check(&self, token: &str, now: Millis) -> Result<(), PushError> {
        let until = lock(&self.0);
        let waits = [until.service, until.phones.get(token).copied()];
        match waits.into_iter().flatten().map(|until| until.since(now)).max() {
            Some(left @ 1..) => {
                let why = format!("asked to wait for another {left} ms");
                Err(PushError::Later { why, wait: Duration::from_millis(left.unsigned_abs()) })
            }
            _ => Ok(()),
        }
    }

    pub fn note(&self, token: &str, wait: Wait, now: Millis) {
        let end = |wait: Duration| now.plus(millis(wait.min(LONGEST)));
        let mut until = lock(&self.0);
        match wait {
            Wait::Unsaid => {}
            Wait::Service(wait) => until.service = Some(end(wait)),
            Wait::Phone(wait) => {
                if until.phones.len() >= MOST {
                    until.phones.retain(|_, until| until.since(now) > 0);
                }
                if until.phones.len() < MOST {
                    until.phones.insert(token.to_owned(), end(wait));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_left_alone_for_longer_than_minutes_and_no_more_phones_are_remembered_than_may_be() {
        let (holds, now) = (Holds::default(), Millis(1_679_886_400_000));
        let year = Duration::from_hours(365 * 24);
        holds.note("", Wait::Service(year), now);
        let after = |ms| holds.check("phone0", now.plus(ms));
        assert!(after(millis(LONGEST) - 1).is_err() && after(millis(LONGEST)).is_ok());
        for number in 0..MOST + 10 {
            holds.note(&format!("phone{number}"), Wait::Phone(year), now);
        }
        assert_eq!(lock(&holds.0).phones.len(), MOST);
        holds.note("last", Wait::Phone(year), now.plus(millis(LONGEST)));
        assert_eq!(lock(&holds.0).phones.len(), 1, "those whose time is over are dropped");
    }
}
