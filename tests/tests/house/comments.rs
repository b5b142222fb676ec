//! A comment that repeats a name is deleted.

use std::path::PathBuf;

use crate::workspace::{packages, relative, repository, rust_files};

/// What an app embeds, and what the schemas are made of: there every name has a comment.
const DOCUMENTED: [&str; 4] = ["ilock-events", "ilock-client-core", "ilock-client", "ilock-client-wasm"];

/// The comments of one or two words before a name in `source`, each with its line. One that has a number or code gives what
/// the name does not: a form, a value, a name of another system.
fn fillers(source: &str) -> Vec<(usize, String)> {
    let mut found = vec![];
    let mut comment = String::new();
    for (number, line) in (1..).zip(source.lines()) {
        if let Some(text) = line.trim_start().strip_prefix("///") {
            comment.push_str(text);
            comment.push(' ');
            continue;
        }
        let words = comment.split_whitespace().count();
        if (1..=2).contains(&words) && !comment.contains(|c: char| c == '`' || c.is_ascii_digit()) {
            found.push((number - 1, comment.trim().to_owned()));
        }
        comment.clear();
    }
    found
}

/// Every source and test outside [`DOCUMENTED`].
fn files() -> Vec<PathBuf> {
    let packages = packages().into_iter().filter(|package| !DOCUMENTED.contains(&package.name.as_str()));
    let folders = packages
        .flat_map(|package| ["src", "tests", "examples"].map(|folder| repository().join(&package.folder).join(folder)));
    folders.filter(|folder| folder.is_dir()).flat_map(|folder| rust_files(&folder)).collect()
}

#[test]
fn no_comment_repeats_a_name() {
    let files = files();
    assert!(files.len() >= 400, "{} files were read", files.len());
    let mut found = vec![];
    for file in files {
        let fillers = fillers(&std::fs::read_to_string(&file).unwrap());
        found.extend(fillers.into_iter().map(|(line, text)| format!("{}:{line}: {text}", relative(&file))));
    }
    assert!(found.is_empty(), "comments without a reason:\n{}", found.join("\n"));
}

#[test]
fn comments_of_one_or_two_words_are_found() {
    let source = "/// The route.\nfn a() {}\n    /// Which.\n    b: u8,\n/// `iss`.\nc: u8,\n/// 103.\nd: u8,\n/// Two\n/// lines here.\ne: u8\n";
    assert_eq!(fillers(source), [(1, "The route.".to_owned()), (3, "Which.".to_owned())]);
}
