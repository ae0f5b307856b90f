//! The address of the list says which entries it shows.

use serde::{Deserialize, Serialize};

use crate::domain::time::{DAY_SECONDS, parse_date};
use crate::store::audit_log::list::Filter;

/// Longest value taken, in bytes.
const LONGEST: usize = 255;
/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// As the parameters stand in the address; empty means not given, and what is not understood counts as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Params {
    /// A person's address, or an actor as the log holds it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) who: String,
    /// A whole action, or what it begins with up to the dot.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) action: String,
    /// The id of an object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) target: String,
    /// A project's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) project: String,
    /// First day, `2026-11-21`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) from: String,
    /// Last day.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) to: String,
    /// The number of the entry before the page.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub(super) before: Option<i64>,
}

/// What is no number counts as not given.
fn lenient<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    Ok(String::deserialize(value)?.parse().ok())
}

impl Params {
    /// Trims, and drops what cannot be meant.
    pub(super) fn cleaned(mut self) -> Self {
        for value in [&mut self.who, &mut self.action, &mut self.target, &mut self.project] {
            *value = value.trim().to_owned();
            if value.len() > LONGEST || value.contains(char::is_control) {
                value.clear();
            }
        }
        for day in [&mut self.from, &mut self.to] {
            if parse_date(day).is_none() {
                day.clear();
            }
        }
        self
    }

    /// Whether anything but the place in the list is set.
    pub(super) fn is_narrowed(&self) -> bool {
        Self { before: None, ..self.clone() } != Self::default()
    }

    /// The narrowing ones by name, for a form that takes them along.
    pub(super) fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("who", &self.who),
            ("action", &self.action),
            ("target", &self.target),
            ("project", &self.project),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The address of `path` with these parameters.
    pub(super) fn href(&self, path: &str) -> String {
        match serde_urlencoded::to_string(self).unwrap_or_default() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The entries meant, with the actor's id in the place of an address.
    pub(super) fn filter<'a>(&'a self, actor: &'a str) -> Filter<'a> {
        let set = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let day = |text: &str, more: i64| parse_date(text).map(|at| (at + more) * MICROS);
        Filter {
            actor: set(actor),
            action: set(&self.action),
            target: set(&self.target),
            project: set(&self.project),
            from: day(&self.from, 0),
            to: day(&self.to, DAY_SECONDS),
        }
    }
}
