//! What a person reads of a text that somebody else wrote.

/// `text` without the characters that show nothing, and change how the rest is shown: control characters, and those by which
/// Unicode says in which direction text runs (UAX #9). With them a name can be made to read as another one.
#[must_use]
pub fn readable(text: &str) -> String {
    text.chars().filter(|c| !changes_the_rest(*c)).collect()
}

/// The same; none where nothing of it is to be seen.
#[must_use]
pub fn readable_if_any(text: &str) -> Option<String> {
    Some(readable(text)).filter(|text| !text.trim().is_empty())
}

/// Whether `c` shows nothing, and changes how the text round it is shown.
#[must_use]
pub fn changes_the_rest(c: char) -> bool {
    c.is_control() || turns(c)
}

const fn turns(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_has_no_character_that_turns_it_round() {
        assert_eq!(readable("Police \u{202E}011"), "Police 011");
        assert_eq!(readable("\u{2066}a\u{2069}\u{200F}b\u{061C}\u{7}\n"), "ab");
        for as_it_is in ["前门设备", "Anna 👨\u{200D}👩\u{200D}👧", "שלום", "مرحبا", ""] {
            assert_eq!(readable(as_it_is), as_it_is);
        }
    }
}
