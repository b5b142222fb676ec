//! The modules of one target, read from its root file: which file each stands in, what it defines, what it imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// One `use` of a name; several come out of one statement with braces.
pub struct Import {
    /// The path as it is written, without the `*` of a glob.
    pub path: Vec<String>,
    /// The name that it binds here; None for a glob.
    pub name: Option<String>,
    /// Whether the name is seen from outside the module.
    pub public: bool,
}

/// One module: a file, or an inline `mod` in a file.
pub struct Module {
    pub file: PathBuf,
    pub parent: Option<usize>,
    pub children: BTreeMap<String, usize>,
    /// What it defines itself.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// All its code but `mod` declarations and inline modules.
    pub code: Vec<TokenStream>,
}

/// The modules of one target; the root is the first.
#[derive(Default)]
pub struct Modules {
    pub all: Vec<Module>,
    /// Macros with `#[macro_export]`, which are named by `crate::` wherever they stand.
    pub exported_macros: BTreeMap<String, usize>,
}

impl Modules {
    /// Reads the target whose root file is `root`.
    pub fn read(root: &Path) -> Self {
        let mut modules = Self::default();
        modules.read_file(root, None, root.parent().unwrap());
        modules
    }

    /// `folder` is where the files of its child modules are.
    fn read_file(&mut self, file: &Path, parent: Option<usize>, folder: &Path) -> usize {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(file, parent, folder, &parsed.items)
    }

    fn read_items(&mut self, file: &Path, parent: Option<usize>, folder: &Path, items: &[Item]) -> usize {
        let id = self.all.len();
        self.all.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: vec![],
            code: vec![],
        });
        for item in items {
            if let Item::Mod(child) = item {
                // Tests may look at everything.
                if is_test(&child.attrs) {
                    continue;
                }
                let child_id = self.read_child(file, id, folder, child);
                self.all[id].children.insert(plain(&child.ident), child_id);
                continue;
            }
            let mut uses = Uses::default();
            uses.visit_item(item);
            if let Item::Macro(defined) = item
                && defined.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"))
            {
                self.exported_macros.insert(plain(defined.ident.as_ref().unwrap()), id);
            }
            let module = &mut self.all[id];
            module.imports.append(&mut uses.0);
            module.items.extend(name_of(item));
            module.code.push(item.to_token_stream());
        }
        id
    }

    fn read_child(&mut self, file: &Path, parent: usize, folder: &Path, child: &ItemMod) -> usize {
        let name = plain(&child.ident);
        if let Some((_, items)) = &child.content {
            return self.read_items(file, Some(parent), &folder.join(name), items);
        }
        if let Some(path) = path_attribute(child) {
            let path = file.parent().unwrap().join(path);
            let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return self.read_file(&path, Some(parent), path.parent().unwrap());
        }
        let below = folder.join(&name);
        let with_folder = below.join("mod.rs");
        let file = if with_folder.exists() { with_folder } else { folder.join(format!("{name}.rs")) };
        self.read_file(&file, Some(parent), &below)
    }
}

/// Whether `#[cfg(test)]` stands before something.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        attribute.path().is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

/// An identifier without the `r#` of a keyword.
pub fn plain(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// The file that `#[path = "…"]` names.
fn path_attribute(module: &ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(value), .. }) = &pair.value else { return None };
        pair.path.is_ident("path").then(|| value.value())
    })
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(plain(name))
}

/// Collects every `use` of an item, those within functions too.
#[derive(Default)]
struct Uses(Vec<Import>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // A leading `::` names another crate.
        if item.leading_colon.is_none() {
            let before = self.0.len();
            self.flatten(&mut vec![], &item.tree);
            let public = !matches!(item.vis, Visibility::Inherited);
            self.0[before..].iter_mut().for_each(|import| import.public = public);
        }
    }
}

impl Uses {
    fn flatten(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(plain(&path.ident));
                self.flatten(before, &path.tree);
                before.pop();
            }
            UseTree::Name(name) => self.bind(before, &plain(&name.ident), None),
            UseTree::Rename(rename) => self.bind(before, &plain(&rename.ident), Some(plain(&rename.rename))),
            UseTree::Glob(_) => self.0.push(Import { path: before.clone(), name: None, public: false }),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.flatten(before, tree)),
        }
    }

    fn bind(&mut self, before: &[String], last: &str, renamed: Option<String>) {
        let mut path = before.to_vec();
        // `use a::{self}` binds `a`.
        if last != "self" || path.is_empty() {
            path.push(last.to_owned());
        }
        let name = renamed.or_else(|| path.last().cloned());
        self.0.push(Import { path, name, public: false });
    }
}
