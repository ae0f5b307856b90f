//! What an update event says it changed: `data.previous_attributes` against `data.object`, one line per value.

use serde_json::Value;

/// A value that changed. `None`: there was none, or there is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands in the object, such as `items.data.0.quantity`.
    pub path: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// Changes listed at most; the payload holds them all.
const MOST: usize = 100;
/// Characters of a value at most.
const LONGEST: usize = 300;

/// The changes that an event names. `None` when it names none at all, as when an object is new.
pub fn of_event(payload: &str) -> Option<Vec<Change>> {
    let event: Value = serde_json::from_str(payload).ok()?;
    let previous = event.pointer("/data/previous_attributes").filter(|previous| previous.is_object())?;
    let mut changes = Vec::new();
    compare(String::new(), previous, event.pointer("/data/object").unwrap_or(&Value::Null), &mut changes);
    Some(changes)
}

/// The changes between two states of an object, keys of either.
pub fn between(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(String::new(), before, after, &mut changes);
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        for (key, value) in new.iter().filter(|(key, value)| !old.contains_key(*key) && !value.is_null()) {
            compare(key.clone(), &Value::Null, value, &mut changes);
        }
    }
    changes
}

fn compare(path: String, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if changes.len() >= MOST || before == after {
        return;
    }
    let inside = |key: &dyn std::fmt::Display| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                compare(inside(key), value, new.get(key).unwrap_or(&Value::Null), changes);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (position, (value, now)) in old.iter().zip(new).enumerate() {
                compare(inside(&position), value, now, changes);
            }
        }
        _ => changes.push(Change { path, before: text(before), after: text(after) }),
    }
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Some(format!("{}…", &text[..end])),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { path: path.into(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    #[test]
    fn only_what_changed_is_told() {
        let payload = r#"{"data":{
            "object":{"name":"New","email":"a@b.c","metadata":{"plan":"gold","seats":"3"},"list":[1,2],
                      "items":{"data":[{"quantity":5,"id":"si_1"}]}},
            "previous_attributes":{"name":"Old","metadata":{"seats":null,"gone":"x"},"list":[1],
                      "items":{"data":[{"quantity":2,"id":"si_1"}]}}}}"#;
        let mut changes = of_event(payload).unwrap();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(
            changes,
            [
                change("items.data.0.quantity", Some("2"), Some("5")),
                change("list", Some("[1]"), Some("[1,2]")),
                change("metadata.gone", Some("x"), None),
                change("metadata.seats", None, Some("3")),
                change("name", Some("Old"), Some("New")),
            ]
        );
    }

    #[test]
    fn two_states_are_compared_by_the_keys_of_either() {
        let before = serde_json::json!({"name": "Old", "metadata": {"seats": "2"}, "phone": "1"});
        let after = serde_json::json!({"name": "New", "metadata": {"seats": "2"}, "phone": null, "email": "a@b.c"});
        let mut changes = between(&before, &after);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(
            changes,
            [
                change("email", None, Some("a@b.c")),
                change("name", Some("Old"), Some("New")),
                change("phone", Some("1"), None),
            ]
        );
        assert_eq!(between(&after, &after), []);
    }

    #[test]
    fn an_event_of_a_new_object_names_no_changes() {
        assert_eq!(of_event(r#"{"data":{"object":{"id":"cus_1"}}}"#), None);
        assert_eq!(of_event("not json"), None);
    }

    proptest! {
        #[test]
        fn a_long_value_is_cut_between_letters(letters in "\\PC{290,320}") {
            let cut = text(&Value::String(letters.clone())).unwrap();
            prop_assert!(cut.chars().count() <= LONGEST + 1);
            prop_assert!(letters.starts_with(cut.trim_end_matches('…').trim_end()) || cut == letters);
        }
    }
}
