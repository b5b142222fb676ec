//! Which file uses what another file defines.
//!
//! A `mod` declaration is no arrow. A name that a file re-exports leads to the file that defines it, so that a `lib.rs`
//! which only re-exports is never in a circle; one that defines something of its own is a file like any other, and its
//! `pub use` lines count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::modules::Modules;
use crate::tokens::paths;

/// For each file the files that it uses, each with one path that does.
pub type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// A name that is being looked up, so that two globs that import each other end.
type Seen = BTreeSet<(usize, String, bool)>;

/// All arrows of the target whose root file is `root`.
pub fn arrows(root: &Path) -> Arrows {
    let modules = Modules::read(root);
    let mut arrows = Arrows::new();
    for (id, module) in modules.all.iter().enumerate() {
        for (path, to) in modules.used_by(id) {
            let to = &modules.all[to].file;
            if *to != module.file {
                arrows.entry(module.file.clone()).or_default().entry(to.clone()).or_insert_with(|| path.join("::"));
            }
        }
    }
    arrows
}

impl Modules {
    /// The modules that define what module `id` uses, each with the path that it is named by.
    fn used_by(&self, id: usize) -> Vec<(Vec<String>, usize)> {
        let none = Seen::new();
        let module = &self.all[id];
        let mut all: Vec<Vec<String>> = module.code.iter().cloned().flat_map(paths).collect();
        let in_code = all.clone();
        all.extend(module.imports.iter().map(|import| import.path.clone()));
        let items = all.into_iter().filter_map(|path| match self.resolve(id, &path, true, &none)? {
            Found::Item(to) => Some((path, to)),
            // Only a name: what is used through it counts.
            Found::Module(_) => None,
        });
        // A glob counts by the names that are used through it; one for traits alone has none that stand in the code.
        let globs = module.imports.iter().filter(|import| import.name.is_none()).filter_map(|import| {
            let Some(Found::Module(to)) = self.resolve(id, &import.path, false, &none) else { return None };
            let through = |path: &Vec<String>| {
                self.offers(to, &path[0], id) && self.lookup(to, &path[0], path.len() == 1, &none).is_some()
            };
            (!in_code.iter().any(through)).then(|| (import.path.clone(), to))
        });
        items.chain(globs).collect()
    }

    /// What `path` leads to, written in module `from`; None when it leads out of the crate. Its last name may be a function
    /// as well as a module of that name: `last` says that a function is meant.
    fn resolve(&self, from: usize, path: &[String], last: bool, seen: &Seen) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.all[from].parent?),
            name => self.lookup(from, name, last && rest.is_empty(), seen)?,
        };
        for (index, name) in rest.iter().enumerate() {
            let Found::Module(module) = found else { return Some(found) };
            found = if name == "super" {
                Found::Module(self.all[module].parent?)
            } else {
                // A name that stands nowhere was made by a macro there.
                self.lookup(module, name, last && index + 1 == rest.len(), seen).unwrap_or(Found::Item(module))
            };
        }
        Some(found)
    }

    /// What `name` is in `module`.
    fn lookup(&self, module: usize, name: &str, last: bool, seen: &Seen) -> Option<Found> {
        let mut seen = seen.clone();
        if !seen.insert((module, name.to_owned(), last)) {
            return None;
        }
        let here = &self.all[module];
        let item = here.items.contains(name).then_some(Found::Item(module));
        let child = here.children.get(name).copied().map(Found::Module);
        let [before, after] = if last { [item, child] } else { [child, item] };
        let exported = || (module == 0).then(|| self.exported_macros.get(name).copied().map(Found::Item)).flatten();
        before.or_else(|| self.imported(module, name, last, &seen)).or(after).or_else(exported)
    }

    fn imported(&self, module: usize, name: &str, last: bool, seen: &Seen) -> Option<Found> {
        let (globs, named): (Vec<_>, Vec<_>) =
            self.all[module].imports.iter().partition(|import| import.name.is_none());
        let mut named = named.into_iter().filter(|import| import.name.as_deref() == Some(name));
        named.find_map(|import| self.resolve(module, &import.path, last, seen)).or_else(|| {
            globs.into_iter().find_map(|glob| match self.resolve(module, &glob.path, false, seen)? {
                Found::Module(other) => {
                    self.offers(other, name, module).then(|| self.lookup(other, name, last, seen)).flatten()
                }
                // The variants of an enum.
                Found::Item(_) => None,
            })
        })
    }

    /// Whether a glob import of `module` in `viewer` may bring `name`: what `module` imports for itself stays in it.
    fn offers(&self, module: usize, name: &str, viewer: usize) -> bool {
        let here = &self.all[module];
        let within = std::iter::successors(Some(viewer), |inner| self.all[*inner].parent).any(|outer| outer == module);
        let public = here.imports.iter().filter(|import| import.public);
        let re_exported = || public.clone().any(|import| import.name.as_deref().is_none_or(|own| own == name));
        within || here.items.contains(name) || here.children.contains_key(name) || re_exported()
    }
}
