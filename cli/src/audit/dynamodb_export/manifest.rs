//! Which data files an export has, and whether they are those of its manifest.

use std::io;
use std::path::{Path, PathBuf};

use ilock_audit::{Finding, Kind};
use serde::Deserialize;

use crate::audit::bounded::MANIFEST;
use crate::ui::error::CommandError;

pub struct DataFile {
    pub path: PathBuf,
    /// The number of items by the manifest. None without a manifest.
    pub items: Option<u64>,
}

impl DataFile {
    pub fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// A line of `manifest-files.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestLine {
    item_count: u64,
    data_file_s3_key: String,
}

/// `manifest-summary.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    output_format: Option<String>,
    export_type: Option<String>,
}

/// The data files in a folder, and what is wrong with them before one is opened.
#[derive(Default)]
pub struct DataFiles {
    pub files: Vec<DataFile>,
    pub findings: Vec<Finding>,
}

/// Refuses an export that is not a full one in the format `DYNAMODB_JSON`. An export without a summary is accepted.
pub fn check_summary(folder: &Path) -> Result<(), CommandError> {
    let path = folder.join("manifest-summary.json");
    if !path.is_file() {
        return Ok(());
    }
    let summary: Summary = serde_json::from_str(&MANIFEST.read(&path)?)
        .map_err(|error| CommandError::new(format!("{}: manifest-summary.json: {error}", folder.display())))?;
    let is = |value: &Option<String>, expected: &str| value.as_deref().is_none_or(|value| value == expected);
    if is(&summary.output_format, "DYNAMODB_JSON") && is(&summary.export_type, "FULL_EXPORT") {
        return Ok(());
    }
    Err(CommandError::new(format!("{} is not a full export in the format DYNAMODB_JSON", folder.display()))
        .hint("aws dynamodb export-table-to-point-in-time --export-format DYNAMODB_JSON"))
}

impl DataFiles {
    pub fn list(folder: &Path) -> Result<Self, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", folder.display()));
        let data = Some(folder.join("data")).filter(|data| data.is_dir()).unwrap_or_else(|| folder.to_owned());
        let mut present: Vec<PathBuf> = std::fs::read_dir(&data)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        present.retain(|file| file.to_string_lossy().ends_with(".json.gz"));
        present.sort();
        let manifest = folder.join("manifest-files.json");
        if manifest.is_file() {
            return Self::by_manifest(&manifest, &data, &present);
        }
        let files = present.into_iter().map(|path| DataFile { path, items: None }).collect();
        Ok(Self { files, findings: vec![] })
    }

    fn by_manifest(manifest: &Path, data: &Path, present: &[PathBuf]) -> Result<Self, CommandError> {
        let mut found = Self::default();
        let text = MANIFEST.read(manifest)?;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: ManifestLine = match serde_json::from_str(line) {
                Ok(line) => line,
                Err(error) => {
                    found.finding(Kind::Unreadable, format!("manifest-files.json, line {}: {error}", index + 1));
                    continue;
                }
            };
            // Only the last part of the S3 key: the rest says where the file was in S3, and must not lead to another folder.
            let name = line.data_file_s3_key.rsplit('/').next().unwrap_or_default();
            let path = data.join(name);
            if present.contains(&path) {
                found.files.push(DataFile { path, items: Some(line.item_count) });
            } else {
                found.finding(Kind::Missing, format!("{name}, which the manifest names: {} items", line.item_count));
            }
        }
        for path in present {
            if !found.files.iter().any(|file| file.path == *path) {
                let name = file_name(path);
                found.finding(Kind::Forked, format!("{name} is not in the manifest; it was not read"));
            }
        }
        Ok(found)
    }

    fn finding(&mut self, kind: Kind, why: String) {
        self.findings.push(Finding::new(kind, why));
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
