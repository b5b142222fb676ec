//! Bugs that the simulation plants at its own seams: between the functions and AWS, between the apps and the functions, and
//! in the clock that it hands to the functions. The functions themselves are as they are deployed.

use std::fmt;
use std::time::Duration;

use crate::weather::Weather;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A commit is put whether or not another one stands there.
    DropCondition,
    /// What was handed over leaves no receipt.
    SkipReceipt,
    /// An answer still counts long after the ringing is over.
    AcceptAfterGrace,
    /// The other phones are not told that somebody has answered, rejected or cancelled.
    ForgetOthers,
    /// What one phone does not take, its person does not take.
    DeclineAsReject,
    /// A commit whose push or row failed is said to be in the projector's queue, and is not.
    LoseRetries,
    /// What is entered into the ledger is not kept.
    LoseEntries,
    /// A round of the ledger is begun whether or not another one was.
    ForkRounds,
}

impl Bug {
    pub const ALL: [Self; 6] = [
        Self::DropCondition,
        Self::SkipReceipt,
        Self::AcceptAfterGrace,
        Self::ForgetOthers,
        Self::DeclineAsReject,
        Self::LoseRetries,
    ];

    /// Those of the ledger.
    pub const LEDGER: [Self; 2] = [Self::LoseEntries, Self::ForkRounds];
}

impl Bug {
    /// Where it shows. Of what the projector leaves for later most is found again by a batch that is shown again, a second projector
    /// or a later commit: it is looked for where nothing goes wrong but that AWS throttles.
    pub fn weather(self) -> Option<Weather> {
        (self == Self::LoseRetries).then(|| Weather {
            throttled: 300,
            lasts: Duration::from_secs(150),
            ..Weather::fair()
        })
    }

    /// What the judgement says of it. Another finding, by the way, does not count.
    pub const fn found_by(self) -> &'static str {
        match self {
            Self::DropCondition => "was written 2 times",
            Self::SkipReceipt => "no receipt, no reason",
            Self::AcceptAfterGrace => "was let in",
            Self::ForgetOthers => "the broker never had it",
            Self::DeclineAsReject => "and nobody asked for that",
            Self::LoseRetries => "the history of",
            Self::LoseEntries => "entries are lost",
            Self::ForkRounds => "no tree of this ledger",
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DropCondition => "drop the append's condition",
            Self::SkipReceipt => "skip a receipt",
            Self::AcceptAfterGrace => "accept after the grace",
            Self::ForgetOthers => "forget to silence the others",
            Self::DeclineAsReject => "count a decline as a reject",
            Self::LoseRetries => "lose what the projector leaves for later",
            Self::LoseEntries => "lose what is entered into the ledger",
            Self::ForkRounds => "drop the condition under which a round of the ledger begins",
        })
    }
}
