//! A strict checker of objects against Stripe's API description: nothing extra, nothing missing, nothing of another type.

use std::io::Read as _;
use std::sync::LazyLock;

use serde_json::Value;

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!("../../data/stripe-spec3.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
});

/// Everything about `value` that does not fit the schema `name`.
pub fn faults(name: &str, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(&schema(name), value, name, &mut faults);
    faults
}

/// The names of all described objects.
pub fn schema(name: &str) -> Value {
    let schema = &SPEC["components"]["schemas"][name];
    assert!(schema.is_object(), "{name} is not described");
    schema.clone()
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return check(&SPEC["components"]["schemas"][name], value, at, faults);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return check_any(choices, value, at, faults);
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        faults.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    match schema["type"].as_str() {
        Some("string") if !value.is_string() => faults.push(format!("{at}: {value} is no string")),
        Some("number") if !value.is_number() => faults.push(format!("{at}: {value} is no number")),
        Some("boolean") if !value.is_boolean() => faults.push(format!("{at}: {value} is no boolean")),
        Some("array") => match value.as_array() {
            None => faults.push(format!("{at}: {value} is no array")),
            Some(rows) => rows.iter().for_each(|row| check(&schema["items"], row, &format!("{at}[]"), faults)),
        },
        Some("object") => check_object(schema, value, at, faults),
        _ => {}
    }
}

/// One of the choices must fit; the one of the same `object` explains best why none does.
fn check_any(choices: &[Value], value: &Value, at: &str, faults: &mut Vec<String>) {
    let mut best: Option<Vec<String>> = None;
    for choice in choices {
        let mut found = Vec::new();
        check(choice, value, at, &mut found);
        if found.is_empty() {
            return;
        }
        if best.as_ref().is_none_or(|best| found.len() < best.len()) {
            best = Some(found);
        }
    }
    faults.extend(best.unwrap_or_default());
}

fn check_object(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(fields) = value.as_object() else {
        faults.push(format!("{at}: {value} is no object"));
        return;
    };
    let Some(known) = schema["properties"].as_object() else {
        let of = &schema["additionalProperties"];
        fields.iter().for_each(|(name, value)| check(of, value, &format!("{at}.{name}"), faults));
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            faults.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, value) in fields {
        match known.get(name) {
            Some(schema) => check(schema, value, &format!("{at}.{name}"), faults),
            None => faults.push(format!("{at}.{name} is not described")),
        }
    }
}

#[test]
fn the_checker_sees_every_sort_of_fault() {
    let good = serde_json::json!({"id": "prod_1", "object": "product", "deleted": true});
    assert_eq!(faults("deleted_product", &good), Vec::<String>::new());
    for (bad, reason) in [
        (serde_json::json!({"id": "prod_1", "object": "product"}), "\"deleted\" is missing"),
        (serde_json::json!({"id": 1, "object": "product", "deleted": true}), "is no string"),
        (serde_json::json!({"id": null, "object": "product", "deleted": true}), "is no string"),
        (serde_json::json!({"id": "prod_1", "object": "price", "deleted": true}), "is none of"),
        (serde_json::json!({"id": "prod_1", "object": "product", "deleted": true, "x": 1}), "x is not described"),
    ] {
        assert!(faults("deleted_product", &bad).iter().any(|fault| fault.contains(reason)), "{bad}");
    }
}
