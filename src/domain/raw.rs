//! A Stripe object as Stripe sent it, read by path and tolerantly: what is missing or of another type is simply not there.

use serde_json::Value;

/// A part of an object's JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Raw(Value);

impl From<Value> for Raw {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Raw {
    /// Reads an object's JSON; text that is no JSON reads as an empty object.
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// The part at a JSON pointer such as `/address/city`; empty when there is none.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Self {
        Self(self.0.pointer(pointer).cloned().unwrap_or_default())
    }

    /// A text, if it is one and not empty.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The id of an object that stands here expanded or as its id alone.
    pub fn reference(&self, pointer: &str) -> Option<&str> {
        let value = self.0.pointer(pointer)?;
        value.as_str().or_else(|| value.get("id")?.as_str()).filter(|id| !id.is_empty())
    }

    /// An integer: a time in unix seconds, an amount in minor units, a quantity.
    pub fn int(&self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer)?.as_i64()
    }

    /// A number, written as a decimal without loss of digits that people see.
    pub fn number(&self, pointer: &str) -> Option<String> {
        match self.0.pointer(pointer)? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether a flag is set.
    pub fn flag(&self, pointer: &str) -> bool {
        self.0.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A link that is safe to offer: https alone.
    pub fn link(&self, pointer: &str) -> Option<&str> {
        self.text(pointer).filter(|url| url.starts_with("https://"))
    }

    /// The members of a list, which may stand bare or inside Stripe's list object.
    pub fn list(&self, pointer: &str) -> Vec<Self> {
        let value = self.0.pointer(pointer);
        let list = value.and_then(|value| value.as_array().or_else(|| value.get("data")?.as_array()));
        list.map(|list| list.iter().cloned().map(Self).collect()).unwrap_or_default()
    }

    /// Keys and values of a flat object such as `metadata`, sorted by key.
    pub fn pairs(&self, pointer: &str) -> Vec<(String, String)> {
        let Some(Value::Object(map)) = self.0.pointer(pointer) else { return Vec::new() };
        map.iter()
            .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)))
            .collect()
    }

    /// The JSON itself.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Whether there is nothing here.
    pub fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

/// JSON with one value per line, every byte of its values as it came: parsing and printing again would lose digits of
/// large numbers and the order of the keys. Text that is no JSON comes out in some shape, and complete.
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_string {
            out.push(letter);
            (in_string, escaped) = (escaped || letter != '"', letter == '\\' && !escaped);
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            _ => {
                in_string = letter == '"';
                out.push(letter);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(64)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_read_tolerantly() {
        let raw = Raw::parse(
            r#"{"a":{"b":"x","n":5},"list":{"object":"list","data":[{"id":"1"}]},"bare":[1],"customer":{"id":"cus_1"},
                "url":"javascript:alert(1)","pdf":"https://pay.example/x","metadata":{"k":"v"},"empty":""}"#,
        );
        assert_eq!(raw.text("/a/b"), Some("x"));
        assert_eq!(raw.int("/a/n"), Some(5));
        assert_eq!(raw.text("/a/n"), None);
        assert_eq!(raw.text("/empty"), None);
        assert_eq!(raw.list("/list").len(), 1);
        assert_eq!(raw.list("/bare").len(), 1);
        assert_eq!(raw.reference("/customer"), Some("cus_1"));
        assert_eq!(raw.link("/url"), None);
        assert_eq!(raw.link("/pdf"), Some("https://pay.example/x"));
        assert_eq!(raw.pairs("/metadata"), [("k".to_owned(), "v".to_owned())]);
        assert!(Raw::parse("no json").at("/a").is_empty());
    }

    #[test]
    fn pretty_keeps_order_and_digits() {
        let text = r#"{"z":1,"a":[],"big":12345678901234567890123,"s":"a\"{,","o":{"k":[1,2]}}"#;
        insta::assert_snapshot!(pretty(text), @r#"
        {
          "z": 1,
          "a": [],
          "big": 12345678901234567890123,
          "s": "a\"{,",
          "o": {
            "k": [
              1,
              2
            ]
          }
        }
        "#);
    }

    proptest! {
        #[test]
        fn pretty_changes_white_space_only(keys in prop::collection::vec(".*", 0..5), number in any::<i64>()) {
            let value = serde_json::json!({"keys": keys, "number": number, "nested": {"none": null}});
            let back: Value = serde_json::from_str(&pretty(&value.to_string())).expect("still JSON");
            prop_assert_eq!(back, value);
        }

        #[test]
        fn pretty_takes_any_text(text in ".*") {
            let _ = pretty(&text);
        }
    }
}
