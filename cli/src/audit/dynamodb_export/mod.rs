//! The folder of a table export that DynamoDB wrote to S3: `manifest-files.json`, and `data/*.json.gz` with one item a
//! line, in no order.

mod folder;
mod manifest;
mod runs;
mod sort;

pub use folder::ExportFolder;
