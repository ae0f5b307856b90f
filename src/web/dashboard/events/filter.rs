//! The address of the list says everything: state, type, words of the search, place.

use serde::{Deserialize, Serialize};

use super::subjects;
use crate::db::Tx;
use crate::db::page::{Cursor, Key};
use crate::domain::event::EventStatus;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::store::held;
use crate::store::webhook_events::list::Filter;
use crate::web::error::Result;

/// Longest value taken, in bytes.
const LONGEST: usize = 255;

/// As the parameters stand in the address; empty means not given, and what is not understood counts as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Params {
    /// A status as stored.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) status: String,
    /// An id of an object or of an event.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) q: String,
    /// A type of events.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(super) event_type: String,
    /// The row before the page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) after: String,
    /// How many rows stand before the page; only shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) at: String,
    /// How many events a person has just put back; only shown.
    #[serde(skip_serializing)]
    pub(super) requeued: String,
}

impl Params {
    /// Trims, and drops what cannot be meant.
    pub(super) fn cleaned(mut self) -> Self {
        for value in [&mut self.status, &mut self.q, &mut self.event_type] {
            *value = value.trim().to_owned();
            if value.len() > LONGEST || value.contains(char::is_control) {
                value.clear();
            }
        }
        if EventStatus::parse(&self.status).is_none() {
            self.status.clear();
        }
        self
    }

    /// The address of `path` with these parameters.
    pub(super) fn href(&self, path: &str) -> String {
        match serde_urlencoded::to_string(self).unwrap_or_default() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same list from its beginning, with a change.
    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut params = Self { after: String::new(), at: String::new(), ..self.clone() };
        change(&mut params);
        params
    }

    /// The row before the page.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        Cursor::decode(&self.after).filter(|Cursor(key, id)| matches!(key, Key::Int(_)) && !id.contains('\0'))
    }

    /// How many rows stand before the page.
    pub(super) fn skipped(&self) -> i64 {
        if self.after.is_empty() { 0 } else { self.at.parse().unwrap_or(0).max(0) }
    }

    /// Whether more than the state narrows the list, so that the counts do not know its length.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.q.is_empty() || !self.event_type.is_empty()
    }

    /// What the store is asked for.
    pub(super) async fn filter(&self, tx: &mut Tx, project: &ProjectId) -> Result<Filter> {
        let mut filter = Filter {
            status: EventStatus::parse(&self.status),
            event_type: Some(self.event_type.clone()).filter(|given| !given.is_empty()),
            ..Filter::default()
        };
        if !self.q.is_empty() {
            narrow(tx, project, &self.q, &mut filter).await?;
        }
        Ok(filter)
    }
}

/// Narrows to an object, by its id: ours or Stripe's. A customer stands for everything of theirs.
async fn narrow(tx: &mut Tx, project: &ProjectId, id: &str, filter: &mut Filter) -> Result<()> {
    let Some(kind) = subjects::kind_of(id) else {
        filter.object = Some(id.to_owned());
        return Ok(());
    };
    let ours = kind.resolve_id(project, id);
    if kind == Kind::Customer {
        filter.subject = Some(ours);
        return Ok(());
    }
    match held::of_kind(tx, project, kind, [ours.as_str()]).await?.pop() {
        Some(object) => {
            filter.subject = Some(object.customer_id.unwrap_or(ours));
            filter.object = Some(object.stripe_id);
        }
        // not here (yet): its events may be
        None => filter.object = Some(id.to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Params;
    use proptest::prelude::*;

    #[test]
    fn an_address_holds_only_what_was_chosen() {
        let params = Params {
            status: "dead".into(),
            event_type: "invoice.paid".into(),
            after: "x".into(),
            at: "50".into(),
            requeued: "3".into(),
            ..Params::default()
        };
        assert_eq!(params.href("/e"), "/e?status=dead&type=invoice.paid&after=x&at=50");
        assert_eq!(params.with(|params| params.status.clear()).href("/e"), "/e?type=invoice.paid");
        assert_eq!(Params { status: "odd".into(), ..Params::default() }.cleaned(), Params::default());
    }

    proptest! {
        #[test]
        fn no_parameter_breaks_anything(text in ".*") {
            let params = Params { q: text.clone(), event_type: text.clone(), after: text.clone(), at: text, ..Params::default() };
            let params = params.cleaned();
            prop_assert!(params.skipped() >= 0);
            let _ = params.cursor();
            prop_assert!(!params.q.contains('\0'));
        }
    }
}
