//! What the domain answers when it does not do as it was asked. Not an error.

use ilock_events::{CallState, Millis};

/// Why a command leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such call.
    #[error("there is no such call")]
    NoSuchCall,
    /// This call id is in use.
    #[error("this call has been placed already")]
    AlreadyPlaced,
    /// Whoever asks is no party of the call, or not the one who may ask this.
    #[error("this action is not allowed for you")]
    NotYours,
    /// A person cannot ring themselves.
    #[error("a caller cannot call itself")]
    CallsSelf,
    /// A call rings 1 to 20 people, each once.
    #[error("callee_ids must be 1 to 20 people, each once")]
    Callees,
    /// Nobody who is called has a phone.
    #[error("nobody who is called has a registered client")]
    NobodyThere,
    /// One of a person's phones declines, and did not say which it is.
    #[error("client_id must say which phone declines")]
    WhichClient,
    /// Ringing for so many seconds is not offered.
    #[error("ring_seconds must be 5 to 120")]
    RingSeconds,
    /// Somebody else was first, or the deadline has passed: `state` is where the call stands, `winner` who brought it
    /// there.
    #[error("the call is {} already{}", state.word(), winner.as_ref().map(|winner| format!(", by {winner}")).unwrap_or_default())]
    TooLate {
        /// Where the call stands; `missed` when the deadline has passed, even before the timer has said so.
        state: CallState,
        /// The phone, party, `timer` or `system` that brought it there; none where a callee's own setting did.
        winner: Option<String>,
    },
    /// The call is still ringing, and this is for answered calls only.
    #[error("the call has not been answered")]
    NotAnswered,
    /// The timer came while an answer still counts.
    #[error("the call can be answered until {ends}")]
    StillRinging {
        /// When it may come again.
        ends: Millis,
    },
    /// The timer came before the call had lasted for as long as it may.
    #[error("the call may last until {ends_by}")]
    StillActive {
        /// When it may come again.
        ends_by: Millis,
    },
    /// The same key was used by the same actor for something else.
    #[error("this idempotency key was used for another request")]
    KeyReused,
}
