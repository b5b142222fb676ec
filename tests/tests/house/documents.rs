//! The documents for contributors name files that exist.

use std::path::{Path, PathBuf};

use crate::workspace::repository;

/// The page on the architecture, in both languages, and the heading of its table of behaviours.
const PAGES: [(&str, &str); 2] = [("docs/architecture.md", "Where to look"), ("docs/architecture.zh.md", "在哪里查找")];
const BEHAVIOURS: usize = 12;

fn read(page: &Path) -> String {
    std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The rows of the table under the heading that begins with `title`.
fn rows<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let heading = |line: &&str| line.starts_with('#') && line.trim_start_matches('#').trim().starts_with(title);
    let section = text.lines().skip_while(|line| !heading(line)).skip(1).take_while(|line| !line.starts_with('#'));
    // The first two are the titles and the rule under them.
    section.filter(|line| line.starts_with('|')).skip(2).collect()
}

/// What stands in backticks in `text` and is a path of the repository.
fn quoted_paths(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let path = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        plain && word.contains('/') && !word.starts_with('/') && Path::new(word).extension().is_some()
    };
    quoted.filter(path).map(str::to_owned).collect()
}

/// The targets of the links in `text` that lead to files here, without what comes after `#`.
fn linked_paths(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split('#').next().unwrap().to_owned()).collect()
}

/// The files that `text` of `page` names: links as seen from the page, quoted paths from the repository.
fn named(page: &Path, text: &str) -> Vec<PathBuf> {
    let links = linked_paths(text).into_iter().map(|path| page.parent().unwrap().join(path));
    let quoted = quoted_paths(text).into_iter().map(|path| repository().join(path));
    links.chain(quoted).collect()
}

fn assert_all_exist(page: &Path, text: &str) {
    for path in named(page, text) {
        assert!(path.exists(), "{} names {}, which is not there", page.display(), path.display());
    }
}

#[test]
fn the_architecture_page_says_where_twelve_behaviours_are() {
    for (page, title) in PAGES {
        let page = repository().join(page);
        let text = read(&page);
        let rows = rows(&text, title);
        assert_eq!(rows.len(), BEHAVIOURS, "{}: rows under {title}", page.display());
        for row in rows {
            assert!(!named(&page, row).is_empty(), "{}: no file is named: {row}", page.display());
            assert_all_exist(&page, row);
        }
    }
}

#[test]
fn decisions_and_the_architecture_name_files_that_exist() {
    let folder = repository().join("docs/decisions");
    let pages: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!pages.is_empty());
    for page in pages.into_iter().chain(PAGES.map(|(page, _)| repository().join(page))) {
        assert_all_exist(&page, &read(&page));
    }
}

/// The phrases that a page filters log messages by: what stands in double quotes behind `--filter-pattern`.
fn log_filters(text: &str) -> Vec<String> {
    let patterns = text.split("--filter-pattern").skip(1).filter_map(|rest| rest.split(['\n', '`']).next());
    patterns.flat_map(|pattern| pattern.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn runbooks_filter_logs_by_what_the_functions_log() {
    let sources: String = ["functions/src", "functions/lambda/src", "shared"]
        .iter()
        .flat_map(|folder| crate::workspace::rust_files(&repository().join(folder)))
        .map(|file| read(&file))
        .collect();
    let mut filters = 0;
    for entry in std::fs::read_dir(repository().join("infra/runbooks")).unwrap() {
        let page = entry.unwrap().path();
        for phrase in log_filters(&read(&page)) {
            filters += 1;
            assert!(sources.contains(&phrase), "{}: no function logs “{phrase}”", page.display());
        }
    }
    assert!(filters >= 6, "{filters}");
}

#[test]
fn paths_are_found_in_links_and_in_backticks() {
    let text = "## Where to look\n\n| what | file |\n|---|---|\n| `user_sig` | [a](../a/b.rs#L3), `c/d.rs` |\n\n## Next\n| x | y |\n";
    let rows = rows(text, "Where to look");
    assert_eq!(rows.len(), 1);
    assert_eq!((linked_paths(rows[0]), quoted_paths(rows[0])), (vec!["../a/b.rs".into()], vec!["c/d.rs".into()]));
    assert!(quoted_paths("`POST /api/calls`, `users/{id}/x`, `/api/x.y`").is_empty());
}
