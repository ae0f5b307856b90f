//! The JSON shape of an object: a file in `shapes/` whose `"$name"` strings are places to fill.
//!
//! Writing an object is copying the text between the places, which is what makes a list of a hundred cheap. A place that
//! nobody fills is `null`.

use std::io::Write as _;

/// A parsed shape.
#[derive(Debug)]
pub struct Shape {
    /// The text before each place, and the name of that place.
    parts: Vec<(String, String)>,
    end: String,
}

impl Shape {
    /// Parses the text of a shape: JSON in which a string that begins with `$` is a place.
    pub fn new(text: &str) -> Self {
        let compact = without_spaces(text);
        let mut rest = compact.as_str();
        let mut parts = Vec::new();
        while let Some((before, after)) = rest.split_once("\"$") {
            let Some((name, after)) = after.split_once('"') else {
                break;
            };
            parts.push((before.to_owned(), name.to_owned()));
            rest = after;
        }
        Self { parts, end: rest.to_owned() }
    }

    /// Appends the shape to `out`, with `fields` in its places.
    pub fn write(&self, fields: &Fields, out: &mut Vec<u8>) {
        let mut hint = 0;
        for (before, name) in &self.parts {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(fields.get(name, &mut hint).unwrap_or(b"null"));
        }
        out.extend_from_slice(self.end.as_bytes());
    }

    /// The filled shape as a value that can be changed.
    pub fn value(&self, fields: &Fields) -> serde_json::Value {
        let mut out = Vec::new();
        self.write(fields, &mut out);
        // A shape that is not JSON shows as `null`, which no test of a shape lets pass.
        serde_json::from_slice(&out).unwrap_or_default()
    }
}

fn without_spaces(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .filter(|&c| {
            inside ^= c == '"';
            inside || !c.is_whitespace()
        })
        .collect()
}

/// Values for the places of a shape, already JSON.
#[derive(Debug, Default)]
pub struct Fields {
    buffer: Vec<u8>,
    spans: Vec<(&'static str, usize, usize)>,
}

impl Fields {
    /// No values yet.
    pub fn new() -> Self {
        Self { buffer: Vec::with_capacity(1024), spans: Vec::with_capacity(24) }
    }

    /// Fields mostly come in the order of the places, so the search begins after the last one found.
    fn get(&self, name: &str, hint: &mut usize) -> Option<&[u8]> {
        let (before, after) = self.spans.split_at((*hint).min(self.spans.len()));
        let at = match after.iter().position(|span| span.0 == name) {
            Some(at) => before.len() + at,
            None => before.iter().position(|span| span.0 == name)?,
        };
        *hint = at + 1;
        let (_, start, end) = self.spans[at];
        Some(&self.buffer[start..end])
    }

    /// A value that `write` appends as JSON.
    #[must_use]
    pub fn with(mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let start = self.buffer.len();
        write(&mut self.buffer);
        self.spans.push((name, start, self.buffer.len()));
        self
    }

    /// A text.
    #[must_use]
    pub fn text(self, name: &'static str, value: &str) -> Self {
        self.with(name, |out| push_text(out, value))
    }

    /// A text or `null`.
    #[must_use]
    pub fn opt_text(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn int(self, name: &'static str, value: i64) -> Self {
        self.with(name, |out| push_int(out, value))
    }

    /// A whole number or `null`.
    #[must_use]
    pub fn opt_int(self, name: &'static str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(name, value),
            None => self,
        }
    }

    /// A yes or no.
    #[must_use]
    pub fn flag(self, name: &'static str, value: bool) -> Self {
        self.raw(name, if value { b"true" } else { b"false" })
    }

    /// JSON as it is.
    #[must_use]
    pub fn raw(self, name: &'static str, value: &[u8]) -> Self {
        self.with(name, |out| out.extend_from_slice(value))
    }
}

/// Appends a text as a JSON string.
pub fn push_text(out: &mut Vec<u8>, value: &str) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

/// Appends a whole number.
pub fn push_int(out: &mut Vec<u8>, value: i64) {
    let _ = write!(out, "{value}");
}
