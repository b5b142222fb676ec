//! What is expected against what came: every field that is expected must be there; others may be.

use std::collections::BTreeMap;

use serde_json::Value;

/// The moment that `@0` stands for: milliseconds since 1970.
const EPOCH: i64 = 1_679_886_450_000;

/// What `$name` stands for, from the moment it was first seen.
#[derive(Debug, Default)]
pub struct Bindings(BTreeMap<String, Value>);

/// `@1000` is a second after the case's beginning, `@s1000` the same as text.
fn moment(text: &str) -> Option<Value> {
    let rest = text.strip_prefix('@')?;
    match rest.strip_prefix('s') {
        Some(ms) => Some(Value::String((EPOCH + ms.parse::<i64>().ok()?).to_string())),
        None => Some(Value::from(EPOCH + rest.parse::<i64>().ok()?)),
    }
}

/// An input with its names and moments filled in; what an app gets as text may stand as JSON.
pub fn filled(input: &Value, bindings: &Bindings) -> Result<Value, String> {
    let mut input = replaced(input, bindings)?;
    for field in ["body", "payload", "data"] {
        if let Some(value) = input.get_mut(field).filter(|value| !value.is_string()) {
            *value = Value::String(value.to_string());
        }
    }
    Ok(input)
}

fn replaced(value: &Value, bindings: &Bindings) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) if text.starts_with('$') => {
            bindings.0.get(&text[1..]).cloned().ok_or_else(|| format!("{text} was not seen before"))?
        }
        Value::String(text) => moment(text).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items.iter().map(|item| replaced(item, bindings)).collect::<Result<_, _>>()?,
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), replaced(value, bindings)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

impl Bindings {
    /// These outputs, in this order, and no others.
    pub fn expect(&mut self, expected: &[Value], outputs: &[Value]) -> Result<(), String> {
        let shown = || outputs.iter().map(Value::to_string).collect::<Vec<_>>().join("\n    ");
        if expected.len() != outputs.len() {
            return Err(format!("{} outputs were expected, {} came:\n    {}", expected.len(), outputs.len(), shown()));
        }
        for (expected, output) in expected.iter().zip(outputs) {
            self.matches(expected, output).map_err(|why| format!("{why}, in\n    {}", shown()))?;
        }
        Ok(())
    }

    fn matches(&mut self, expected: &Value, actual: &Value) -> Result<(), String> {
        match (expected, actual) {
            (Value::String(name), _) if name.starts_with("$!") => {
                if self.0.get(&name[2..]) == Some(actual) {
                    Err(format!("{name} is the same again"))
                } else {
                    Ok(())
                }
            }
            (Value::String(name), _) if name.starts_with('$') => {
                // A request that is made again has another id; a key has not.
                let known = self.0.get(&name[1..]).filter(|known| known.is_string());
                if let Some(known) = known.filter(|known| *known != actual) {
                    return Err(format!("{name} was {known} and is {actual}"));
                }
                self.0.insert(name[1..].to_owned(), actual.clone());
                Ok(())
            }
            (Value::Object(fields), Value::Object(there)) => {
                for (name, expected) in fields {
                    match there.get(name) {
                        Some(actual) => self.matches(expected, actual).map_err(|why| format!("{name}: {why}"))?,
                        // `null` stands for a field that is not there.
                        None if expected.is_null() => {}
                        None => return Err(format!("{name} is missing")),
                    }
                }
                Ok(())
            }
            (Value::Object(_), Value::String(text)) => {
                let parsed: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
                self.matches(expected, &parsed)
            }
            (Value::Array(items), Value::Array(there)) if items.len() == there.len() => {
                items.iter().zip(there).try_for_each(|(expected, actual)| self.matches(expected, actual))
            }
            (Value::String(text), _) => {
                let expected = moment(text).or_else(|| self.0.get(text.strip_prefix('$')?).cloned());
                let expected = expected.unwrap_or_else(|| Value::String(text.clone()));
                if expected == *actual { Ok(()) } else { Err(format!("{actual} is not {expected}")) }
            }
            _ if expected == actual => Ok(()),
            _ => Err(format!("{actual} is not {expected}")),
        }
    }
}
