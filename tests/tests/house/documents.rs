//! The documents for contributors, operators and app makers name files that exist.

use std::path::{Path, PathBuf};

use crate::workspace::{relative, repository};

/// The page on the architecture in one language.
struct Architecture {
    page: &'static str,
    /// The heading of its table of behaviours.
    heading: &'static str,
    behaviours: [&'static str; 12],
}

const ARCHITECTURE: [Architecture; 2] = [
    Architecture {
        page: "docs/architecture.md",
        heading: "Where to look",
        behaviours: [
            "ring timeout",
            "push TTL",
            "who may cancel",
            "commit hash",
            "tenant check",
            "MQTT topics",
            "encryption of `user_sig`",
            "room lease",
            "projector retry",
            "redrive",
            "checkpoint signing",
            "idempotency",
        ],
    },
    Architecture {
        page: "docs/architecture.zh.md",
        heading: "在哪里查找",
        behaviours: [
            "响铃超时",
            "推送的有效期（TTL）",
            "谁可以取消",
            "提交的哈希",
            "租户检查",
            "MQTT 主题",
            "`user_sig` 的加密",
            "房间租约",
            "投影器的重试",
            "重新处理死信",
            "检查点的签名",
            "幂等",
        ],
    },
];

/// Where the pages are that name files of the repository. Those of the packages below `client/` name files of their own folder.
const FOLDERS: [&str; 4] = ["", "docs", "docs/decisions", "infra/runbooks"];

/// Files that a command of the same page makes.
const MADE: [&str; 2] = ["client/web/ilock-client-0.1.0.tgz", "archive/2026-11-22.jsonl.zst"];

/// Where the compiler and the tools put what they make.
const BUILT: [&str; 2] = ["target/", ".ilock/"];

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

/// What the first column of `row` says.
fn subject(row: &str) -> &str {
    row.split('|').nth(1).unwrap_or_default().trim()
}

/// What stands in backticks in `text` and is a path of the repository: it ends in a file's name, or begins with a folder of
/// the repository.
fn quoted_paths(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_ours = |word: &str| {
        let folder = word.split('/').next().filter(|folder| !folder.is_empty());
        folder.is_some_and(|folder| repository().join(folder).is_dir())
    };
    let path = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        let outside = word.starts_with('/') || BUILT.iter().any(|folder| word.starts_with(folder));
        plain && word.contains('/') && !outside && (Path::new(word).extension().is_some() || is_ours(word))
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
    let quoted = quoted_paths(text).into_iter().filter(|path| !MADE.contains(&path.as_str()));
    links.chain(quoted.map(|path| repository().join(path))).collect()
}

/// Every page of [`FOLDERS`].
fn pages() -> Vec<PathBuf> {
    let entries = FOLDERS.iter().flat_map(|folder| std::fs::read_dir(repository().join(folder)).unwrap());
    let files = entries.map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|ext| ext == "md")).collect();
    pages.sort();
    pages
}

#[test]
fn the_architecture_page_says_where_twelve_behaviours_are() {
    let mut files: Vec<Vec<Vec<PathBuf>>> = vec![];
    for Architecture { page, heading, behaviours } in ARCHITECTURE {
        let page = repository().join(page);
        let text = read(&page);
        let rows = rows(&text, heading);
        let subjects: Vec<&str> = rows.iter().map(|row| subject(row)).collect();
        assert_eq!(subjects, behaviours, "{}: what the rows under {heading} are about", page.display());
        let of_rows: Vec<Vec<PathBuf>> = rows.iter().map(|row| named(&page, row)).collect();
        let empty = of_rows.iter().zip(behaviours).find(|(files, _)| files.is_empty());
        assert!(empty.is_none(), "{}: no file is named: {empty:?}", page.display());
        files.push(of_rows);
    }
    assert_eq!(files[0], files[1], "the files, in both languages");
}

#[test]
fn the_documents_name_files_that_exist() {
    let pages = pages();
    assert!(pages.len() >= 60, "{} pages were read", pages.len());
    let mut missing = vec![];
    for page in pages {
        let gone = named(&page, &read(&page)).into_iter().filter(|path| !path.exists());
        missing.extend(gone.map(|path| format!("{}: {}", relative(&page), path.display())));
    }
    assert!(missing.is_empty(), "not there:\n{}", missing.join("\n"));
}

/// The words that the glossary explains, in small letters: the first column of its tables, where a cell may have several.
fn explained(glossary: &str) -> Vec<String> {
    let rows = glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word |"));
    let words = rows.flat_map(|row| subject(row).split(", "));
    words.map(|word| word.trim_matches('`').to_lowercase()).collect()
}

#[test]
fn the_glossary_explains_words_that_other_documents_use() {
    let words = explained(&read(&repository().join("docs/glossary.md")));
    assert!(words.len() >= 80, "{} words were read", words.len());
    let is_glossary = |page: &PathBuf| relative(page).contains("glossary");
    let others = pages().into_iter().filter(|page| !is_glossary(page));
    let used: String = others.map(|page| read(&page).to_lowercase()).collect();
    let unused: Vec<String> = words.into_iter().filter(|word| !used.contains(word.as_str())).collect();
    assert!(unused.is_empty(), "the glossary explains what no other document says: {unused:?}");
}

#[test]
fn words_are_found_in_the_first_column() {
    let text = "# Glossary\n\n| word | what it is |\n|---|---|\n| Log, event log | x |\n| `user_sig` | y |\n";
    assert_eq!(explained(text), ["log", "event log", "user_sig"]);
}

#[test]
fn paths_are_found_in_links_and_in_backticks() {
    let text = "## Where to look\n\n| what | file |\n|---|---|\n| `user_sig` | [a](../a/b.rs#L3), `c/d.rs` |\n\n## Next\n| x | y |\n";
    let rows = rows(text, "Where to look");
    assert_eq!((rows.len(), subject(rows[0])), (1, "`user_sig`"));
    assert_eq!((linked_paths(rows[0]), quoted_paths(rows[0])), (vec!["../a/b.rs".into()], vec!["c/d.rs".into()]));
    assert!(
        quoted_paths("`POST /api/calls`, `users/{id}/x`, `/api/x.y`, `target/debug/ilock`, `calls/incoming`")
            .is_empty()
    );
    assert_eq!(quoted_paths("`tools/deploy`, `tools/no-such-tool`, `docs`"), ["tools/deploy", "tools/no-such-tool"]);
}
