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
    /// The crates of the workspace under [dependencies], optional ones included.
    pub dependencies: Vec<String>,
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
    let normal = list("dependencies").filter(|dependency| dependency["kind"].is_null());
    let normal = normal.map(|dependency| dependency["name"].as_str().unwrap());
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    Package {
        name: package["name"].as_str().unwrap().to_owned(),
        folder: manifest.parent().unwrap().strip_prefix(repository()).unwrap().to_owned(),
        roots: list("targets").map(|target| target["src_path"].as_str().unwrap().into()).collect(),
        dependencies: normal.filter(|name| workspace.contains(name)).map(str::to_owned).collect(),
    }
}

/// Every .rs file in `folder` and in the folders below it.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
