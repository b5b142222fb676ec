//! What is wrong with a JSON text, for people: without the names of Rust's types, and of a text of one line without its number.

/// What `error` says.
pub(crate) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, place) = match text.rsplit_once(" at line ") {
        Some((what, _)) if error.line() == 1 => (what, format!(" at column {}", error.column())),
        Some((what, _)) if error.line() > 1 => (what, format!(" at line {} column {}", error.line(), error.column())),
        _ => (text.as_str(), String::new()),
    };
    match what.rsplit_once(", expected ") {
        Some((found, expected)) if is_of_rust(expected) => format!("{found}, expected an object{place}"),
        _ => format!("{what}{place}"),
    }
}

/// Whether what was expected is called as the code calls it.
fn is_of_rust(expected: &str) -> bool {
    ["struct ", "tuple struct ", "internally tagged enum ", "enum "].iter().any(|name| expected.starts_with(name))
}

#[cfg(test)]
mod tests {
    use ilock_events::{ProofFile, Receipt};

    use super::*;

    fn of<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        said(&serde_json::from_str::<T>(text).unwrap_err())
    }

    #[test]
    fn it_names_no_type_of_rust_and_the_line_only_where_there_are_several() {
        assert_eq!(of::<Receipt>("\"x\""), "invalid type: string \"x\", expected an object at column 3");
        assert_eq!(of::<ProofFile>("[]"), "invalid length 0, expected an object at column 2");
        assert_eq!(of::<u8>("\n\n\"\""), "invalid type: string \"\", expected u8 at line 3 column 2");
        let value = serde_json::from_value::<Receipt>(7.into()).unwrap_err();
        assert_eq!(said(&value), "invalid type: integer `7`, expected an object");
    }
}
