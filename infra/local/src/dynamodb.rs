//! An embedded DynamoDB, spoken to by the real SDK over HTTP; and tables made from the definition that the template
//! deploys.

use std::net::SocketAddr;
use std::path::Path;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedInterceptor};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_dynamodb::{Client, Config};
use dynoxide::Database;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::error::NotStarted;

/// Opens the database: in memory, or in the file `dynamodb.sqlite` below `data_dir`.
///
/// # Errors
/// [`NotStarted::Database`].
pub fn open(data_dir: Option<&Path>) -> Result<Database, NotStarted> {
    let opened = match data_dir {
        None => Database::memory(),
        Some(dir) => Database::new(&dir.join("dynamodb.sqlite").to_string_lossy()),
    };
    opened.map_err(|error| NotStarted::Database(error.to_string()))
}

/// Serves `database` on `listener` until `stop`.
pub fn serve(listener: TcpListener, database: Database, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stop.cancelled_owned()).await {
            tracing::error!(error, "the embedded DynamoDB ended");
        }
    })
}

/// A client of the DynamoDB at `address`. `watch` sees every request.
#[must_use]
pub fn client(address: SocketAddr, watch: Option<SharedInterceptor>) -> Client {
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "embedded"))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(std::time::Duration::from_secs(2))
                .operation_timeout(std::time::Duration::from_secs(6))
                .build(),
        );
    if let Some(watch) = watch {
        config.push_interceptor(watch);
    }
    Client::from_conf(config.build())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
    #[serde(default)]
    global_secondary_indexes: Vec<Index>,
    stream_specification: Option<Stream>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    key_schema: Vec<Key>,
    projection: Projected,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projected {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stream {
    stream_view_type: String,
}

fn keys(keys: &[Key]) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    keys.iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.attribute_name)
                .key_type(KeyType::from(key.key_type.as_str()))
                .build()
        })
        .collect()
}

/// Creates table `name` from its CloudFormation properties, unless it is there. What only a real account has (backups,
/// encryption, deletion protection) is left out.
///
/// # Errors
/// [`NotStarted::Database`].
pub async fn create_table(client: &Client, name: &str, definition: &str) -> Result<(), NotStarted> {
    let failed = |error: &dyn std::error::Error| NotStarted::Database(format!("table {name}: {error}"));
    let definition: Definition = serde_json::from_str(definition).map_err(|e| failed(&e))?;
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys(&definition.key_schema).map_err(|e| failed(&e))?));
    for attribute in &definition.attribute_definitions {
        let built = AttributeDefinition::builder()
            .attribute_name(&attribute.attribute_name)
            .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
            .build();
        create = create.attribute_definitions(built.map_err(|e| failed(&e))?);
    }
    for index in &definition.global_secondary_indexes {
        let projection = ProjectionType::from(index.projection.projection_type.as_str());
        let built = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(keys(&index.key_schema).map_err(|e| failed(&e))?))
            .projection(Projection::builder().projection_type(projection).build())
            .build();
        create = create.global_secondary_indexes(built.map_err(|e| failed(&e))?);
    }
    if let Some(stream) = &definition.stream_specification {
        let view = StreamViewType::from(stream.stream_view_type.as_str());
        let built = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build();
        create = create.stream_specification(built.map_err(|e| failed(&e))?);
    }
    match create.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
        Ok(_) => Ok(()),
        Err(error) if error.is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}
