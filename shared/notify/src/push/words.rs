//! What a person reads, in their language.

use ilock_events::{Language, Shown, readable};

/// How many characters of a name are shown.
const NAME_CHARS: usize = 64;

/// `name` as it is shown: on one line, not longer than a line, and never empty.
pub(super) fn shown_name(name: Option<&str>, or: &str) -> String {
    let name = readable(name.unwrap_or_default());
    let name = name.trim();
    if name.is_empty() {
        return readable(or);
    }
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARS - 1).chain(['…']).collect()
}

/// Of a call that rings.
pub(super) fn rings(language: Language, name: &str) -> Shown {
    match language {
        Language::Zh => {
            Shown { title: "视频通话邀请".into(), body: format!("{name} 邀请您进行视频通话") }
        }
        Language::En => Shown { title: "Video call".into(), body: format!("{name} is calling you") },
    }
}

/// Of a call that nobody answered.
pub(super) fn missed(language: Language, name: &str) -> Shown {
    match language {
        Language::Zh => {
            let body = format!("您有一个来自“{name}”的未接视频通话");
            Shown { title: "未接视频通话".into(), body }
        }
        Language::En => Shown { title: "Missed video call".into(), body: format!("{name} called you") },
    }
}
