//! The workspace as `cargo metadata` describes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One crate of the workspace.
pub struct Package {
    pub name: String,
    /// The folder of its Cargo.toml, relative to the repository.
    pub folder: PathBuf,
    /// The root file of each target: lib.rs, main.rs, one for each test.
    pub roots: Vec<PathBuf>,
    /// The crates of the workspace under [dependencies], optional ones included, and under [build-dependencies].
    pub dependencies: Vec<String>,
    /// Those under [dev-dependencies].
    pub dev_dependencies: Vec<String>,
}

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every crate of the workspace.
pub fn packages() -> Vec<Package> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    packages.iter().map(|package| read(package, &names)).collect()
}

fn read(package: &Value, workspace: &[&str]) -> Package {
    let list = |field: &str| package[field].as_array().unwrap().iter();
    let of_kind = |kinds: &[Option<&str>]| -> Vec<String> {
        let chosen = list("dependencies").filter(|dependency| kinds.contains(&dependency["kind"].as_str()));
        let names = chosen.map(|dependency| dependency["name"].as_str().unwrap());
        names.filter(|name| workspace.contains(name)).map(str::to_owned).collect()
    };
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    Package {
        name: package["name"].as_str().unwrap().to_owned(),
        folder: manifest.parent().unwrap().strip_prefix(repository()).unwrap().to_owned(),
        roots: list("targets").map(|target| target["src_path"].as_str().unwrap().into()).collect(),
        // What is under [dependencies] has no kind.
        dependencies: of_kind(&[None, Some("build")]),
        dev_dependencies: of_kind(&[Some("dev")]),
    }
}

/// The crates that are not production code.
const TEST_CRATES: [&str; 2] = ["ilock-tests", "ilock-bench"];

/// Every file under `src/` of every production crate.
pub fn production_files() -> Vec<PathBuf> {
    let production = packages().into_iter().filter(|package| !TEST_CRATES.contains(&package.name.as_str()));
    let folders = production.map(|package| repository().join(&package.folder).join("src"));
    folders.flat_map(|folder| rust_files(&folder)).collect()
}

/// `file` as it is named from the repository's folder.
pub fn relative(file: &Path) -> String {
    file.strip_prefix(repository()).unwrap().display().to_string()
}

/// Every .rs file in `folder` and in the folders below it.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_of(folder, "rs")
}

/// Every file with that extension in `folder` and in the folders below it.
pub fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}
