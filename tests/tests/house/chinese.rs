//! The Chinese pages call things as the app does, and address the reader in one way.

use std::path::PathBuf;

use crate::workspace::{relative, repository};

/// Where the Chinese pages are.
const FOLDERS: [&str; 8] = [
    "",
    "client/conformance",
    "client/conformance/live",
    "client/pages",
    "client/samples",
    "client/web",
    "docs",
    "infra/runbooks",
];

/// Words that the Chinese pages do not use, each with what they say instead.
const WORDS: [(&str, &str); 2] = [("婉拒", "本机不接, as the button says"), ("你", "您")];

/// Every Chinese page of [`FOLDERS`].
fn pages() -> Vec<PathBuf> {
    let entries = FOLDERS.iter().flat_map(|folder| std::fs::read_dir(repository().join(folder)).unwrap());
    let files = entries.map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with(".zh.md")).collect();
    pages.sort();
    pages
}

/// The words of [`WORDS`] in `text`, each with its line.
fn found_in(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = vec![];
    for (at, line) in text.lines().enumerate() {
        found.extend(WORDS.iter().filter(|(word, _)| line.contains(*word)).map(|(word, _)| (at + 1, *word)));
    }
    found
}

#[test]
fn chinese_pages_use_the_words_of_the_app() {
    let pages = pages();
    assert!(pages.len() >= 25, "{} pages were read", pages.len());
    let mut wrong = vec![];
    for page in pages {
        let found = found_in(&std::fs::read_to_string(&page).unwrap());
        wrong.extend(found.into_iter().map(|(line, word)| format!("{}:{line}: {word}", relative(&page))));
    }
    assert!(wrong.is_empty(), "other words are said here: {WORDS:?}\n{}", wrong.join("\n"));
}

#[test]
fn words_are_found_with_their_lines() {
    assert_eq!(found_in("您的手机\n一部手机婉拒，你的其他手机响铃"), [(2, "婉拒"), (2, "你")]);
}
