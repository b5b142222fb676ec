//! The story of a call: who did what, how long after what, and who was told of it.
//!
//! [`Story::of`] reads it, [`Story::until`] cuts it at a moment and says how the call stood then, and it is written as
//! [`text`], [`jsonl`], [`mermaid`] or [`html`]. Each of these says whether it can be believed. Nothing is decided, sent or fetched: a replay only reads.

mod deed;
mod diagram;
mod escape;
mod facts;
mod html;
mod jsonl;
mod moment;
mod standing;
mod step;
mod story;
mod svg;
mod text;
mod times;
mod verdict;

pub use diagram::mermaid;
pub use html::html;
pub use jsonl::jsonl;
pub use moment::{BadMoment, Moment};
pub use standing::Standing;
pub use step::{CommitStep, DeliveryStep, Forgetting, PersonalTextState, Step, What};
pub use story::Story;
pub use text::text;
pub use times::day_and_time;
pub use verdict::{Proven, Verdict};
