//! The samples of the contract, for tests.

use serde::de::DeserializeOwned;

/// Each sample whose file's name begins with `prefix`, by that name.
pub(crate) fn samples<T: DeserializeOwned>(prefix: &str) -> Vec<(String, T)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/samples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let named = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let wanted = named.filter(|(name, _)| name.starts_with(prefix));
    wanted.map(|(name, path)| (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
}
