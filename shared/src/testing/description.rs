//! Whether an OpenAPI document tells its readers what they need.

use std::collections::HashSet;

use serde_json::Value;

/// Checks that an OpenAPI document is of use to a reader: each operation has a name of its own and says what it does, and
/// what goes in and comes out is described, with an example that the description knows.
///
/// # Panics
/// It is not.
#[track_caller]
#[expect(clippy::panic, reason = "it is an assertion")]
pub fn check_description(document: &Value) {
    let mut names = HashSet::new();
    for operation in document["paths"].members().flat_map(Value::members) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("no name: {operation}"));
        assert!(names.insert(name), "two are called {name}");
        assert_ne!(operation["summary"].as_str().unwrap_or_default(), "", "{name}");
        for body in operation["requestBody"]["content"].members() {
            check_schema(document, name, &body["schema"]);
        }
        let answers = operation["responses"].members().flat_map(|answer| answer["content"].members());
        for body in answers.filter(|body| body.get("schema").is_some()) {
            let schema = &body["schema"];
            check_schema(document, name, schema.get("items").unwrap_or(schema));
        }
    }
}

trait Members {
    fn members(&self) -> impl Iterator<Item = &Value>;
}

impl Members for Value {
    fn members(&self) -> impl Iterator<Item = &Value> {
        self.as_object().into_iter().flat_map(serde_json::Map::values)
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "it is an assertion")]
fn check_schema(document: &Value, operation: &str, schema: &Value) {
    let Some(name) = schema["$ref"].as_str() else { panic!("{operation}: {schema} has no name") };
    let schema = document.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
    let Some(properties) = schema["properties"].as_object() else {
        panic!("{operation}: {name} has no members")
    };
    match schema["example"].as_object() {
        Some(example) => {
            for member in example.keys() {
                assert!(properties.contains_key(member), "{operation}: {name} does not describe {member}");
            }
        }
        None => assert!(
            properties.values().any(|one| one.get("example").is_some()),
            "{operation}: {name} has no example"
        ),
    }
}
