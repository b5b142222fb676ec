//! What each function that reads the log's stream is given of it: the filters of the event source mappings in `template.yaml`.

use serde_json::Value;

/// A function that reads the log's stream, and what its event source mapping passes on.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamFunction {
    /// How its name ends, behind that of the stack.
    pub name: &'static str,
    /// Whether it is given only what was inserted, and not what was changed or removed.
    inserts_only: bool,
    /// How the sort keys begin of what it is given.
    prefixes: &'static [&'static str],
}

pub static STREAM_FUNCTIONS: [StreamFunction; 2] = [
    StreamFunction { name: "projector", inserts_only: false, prefixes: &["commit#"] },
    StreamFunction {
        name: "ledger",
        inserts_only: true,
        prefixes: &["commit#", "receipt#", "alert#", "forgotten#", "access#", "archived"],
    },
];

impl StreamFunction {
    /// The function whose name ends like this, as `ilock-dev-ledger` does; none for one that does not read the stream.
    pub fn named(name: &str) -> Option<&'static Self> {
        let end = name.rsplit('-').next()?;
        STREAM_FUNCTIONS.iter().find(|function| function.name == end)
    }

    /// Those of `records`, in the form of Lambda's stream events, that the function is given.
    pub fn filtered(&self, records: &[Value]) -> Vec<Value> {
        records.iter().filter(|record| self.is_given(record)).cloned().collect()
    }

    fn is_given(&self, record: &Value) -> bool {
        let sk = record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap_or_default();
        let is_insert = record["eventName"] == "INSERT";
        (is_insert || !self.inserts_only) && self.prefixes.iter().any(|prefix| sk.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The filter of a function, as the template has it.
    fn in_template(function: &str) -> Value {
        let template = include_str!("../../../../template.yaml");
        let (_, of_function) =
            template.split_once(&format!("FunctionName: !Sub ${{AWS::StackName}}-{function}\n")).unwrap();
        let (_, pattern) = of_function.split_once("- Pattern: '").unwrap();
        serde_json::from_str(pattern.split_once('\'').unwrap().0).unwrap()
    }

    #[test]
    fn each_function_is_given_what_its_event_source_mapping_passes_on() {
        for function in &STREAM_FUNCTIONS {
            let prefixes: Vec<Value> = function.prefixes.iter().map(|prefix| json!({ "prefix": prefix })).collect();
            let mut filter = json!({ "dynamodb": { "Keys": { "sk": { "S": prefixes } } } });
            if function.inserts_only {
                filter["eventName"] = json!(["INSERT"]);
            }
            assert_eq!(in_template(function.name), filter, "{}", function.name);
        }
    }

    #[test]
    fn a_function_is_known_by_the_end_of_its_name_and_given_its_own() {
        let names = |name: &str| StreamFunction::named(name).map(|function| function.name);
        assert_eq!((names("ilock-dev-ledger"), names("projector")), (Some("ledger"), Some("projector")));
        assert_eq!((names("ilock-dev-expire"), names("")), (None, None));
        let record = |event: &str, sk: &str| {
            let keys = json!({ "pk": { "S": "call#c" }, "sk": { "S": sk } });
            json!({ "eventName": event, "dynamodb": { "Keys": keys } })
        };
        let all = [
            record("INSERT", "commit#000001"),
            record("REMOVE", "commit#000002"),
            record("INSERT", "receipt#000001#0000"),
            record("INSERT", "archived"),
            record("INSERT", "personal#00"),
        ];
        let given = |name: &str| {
            let given = StreamFunction::named(name).unwrap().filtered(&all);
            given.iter().map(|one| one["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(given("projector"), ["commit#000001", "commit#000002"]);
        assert_eq!(given("ledger"), ["commit#000001", "receipt#000001#0000", "archived"]);
    }
}
