//! Keyset paging: a cursor names the last row of a page by its sort key and id, so a page costs the same wherever it is.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// Where a page ends: the sort key of its last row, and its id for equal keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(
    /// The sort key.
    pub Key,
    /// The row's id.
    pub String,
);

/// A sort key: a time or an amount, or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// Unix seconds, microseconds or minor units.
    Int(i64),
    /// A name or an e-mail address.
    Text(String),
}

/// Longest cursor accepted, in characters.
const LONGEST: usize = 2_048;

impl Cursor {
    /// As it stands in a URL. Opaque: its content is nobody's promise.
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor back; `None` when it is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
    }
}

/// One page of rows.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// Where the next page starts, when there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit + 1` fetched rows: the extra row only proves that there are more.
    pub fn new(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Self {
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(cursor)
        } else {
            None
        };
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Key};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursors_survive_the_url(key in any::<i64>(), text in ".*", id in "[a-z_0-9]{1,30}") {
            for key in [Key::Int(key), Key::Text(text.clone())] {
                let cursor = Cursor(key, id.clone());
                let url = cursor.encode();
                if url.len() <= 2_048 {
                    prop_assert_eq!(Cursor::decode(&url), Some(cursor));
                }
            }
        }

        #[test]
        fn garbage_is_no_cursor_and_no_panic(text in ".*") {
            let _ = Cursor::decode(&text);
        }
    }
}
