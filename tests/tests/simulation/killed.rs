//! A function that is killed at one of its awaits.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future until it has waited `left` times; then it is dropped where it stands.
pub struct Killed<F> {
    future: Pin<Box<F>>,
    left: Option<u64>,
}

impl<F: Future> Killed<F> {
    /// Killed when it waits for the `at`-th time, from 0; never without one.
    pub fn at(future: F, at: Option<u64>) -> Self {
        Self { future: Box::pin(future), left: at }
    }
}

impl<F: Future> Future for Killed<F> {
    /// None when it was killed.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match &mut self.left {
            None => Poll::Pending,
            Some(0) => Poll::Ready(None),
            Some(left) => {
                *left -= 1;
                Poll::Pending
            }
        }
    }
}
