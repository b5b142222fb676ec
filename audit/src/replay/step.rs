//! The steps of a story: what was done, and who was told of it.

use ilock_events::{
    CallState, ClientName, DeliveryOutcome, DeliveryPath, Forgotten, Hash, Millis, PersonalText, StoredCommand,
};
use serde::Serialize;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub at: Millis,
    /// Milliseconds since the call was placed.
    pub since_placed: i64,
    /// Milliseconds since the step before.
    pub after: i64,
    /// The commit that made it, or that it tells of.
    pub n: u32,
    #[serde(flatten)]
    pub what: What,
}

/// That something was forgotten, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forgetting {
    /// The commit with which it had been said; none where no commit names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// The record of it.
    #[serde(flatten)]
    pub record: Forgotten,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum What {
    /// Somebody did something.
    Commit(Box<CommitStep>),
    /// Somebody was told.
    #[serde(rename = "told")]
    Delivery(DeliveryStep),
}

/// A commit, as a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommitStep {
    /// The actor: a phone, a party, `timer`, `system`.
    pub by: String,
    /// The command, as it was asked.
    pub cmd: StoredCommand,
    pub events: Vec<String>,
    /// Where the call stood then.
    pub state: CallState,
    /// What was said with it.
    #[serde(skip_serializing_if = "PersonalTextState::is_none")]
    pub words: PersonalTextState,
    /// The commit's hash.
    pub hash: Hash,
}

/// Text that a person may ask to have forgotten.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalTextState {
    /// Nothing was said.
    None,
    Said(Box<PersonalText>),
    /// Something that has been forgotten: a mark says so.
    Forgotten,
    /// Something that was kept for as long as its commit says, and is gone.
    Expired,
    /// Something that was to be kept for longer, and is gone. No mark says that it was forgotten.
    Missing,
    /// Something that the export was not asked to hold.
    NotExported,
}

/// A notice, as a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryStep {
    /// Which of the commit's notices; none where the commit gives none that woke phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// Which phone, where one was woken; `target` is then the push service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<ClientName>,
    /// What was said: `incoming`, `ringing`, `accepted` …; none where the commit gives no such notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// By the function that made the commit (`fast`), or by the `projector`.
    pub path: DeliveryPath,
    /// To whom, by which carrier, how long after the commit, or why not.
    #[serde(flatten)]
    pub handed: DeliveryOutcome,
}

impl DeliveryStep {
    /// Who was told, as it is shown: a topic, or a phone and its push service.
    #[must_use]
    pub fn whom(&self) -> String {
        match &self.phone {
            None => self.handed.target.clone(),
            Some(phone) => format!("{phone} ({})", self.handed.target),
        }
    }
}

impl PersonalTextState {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// What to show for it.
    pub(crate) fn shown(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Forgotten => Some("[forgotten]".into()),
            Self::Expired => Some("[expired]".into()),
            Self::Missing => Some("[missing]".into()),
            Self::NotExported => Some("[not in the export]".into()),
            Self::Said(text) => {
                let name = text.caller_info.as_ref().and_then(|info| info.name.as_ref());
                let place = text.caller_info.as_ref().and_then(|info| info.location.as_ref());
                let said: Vec<&str> =
                    [name, place, text.reason.as_ref()].into_iter().flatten().map(String::as_str).collect();
                (!said.is_empty()).then(|| format!("“{}”", said.join(", ")))
            }
        }
    }
}
