//! Applying parameters to an object: each kind declares what may be set.

use serde_json::{Map, Value};

use super::errors::{ApiError, invalid_param, not_an_integer, unknown_param};
use super::form::{Form, Node, listed};

/// How a parameter becomes an attribute.
#[derive(Clone, Copy, Debug)]
pub enum Sort {
    /// A text; the empty text unsets it.
    Text,
    /// A text that cannot be unset.
    Name,
    /// A whole number.
    Int,
    /// Yes or no.
    Flag,
    /// Keys and texts that are merged; an empty value removes a key, an empty parameter all.
    Metadata,
    /// A hash with these texts; the empty parameter unsets it.
    Hash(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// A settable attribute.
pub type Field = (&'static str, Sort);

/// Sets the declared attributes that the form has.
pub fn apply(form: &Form, fields: &[Field], object: &mut Value) -> Result<(), ApiError> {
    for (name, sort) in fields {
        let Some(node) = form.get(name) else {
            continue;
        };
        let value = match sort {
            Sort::Text => text(form, name)?.map_or(Value::Null, Value::from),
            Sort::Name => required(form, name)?.into(),
            Sort::Int => form.int(name)?.into(),
            Sort::Flag => form.flag(name)?.into(),
            Sort::Texts => form.texts(name)?.into(),
            Sort::Metadata => metadata(node, &object[*name])?,
            Sort::Hash(keys) => hash(form, name, keys)?,
            Sort::OneOf(words) => one_of(required(form, name)?, name, words)?,
        };
        object[*name] = value;
    }
    Ok(())
}

fn text<'a>(form: &'a Form, name: &str) -> Result<Option<&'a str>, ApiError> {
    Ok(form.text(name)?.filter(|text| !text.is_empty()))
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, ApiError> {
    text(form, name)?.ok_or_else(|| {
        invalid_param(
            name,
            format!("You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however '{name}' cannot be unset."),
        )
        .code("parameter_invalid_empty")
    })
}

fn one_of(text: &str, name: &str, words: &[&str]) -> Result<Value, ApiError> {
    if words.contains(&text) {
        return Ok(text.into());
    }
    Err(invalid_param(name, format!("Invalid {name}: must be one of {}", listed(words))))
}

fn hash(form: &Form, name: &str, keys: &[&str]) -> Result<Value, ApiError> {
    if form.unsets(name) {
        return Ok(Value::Null);
    }
    let parts = form.parts(name)?;
    if let Some((key, _)) = parts.entries().iter().find(|entry| !keys.contains(&entry.0.as_str())) {
        return Err(unknown_param(&format!("{name}[{key}]")));
    }
    let mut object = Map::new();
    for key in keys {
        object.insert((*key).to_owned(), text(&parts, key)?.into());
    }
    Ok(object.into())
}

fn metadata(node: &Node, before: &Value) -> Result<Value, ApiError> {
    let mut merged = before.as_object().cloned().unwrap_or_default();
    match node {
        Node::Text(text) if text.is_empty() => merged.clear(),
        Node::Text(_) => return Err(invalid_param("metadata", "Invalid object")),
        Node::Parts(parts) => {
            for (key, value) in parts.entries() {
                match value {
                    Node::Text(text) if text.is_empty() => {
                        merged.remove(key);
                    }
                    Node::Text(text) => {
                        merged.insert(key.clone(), Value::from(text.clone()));
                    }
                    Node::Parts(_) => return Err(invalid_param("metadata", "Invalid metadata value")),
                }
            }
        }
    }
    Ok(merged.into())
}

/// Reads a whole number that must be given.
pub fn require_int(form: &Form, name: &str) -> Result<i64, ApiError> {
    let text = require_text(form, name)?;
    text.parse().map_err(|_| not_an_integer(name, text))
}

/// Reads a text that must be given.
pub fn require_text<'a>(form: &'a Form, name: &str) -> Result<&'a str, ApiError> {
    text(form, name)?.ok_or_else(|| super::errors::missing_param(name))
}
