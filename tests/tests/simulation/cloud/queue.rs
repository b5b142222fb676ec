//! SQS: the delay queues of the ring timer and of the projector.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// As the template has it, of both.
const MOST_RECEIVES: u32 = 5;

#[derive(Debug, Clone)]
pub struct Letter {
    pub id: u64,
    pub body: String,
    pub due: Instant,
    pub receives: u32,
}

pub struct DelayedLetters {
    /// How long a letter is hidden that was received.
    hidden: Duration,
    letters: Mutex<Vec<Letter>>,
    next: Mutex<u64>,
    dead: Mutex<Vec<Letter>>,
    sent: Notify,
}

impl DelayedLetters {
    pub fn hiding(hidden: Duration) -> Self {
        Self { hidden, letters: Mutex::default(), next: Mutex::default(), dead: Mutex::default(), sent: Notify::new() }
    }

    pub fn send(&self, body: &str, delay: Duration) {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        let letter = Letter { id: *next, body: body.to_owned(), due: Instant::now() + delay, receives: 0 };
        self.letters.lock().unwrap().push(letter);
        self.sent.notify_one();
    }

    /// Waits until something may be due.
    pub async fn wait(&self) {
        match self.next_due() {
            Some(due) => drop(timeout_at(due, self.sent.notified()).await),
            None => self.sent.notified().await,
        }
    }

    /// What is due, and hidden from now on for a while.
    pub fn receive(&self) -> Vec<Letter> {
        let now = Instant::now();
        let mut due = vec![];
        self.letters.lock().unwrap().retain_mut(|letter| {
            if letter.due > now {
                return true;
            }
            letter.receives += 1;
            if letter.receives > MOST_RECEIVES {
                self.dead.lock().unwrap().push(letter.clone());
                return false;
            }
            letter.due = now + self.hidden;
            due.push(letter.clone());
            true
        });
        due
    }

    pub fn delete(&self, id: u64) {
        self.letters.lock().unwrap().retain(|letter| letter.id != id);
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.letters.lock().unwrap().iter().map(|letter| letter.due).min()
    }

    /// What was tried too often.
    pub fn dead(&self) -> Vec<Letter> {
        self.dead.lock().unwrap().clone()
    }
}
