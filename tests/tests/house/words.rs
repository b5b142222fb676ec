//! Production code and what people read beside it use the field's words: docs/decisions/0009-words-of-the-field.md.

use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};

use crate::modules::plain;
use crate::workspace::{files_of, production_files, relative, repository};

/// Words that meant something else here, each with what is said instead. They stand in no name and in no text.
const WORDS: [(&str, &str); 20] = [
    ("seal", "encrypt, sign, issue; a checksum matches"),
    ("seals", "encrypts, signs, issues"),
    ("sealed", "encrypted, signed, issued"),
    ("sealing", "encrypting, signing, sequencing"),
    ("ticket", "UserSig, PrivateMapKey, room credentials"),
    ("tickets", "UserSigs, PrivateMapKeys, room credentials"),
    ("vault", "ledger store, ledger folder, bucket"),
    ("desk", "state, redriver"),
    ("fate", "outcome"),
    ("unwell", "invoke error"),
    ("parcel", "push request"),
    ("slip", "receipt"),
    ("untold", "delivery error"),
    ("unworded", "pending reply"),
    ("dial", "throttle"),
    ("telling", "delivery, delivering, notifying"),
    ("waking", "push sender, sending"),
    ("mend", "correct"),
    ("mends", "corrects"),
    ("mended", "corrected"),
];

/// Types that were called so, each with the field's word.
const TYPES: [(&str, &str); 19] = [
    ("Told", "DeliveryStep, DeliveryCheck"),
    ("Saying", "PushKind"),
    ("FannedOut", "FanOutResult"),
    ("Ask", "JsonBody, ApiRequest"),
    ("Wording", "ErrorBody"),
    ("Welcome", "MqttCredentialIssuer"),
    ("Looking", "the function's own name: GetCallState"),
    ("Leaving", "the function's own name: RemoveClientState"),
    ("Reporting", "the function's own name: UpdateClientStatusState"),
    ("Watching", "RoomWatch"),
    ("Patience", "RetryPolicy"),
    ("LookAgain", "RecheckQueue"),
    ("Dismissals", "RoomDismisser"),
    ("Ran", "CommandOutcome"),
    ("InboxLine", "HistoryRow"),
    ("Gate", "BrokerAcl"),
    ("Between", "MqttLayer"),
    ("House", "Simulation"),
    ("Say", "Output"),
];

/// Where a word of [`WORDS`] has its own meaning.
const ALLOWED: [(&str, &str); 1] = [
    // The template's parameter for alarms that can wait: a ticket as operators have it.
    ("cli/src/aws/doctor/subscribers.rs", "ticket"),
];

/// The words of `text`, in small letters: `TicketTopicArn` and `ticket_topic_arn` have three.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_alphabetic() || c.is_uppercase() && before.is_lowercase() {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words of [`WORDS`] in `text`.
fn found_in_text(text: &str) -> Vec<&'static str> {
    let said = words(text);
    WORDS.iter().map(|(word, _)| *word).filter(|word| said.iter().any(|said| said == word)).collect()
}

/// What `source` says in other words than the field's.
fn found_in(source: &str) -> Vec<&'static str> {
    let mut found = vec![];
    collect(source.parse().unwrap(), &mut found);
    found
}

fn collect(code: TokenStream, found: &mut Vec<&'static str>) {
    let mut before = String::new();
    for token in code {
        let text = match &token {
            TokenTree::Group(group) => {
                collect(group.stream(), found);
                String::new()
            }
            TokenTree::Ident(ident) => plain(ident),
            // Comments that document are literals too.
            TokenTree::Literal(_) | TokenTree::Punct(_) => token.to_string(),
        };
        found.extend(found_in_text(&text));
        if ["struct", "enum", "trait", "type"].contains(&before.as_str()) {
            found.extend(TYPES.iter().map(|(name, _)| *name).filter(|name| text == *name));
        }
        before = text;
    }
}

/// What is said instead of `word`.
fn instead(word: &str) -> &'static str {
    WORDS.iter().chain(&TYPES).find(|(old, _)| *old == word).map_or("", |(_, new)| *new)
}

/// What operators and app makers read outside Rust, by file: the API descriptions, the names of the samples, the TypeScript of the
/// clients, and what the template says of its parameters and functions. Its alarms are left out: they begin with `[page]` or `[ticket]`.
fn texts() -> Vec<(String, String)> {
    let folders = ["client/web/src", "client/pages/src"].map(|folder| repository().join(folder));
    let mut files: Vec<PathBuf> = folders.iter().flat_map(|folder| files_of(folder, "ts")).collect();
    // WebAssembly as base64: no text, and any word may stand in it.
    files.retain(|file| !file.ends_with("wasm.ts"));
    assert!(files.len() > 20, "{} files of TypeScript were read", files.len());
    files.extend(["events/openapi.yaml", "events/asyncapi.yaml"].map(|name| repository().join(name)));
    let read = |file: &PathBuf| (relative(file), std::fs::read_to_string(file).unwrap());
    let mut texts: Vec<(String, String)> = files.iter().map(read).collect();
    let (template, text) = read(&repository().join("template.yaml"));
    let described = text.lines().filter(|line| line.trim_start().starts_with("Description:"));
    texts.push((template, described.collect::<Vec<_>>().join("\n")));
    let samples: Vec<String> =
        files_of(&repository().join("events/samples"), "json").iter().map(|file| relative(file)).collect();
    assert!(samples.len() > 50, "{} samples were read", samples.len());
    texts.extend(samples.into_iter().map(|file| (file.clone(), file)));
    texts
}

#[test]
fn names_and_texts_use_the_words_of_the_field() {
    let mut wrong = vec![];
    let mut check = |file: &str, found: Vec<&'static str>| {
        let found = found.into_iter().filter(|word| !ALLOWED.contains(&(file, *word)));
        wrong.extend(found.map(|word| format!("{file}: “{word}”; the field's: {}", instead(word))));
    };
    for file in production_files() {
        check(&relative(&file), found_in(&std::fs::read_to_string(&file).unwrap()));
    }
    for (file, text) in texts() {
        check(&file, found_in_text(&text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_are_found_in_names_texts_and_comments() {
    assert_eq!(words("TicketTopicArn, is_sealed (2)"), ["ticket", "topic", "arn", "is", "sealed"]);
    let source =
        "/// The vault.\nstruct Told { is_sealed: bool }\nfn f() { say!(\"a ticket\"); let told = dial_of(x); }";
    assert_eq!(found_in(source), ["vault", "Told", "sealed", "ticket", "dial"]);
    assert_eq!(found_in_text("Description: With off all telling is mended."), ["telling", "mended"]);
    assert_eq!(found_in("struct Dialog; fn revealed() { \"slippery\"; }"), [""; 0]);
}
