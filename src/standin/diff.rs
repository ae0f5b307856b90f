//! What an event says about the state before: `data.previous_attributes`.

use serde_json::{Map, Value};

/// The attributes of `before` that differ in `after`, nested objects reduced to what changed; a key that is new is `null`.
pub fn previous_attributes(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return before.clone();
    };
    let mut previous = Map::new();
    for (key, old) in before {
        match after.get(key) {
            Some(new) if new == old => {}
            Some(new) if old.is_object() && new.is_object() => {
                previous.insert(key.clone(), previous_attributes(old, new));
            }
            _ => {
                previous.insert(key.clone(), old.clone());
            }
        }
    }
    for key in after.keys().filter(|key| !before.contains_key(*key)) {
        previous.insert(key.clone(), Value::Null);
    }
    Value::Object(previous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_named_at_every_depth() {
        let before = json!({"name": "Ada", "metadata": {"a": "1", "b": "2"}, "tags": [1, 2], "balance": 0});
        let after = json!({"name": "Ada", "metadata": {"a": "1", "b": "3", "c": "4"}, "tags": [2], "balance": 0});
        assert_eq!(previous_attributes(&before, &after), json!({"metadata": {"b": "2", "c": null}, "tags": [1, 2]}));
    }
}
