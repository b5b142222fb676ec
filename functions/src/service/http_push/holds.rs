//! Who asked to be left alone, and until when.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use ilock_events::Millis;
use ilock_notify::push::{PushError, millis};

use super::provider::Wait;
use crate::lock::lock;

/// Phones whose time is over are dropped once there are so many.
const MOST: usize = 1000;

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
        let end = |wait: Duration| now.plus(millis(wait));
        let mut until = lock(&self.0);
        match wait {
            Wait::Unsaid => {}
            Wait::Service(wait) => until.service = Some(end(wait)),
            Wait::Phone(wait) => {
                if until.phones.len() >= MOST {
                    until.phones.retain(|_, until| until.since(now) > 0);
                }
                until.phones.insert(token.to_owned(), end(wait));
            }
        }
    }
}
