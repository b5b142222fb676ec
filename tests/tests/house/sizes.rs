//! Folders, files and functions stay small.

use syn::FnArg;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::modules::is_test;
use crate::workspace::{production_files, relative, repository};

const FILES_IN_A_FOLDER: usize = 8;
const LINES_OF_A_FUNCTION: usize = 60;
/// `self` is not counted.
const PARAMETERS_OF_A_FUNCTION: usize = 5;
const MEDIAN_LINES_OF_A_FILE: usize = 110;

/// A function or method.
#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    /// From `fn` to the last brace; of a trait's method without a body, to the end of the signature.
    lines: usize,
    parameters: usize,
}

/// All functions of a file; those of tests are left out.
#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn of(text: &str) -> Vec<Function> {
        let mut functions = Self::default();
        functions.visit_file(&syn::parse_file(text).unwrap());
        functions.0
    }

    fn add(&mut self, signature: &syn::Signature, body: Option<&syn::Block>) {
        let first = signature.span().start().line;
        let last = body.map_or(signature.span(), Spanned::span).end().line;
        let parameters = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).count();
        self.0.push(Function { name: signature.ident.to_string(), lines: last + 1 - first, parameters });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, Some(&function.block));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, Some(&function.block));
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.add(&function.sig, function.default.as_ref());
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
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
        let over = functions.into_iter().filter(|function| function.lines > LINES_OF_A_FUNCTION);
        long.extend(over.map(|Function { name, lines, .. }| format!("{} {name}: {lines} lines", relative(&file))));
    }
    assert!(long.is_empty(), "over {LINES_OF_A_FUNCTION} lines:\n{}", long.join("\n"));
}

#[test]
fn no_function_has_many_parameters() {
    let mut wide = vec![];
    for file in production_files() {
        let (functions, file) = (Functions::of(&std::fs::read_to_string(&file).unwrap()), relative(&file));
        let over = functions.into_iter().filter(|function| function.parameters > PARAMETERS_OF_A_FUNCTION);
        wide.extend(over.map(|Function { name, parameters, .. }| format!("{file} {name}: {parameters} parameters")));
    }
    assert!(wide.is_empty(), "over {PARAMETERS_OF_A_FUNCTION} parameters:\n{}", wide.join("\n"));
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
fn lines_are_counted_from_the_signature_to_the_brace_and_parameters_without_self() {
    let text = "/// Documented.\n#[must_use]\npub fn long(\n    a: u8,\n) -> u8 {\n    a\n}\n\
        #[cfg(test)]\nmod tests {\n    fn left_out() {}\n}\nimpl A {\n    async fn short(&mut self, a: u8, (b, c): (u8, u8)) {}\n}\n\
        trait B {\n    fn bare(self: Box<Self>, a: u8);\n}\n";
    let function = |name: &str, lines, parameters| Function { name: name.to_owned(), lines, parameters };
    assert_eq!(Functions::of(text), [function("long", 5, 1), function("short", 1, 2), function("bare", 1, 1)]);
}
