//! The codes of problems: those of the client's own, and those of the backend that the client acts on. Their numbers never
//! change.

/// Every code below this is the client's own.
pub(crate) const LEAST_OF_BACKEND: u32 = 10_000;
/// The backend did not answer.
pub(crate) const NO_ANSWER: u32 = 0;
/// The answer is not one that this backend gives, or that this version reads.
pub(crate) const UNREADABLE: u32 = 1;
/// The backend took no answer to the call in time.
pub(crate) const ANSWER_TOO_LATE: u32 = 2;
/// The app named a call that this client does not know.
pub(crate) const UNKNOWN_CALL: u32 = 3;
/// The app answers a call that is over.
pub(crate) const CALL_IS_OVER: u32 = 4;
/// The app answers a call that this client placed.
pub(crate) const OWN_CALL: u32 = 5;
/// The app wants to look at a caller whose call does not ring here.
pub(crate) const NOT_RINGING: u32 = 6;
/// What the app said in a press is no JSON object.
pub(crate) const NO_OBJECT: u32 = 7;

/// The backend's code for a fault of its own, after which nobody knows whether the request was carried out.
pub(crate) const BACKEND_FAULT: u32 = 50001;
/// The backend's code for a token that it does not accept.
pub(crate) const TOKEN_REFUSED: u32 = 40101;
