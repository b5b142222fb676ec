//! Tables, made from the definition that the template deploys.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use serde::Deserialize;

use crate::error::NotStarted;

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
