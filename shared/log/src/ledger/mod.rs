//! The ledger: a transparency log (C2SP tlog-tiles) over everything that the event log holds, so that nothing of it can be
//! changed, removed or added later unseen.
//!
//! Entries wait in a table until the sequencer takes them. It alone gives them their places, and publishes tiles and a signed
//! checkpoint in a store.

mod error;
mod pending;
mod prove;
mod publish;
mod reader;
mod round;
mod sequencer;
mod signer;
mod store;
mod table;
mod witnesses;

pub use error::{LedgerError, NotSequenced};
pub use prove::{CallProof, hours_back, may_wait_for_sequencer};
pub use reader::{FoundMark, LedgerReader, RangeOfEntries};
pub use round::Round;
pub use sequencer::{Sequenced, Sequencer};
pub use signer::{LedgerSigner, SignerError};
pub use store::{
    CHECKPOINT, Found, HourMark, KEY, LONGEST_FILE, LedgerStore, StoreError, is_kept, is_published, kept_checkpoint,
    longer_than_any,
};
pub use table::{LEDGER_TABLE, Ledger};
pub use witnesses::{MAX_ANSWER_BYTES, WitnessAnswer, WitnessClient, WitnessError, Witnesses};
