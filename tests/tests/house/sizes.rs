//! Folders, files and functions stay small.

use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::modules::is_test;
use crate::workspace::{packages, repository, rust_files};

const FILES_IN_A_FOLDER: usize = 8;
const LINES_OF_A_FUNCTION: usize = 60;
const MEDIAN_LINES_OF_A_FILE: usize = 110;

/// The crates that are not production code.
const TEST_CRATES: [&str; 2] = ["ilock-tests", "ilock-bench"];

/// Every file under `src/` of every production crate.
fn production_files() -> Vec<PathBuf> {
    let production = packages().into_iter().filter(|package| !TEST_CRATES.contains(&package.name.as_str()));
    let folders = production.map(|package| repository().join(&package.folder).join("src"));
    folders.flat_map(|folder| rust_files(&folder)).collect()
}

/// Functions and methods, each with the number of its lines from `fn` to the last brace; those of tests are left out.
#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn of(text: &str) -> Vec<(String, usize)> {
        let mut functions = Self::default();
        functions.visit_file(&syn::parse_file(text).unwrap());
        functions.0
    }

    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (first, last) = (signature.span().start().line, body.span().end().line);
        self.0.push((signature.ident.to_string(), last + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

fn relative(file: &Path) -> String {
    file.strip_prefix(repository()).unwrap().display().to_string()
}

#[test]
fn the_largest_folders_hold_few_files_beside_their_folders() {
    for folder in ["functions/src", "cli/src"] {
        let entries = std::fs::read_dir(repository().join(folder)).unwrap();
        let files = entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
        assert!(files <= FILES_IN_A_FOLDER, "{folder} holds {files} files; at most {FILES_IN_A_FOLDER}");
    }
}

#[test]
fn no_function_is_long() {
    let mut long = vec![];
    for file in production_files() {
        let functions = Functions::of(&std::fs::read_to_string(&file).unwrap());
        let over = functions.into_iter().filter(|(_, lines)| *lines > LINES_OF_A_FUNCTION);
        long.extend(over.map(|(name, lines)| format!("{} {name}: {lines} lines", relative(&file))));
    }
    assert!(long.is_empty(), "over {LINES_OF_A_FUNCTION} lines:\n{}", long.join("\n"));
}

#[test]
fn half_of_the_files_are_short() {
    let mut lines: Vec<usize> =
        production_files().iter().map(|file| std::fs::read_to_string(file).unwrap().lines().count()).collect();
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(median <= MEDIAN_LINES_OF_A_FILE, "the median of {} files is {median} lines", lines.len());
}

#[test]
fn lines_are_counted_from_the_signature_to_the_brace() {
    let text = "/// Documented.\n#[must_use]\npub fn long(\n    a: u8,\n) -> u8 {\n    a\n}\n\
        #[cfg(test)]\nmod tests {\n    fn left_out() {}\n}\nimpl A {\n    async fn short() {}\n}\n";
    assert_eq!(Functions::of(text), [("long".to_owned(), 5), ("short".to_owned(), 1)]);
}
