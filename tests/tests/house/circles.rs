//! No file imports in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::arrows::{Arrows, arrows};
use crate::workspace::{packages, repository};

/// Each set of files that lead back to each other, as the arrows between them.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        arrows.keys().map(|from| (from, reachable(arrows, from))).collect();
    let mut circles = BTreeMap::<BTreeSet<&PathBuf>, Vec<String>>::new();
    for (from, all) in reached.iter().filter(|(from, all)| all.contains(*from)) {
        let back = |file: &&&PathBuf| reached.get(**file).is_some_and(|others| others.contains(from));
        let circle: BTreeSet<&PathBuf> = all.iter().filter(back).copied().collect();
        let within = arrows[*from].iter().filter(|(to, _)| circle.contains(to));
        let lines: Vec<String> =
            within.map(|(to, path)| format!("{} -> {} ({path})", from.display(), to.display())).collect();
        circles.entry(circle).or_default().extend(lines);
    }
    circles.into_values().collect()
}

fn reachable<'a>(arrows: &'a Arrows, from: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(arrows.get(file).into_iter().flat_map(BTreeMap::keys).filter(|to| reached.insert(*to)));
    }
    reached
}

/// The circles of all targets with these root files, with paths relative to `folder`.
fn circles_in(folder: &Path, roots: &[PathBuf]) -> Vec<Vec<String>> {
    let mut all = Arrows::new();
    let relative = |file: PathBuf| file.strip_prefix(folder).map(Path::to_owned).unwrap_or(file);
    for (from, to) in roots.iter().flat_map(|root| arrows(root)) {
        all.entry(relative(from)).or_default().extend(to.into_iter().map(|(to, path)| (relative(to), path)));
    }
    circles(&all)
}

#[test]
fn no_file_imports_in_a_circle() {
    let found: Vec<String> = packages()
        .iter()
        .flat_map(|package| circles_in(&repository(), &package.roots))
        .map(|circle| circle.join("\n  "))
        .collect();
    assert!(found.is_empty(), "{} circles between files:\n  {}", found.len(), found.join("\n\n  "));
}

/// A crate of these files; its circles, each as the files that are in it.
fn planted(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let circles = circles_in(folder.path(), &[folder.path().join("lib.rs")]);
    let from = |line: String| line.split(" -> ").next().unwrap().to_owned();
    let files = |circle: Vec<String>| circle.into_iter().map(from).collect::<BTreeSet<_>>().into_iter().collect();
    circles.into_iter().map(files).collect()
}

#[test]
fn a_planted_circle_is_found() {
    let found = planted(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::{self, B}; pub struct A(B); fn f() { b::g() }"),
        ("b.rs", "use super::c::C; pub struct B(C); pub fn g() {}"),
        ("c.rs", "pub struct C; fn f() { let _ = crate::a::A::new(); }"),
    ]);
    assert_eq!(found, [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn a_circle_through_a_face_joins_the_files_that_define() {
    let found = planted(&[
        ("lib.rs", "mod a; mod deep; pub use a::A; pub use deep::*;"),
        ("a.rs", "pub struct A(crate::B);"),
        ("deep/mod.rs", "mod b; pub use self::b::B;"),
        ("deep/b.rs", "use crate::*; pub struct B(Box<A>);"),
    ]);
    assert_eq!(found, [["a.rs", "deep/b.rs"]]);
}

#[test]
fn a_root_that_defines_what_its_modules_use_may_not_use_them() {
    let child = ("child.rs", "use super::Shared; pub fn f(_: Shared) {}");
    let found = planted(&[("lib.rs", "mod child; pub use child::f; pub struct Shared;"), child]);
    assert_eq!(found, [["child.rs", "lib.rs"]]);
    let found = planted(&[("lib.rs", "mod child; pub struct Shared;"), child]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn macros_attributes_globs_and_functions_hide_no_arrow() {
    let ways = [
        "pub struct A; fn f() { println!(\"{}\", crate::b::g()); }",
        "pub struct A; #[serde(with = \"crate::b\")] struct S; use crate::b as other; fn f() { other::g(); }",
        "use crate::b::*; pub struct A; fn f() { g() }",
        "pub struct A; fn f() { use super::b::g; g() }",
        "pub struct A; mod inner { fn f() { super::super::b::g() } }",
        "use crate::b::*; pub struct A;",
    ];
    for way in ways {
        let found =
            planted(&[("lib.rs", "mod a; mod b;"), ("a.rs", way), ("b.rs", "use crate::a::A; pub fn g() { A; }")]);
        assert_eq!(found, [["a.rs", "b.rs"]], "{way}");
    }
}

#[test]
fn modules_that_declare_re_export_or_share_a_name_are_in_no_circle() {
    let found = planted(&[
        ("lib.rs", "pub mod a; pub mod b; mod c; mod log; pub use log::log; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::log::log; pub struct A; fn f(b: u8) { let x = S { b }; x.b; log::info!(\"\"); log() }"),
        ("b.rs", "pub struct B(super::A); #[cfg(test)] mod tests { use super::*; fn f() -> B { B(crate::c::C.0) } }"),
        ("c.rs", "pub struct C(pub crate::b::B);"),
        ("log.rs", "pub fn log() {}"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}
