//! Words of a request. Those for a phone's system and language refuse nobody: a phone with one that is new here is registered
//! all the same. Every other word is one of those that its field has, and a text.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use crate::push::Language;

/// What an app says of the system it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// A phone or panel with Android.
    Android,
    /// An iPhone or iPad.
    Ios,
    /// A browser.
    Web,
    /// A door station's own system.
    Linux,
    /// Anything else.
    Other,
}

impl Platform {
    /// The platform that an app calls `word`, in whatever case; [`Platform::Other`] where it is none that is known here.
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "android" => Self::Android,
            "ios" => Self::Ios,
            "web" => Self::Web,
            "linux" => Self::Linux,
            _ => Self::Other,
        }
    }
}

impl Language {
    /// The language that a tag of BCP 47 names (`zh-CN`, `en_US`); none where it is none that is spoken here.
    #[must_use]
    pub fn named(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

pub(crate) fn platform<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Platform, D::Error> {
    Ok(Platform::named(&String::deserialize(deserializer)?))
}

pub(crate) fn some_platform<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Platform>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|word| Platform::named(&word)))
}

pub(crate) fn some_language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|tag| Language::named(&tag)))
}

/// One of the words that `T` has. `serde_json` by itself takes `{"accepted":null}` for `"accepted"`, and calls any other JSON that
/// is no text a mistake of syntax, at no field.
pub(crate) fn word<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(StrDeserializer::new(&String::deserialize(deserializer)?))
}

/// The same; none where it is absent or null.
pub(crate) fn some_word<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    word.map(|word| T::deserialize(StrDeserializer::new(&word))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_as_systems_write_them() {
        for (word, platform) in [("android", Platform::Android), ("iOS", Platform::Ios), ("harmony", Platform::Other)] {
            assert_eq!(Platform::named(word), platform, "{word}");
        }
        for (tag, language) in [
            ("zh", Some(Language::Zh)),
            ("zh-CN", Some(Language::Zh)),
            ("zh_Hant_TW", Some(Language::Zh)),
            ("EN-us", Some(Language::En)),
            ("fr", None),
            ("zhx", None),
            ("", None),
        ] {
            assert_eq!(Language::named(tag), language, "{tag}");
        }
    }
}
