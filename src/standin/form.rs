//! Stripe's request parameters: form encoding with brackets, `items[0][price]=…`, `expand[]=…`.

use super::errors::{ApiError, invalid_param, not_an_integer, unknown_param};

/// A parameter: a text, or named parts in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A plain value.
    Text(String),
    /// A hash or a list; a list's names are its indexes.
    Parts(Form),
}

/// Named parameters in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    entries: Vec<(String, Node)>,
}

impl Form {
    /// Decodes a query string or a form body.
    pub fn decode(encoded: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(encoded)
            .map_err(|_| ApiError::invalid(400, "Invalid form encoding in the request."))?;
        Self::from_pairs(&pairs)
    }

    /// Builds a form from decoded names and values.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Result<Self, ApiError> {
        let mut form = Self::default();
        for (name, value) in pairs {
            let path = split_name(name.as_ref())?;
            form.put(&path, value.as_ref(), name.as_ref())?;
        }
        Ok(form)
    }

    /// Adds the parameters of another form.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Only the parameters of these names.
    #[must_use]
    pub fn keeping(&self, names: &[&str]) -> Self {
        let entries = self.entries.iter().filter(|entry| names.contains(&entry.0.as_str())).cloned().collect();
        Self { entries }
    }

    /// `inner` below a path: `items`, `0` makes it the first row of `items`.
    pub fn wrapped(path: &[&str], inner: Self) -> Self {
        path.iter().rev().fold(inner, |inner, name| Self { entries: vec![((*name).to_owned(), Node::Parts(inner))] })
    }

    fn put(&mut self, path: &[String], value: &str, full: &str) -> Result<(), ApiError> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(());
        };
        let name = if first.is_empty() { self.entries.len().to_string() } else { first.clone() };
        if rest.is_empty() {
            self.entries.retain(|entry| entry.0 != name);
            self.entries.push((name, Node::Text(value.to_owned())));
            return Ok(());
        }
        if !self.entries.iter().any(|entry| entry.0 == name) {
            self.entries.push((name.clone(), Node::Parts(Self::default())));
        }
        match self.entries.iter_mut().find(|entry| entry.0 == name) {
            Some((_, Node::Parts(parts))) => parts.put(rest, value, full),
            _ => Err(invalid_param(full, format!("Invalid parameter: {full}"))),
        }
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.0 == name).map(|entry| &entry.1)
    }

    /// The text of that name; hashes are refused.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(Node::Parts(_)) => Err(invalid_param(name, "Invalid string: {}")),
        }
    }

    /// The whole number of that name.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.text(name)?.map(|text| text.parse().map_err(|_| not_an_integer(name, text))).transpose()
    }

    /// The yes or no of that name.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid_param(name, format!("Invalid boolean: {other}"))),
        }
    }

    /// The parts of that name, empty when there are none.
    pub fn parts(&self, name: &str) -> Result<Self, ApiError> {
        match self.get(name) {
            None => Ok(Self::default()),
            Some(Node::Parts(parts)) => Ok(parts.clone()),
            Some(Node::Text(text)) if text.is_empty() => Ok(Self::default()),
            Some(Node::Text(_)) => Err(invalid_param(name, "Invalid object")),
        }
    }

    /// The texts of a list such as `enabled_events[]`.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.parts(name)?
            .entries
            .into_iter()
            .map(|(_, node)| match node {
                Node::Text(text) => Ok(text),
                Node::Parts(_) => Err(invalid_param(name, "Invalid array")),
            })
            .collect()
    }

    /// The rows of a list of hashes such as `items[0][price]`.
    pub fn rows(&self, name: &str) -> Result<Vec<Self>, ApiError> {
        self.parts(name)?
            .entries
            .into_iter()
            .map(|(_, node)| match node {
                Node::Parts(row) => Ok(row),
                Node::Text(_) => Err(invalid_param(name, "Invalid array")),
            })
            .collect()
    }

    /// Whether the parameter is given as the empty text, which unsets.
    pub fn unsets(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Node::Text(text)) if text.is_empty())
    }

    /// The text of that name, if it is one of `words`.
    pub fn word(&self, name: &str, words: &[&str]) -> Result<Option<&str>, ApiError> {
        match self.text(name)? {
            Some(text) if !words.contains(&text) => {
                Err(invalid_param(name, format!("Invalid {name}: must be one of {}", listed(words))))
            }
            text => Ok(text),
        }
    }

    /// The names and parameters, in order.
    pub fn entries(&self) -> &[(String, Node)] {
        &self.entries
    }

    /// Refuses a parameter whose name is not in `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.entries.iter().find(|entry| !known.contains(&entry.0.as_str())) {
            Some((name, _)) => Err(unknown_param(name)),
            None => Ok(()),
        }
    }
}

/// `a, b, or c`, as Stripe lists what it takes.
pub fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} or {other}"),
        [many @ .., last] => format!("{}, or {last}", many.join(", ")),
    }
}

/// `items[0][price]` → `items`, `0`, `price`.
fn split_name(name: &str) -> Result<Vec<String>, ApiError> {
    let Some((first, rest)) = name.split_once('[') else {
        return Ok(vec![name.to_owned()]);
    };
    let Some(inner) = rest.strip_suffix(']') else {
        return Err(unknown_param(name));
    };
    let mut path = vec![first.to_owned()];
    path.extend(inner.split("][").map(str::to_owned));
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_become_hashes_and_lists() {
        let form = Form::decode("items[0][price]=p1&items[0][quantity]=2&expand[]=a&expand[]=b&name=").unwrap();
        let items = form.parts("items").unwrap();
        let first = items.parts("0").unwrap();
        assert_eq!(first.text("price").unwrap(), Some("p1"));
        assert_eq!(first.int("quantity").unwrap(), Some(2));
        assert_eq!(form.texts("expand").unwrap(), ["a", "b"]);
        assert_eq!(form.text("name").unwrap(), Some(""));
        assert_eq!(form.only(&["items", "expand"]).unwrap_err().param.as_deref(), Some("name"));
    }
}
