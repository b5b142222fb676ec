//! Locks that are never left half-way.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`. Nothing panics while holding one here, and what is behind one is whole at any time.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
