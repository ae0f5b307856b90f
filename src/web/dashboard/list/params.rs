//! The parameters of a list's address. Whatever is not understood counts as not given.

use serde::{Deserialize, Serialize};

use crate::db::page::{Cursor, Key};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::time::{DAY_SECONDS, parse_date};
use crate::store::list::{Edge, Filter, Order, Slice};

/// Rows that a page may have.
pub const SIZES: [usize; 3] = [25, 50, 100];

/// As they stand in the address; empty means not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Params {
    /// Words, or an id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    /// A status as stored.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The first day, such as `2026-01-31`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// The last day.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// An ISO code.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub currency: String,
    /// An id of a customer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// An id of a price.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub price: String,
    /// `oldest`, `email` or `-email`; newest first when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sort: String,
    /// Rows per page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub limit: String,
    /// The row before the page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// The row behind the page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// How many rows stand before the page; only shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub at: String,
}

/// Longest value taken, in bytes; a cursor may be longer.
const LONGEST: usize = 300;

impl Params {
    /// Trims, and drops what cannot be meant: control characters, values that are too long.
    pub fn cleaned(mut self) -> Self {
        let values = [
            &mut self.q,
            &mut self.status,
            &mut self.from,
            &mut self.to,
            &mut self.currency,
            &mut self.customer,
            &mut self.price,
        ];
        for value in values {
            *value = value.trim().replace(char::is_control, " ");
            if value.len() > LONGEST {
                value.clear();
            }
        }
        if !self.status.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            self.status.clear();
        }
        self
    }

    /// The address of the list with these parameters.
    pub fn href(&self, path: &str) -> String {
        match serde_urlencoded::to_string(self).unwrap_or_default() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same list from its beginning, with a change.
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut params = self.clone();
        (params.after, params.before, params.at) = Default::default();
        change(&mut params);
        params
    }

    /// How many rows stand before the page.
    pub fn skipped(&self) -> i64 {
        self.at.parse().unwrap_or(0).max(0)
    }

    /// What the parameters ask for, as far as they say it alone: search and price are looked up.
    pub fn filter(&self, kind: Kind, project: &ProjectId) -> Filter {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let billed = matches!(kind, Kind::Subscription | Kind::Invoice);
        Filter {
            status: given(&self.status),
            customers: given(&self.customer).filter(|_| billed).map(|id| vec![Kind::Customer.resolve_id(project, &id)]),
            currency: given(&self.currency.to_ascii_lowercase()).filter(|_| billed),
            created_from: parse_date(&self.from),
            created_to: parse_date(&self.to).map(|day| day.saturating_add(DAY_SECONDS)),
            ..Filter::default()
        }
    }

    /// The part of the list that is asked for. Sorting by e-mail address is offered where an index carries it.
    pub fn slice(&self, by_email: bool) -> Slice {
        let order = match self.sort.as_str() {
            "oldest" => Order::Oldest,
            "email" if by_email => Order::Email,
            "-email" if by_email => Order::EmailReversed,
            _ => Order::Newest,
        };
        let limit = self.limit.parse().ok().filter(|limit| SIZES.contains(limit)).unwrap_or(SIZES[0]);
        let edge = match (cursor(&self.after, order), cursor(&self.before, order)) {
            (Some(after), _) => Some(Edge::After(after)),
            (None, Some(before)) => Some(Edge::Before(before)),
            (None, None) => None,
        };
        Slice { order, limit, edge }
    }
}

/// A cursor that fits the order and can be bound on every engine.
fn cursor(text: &str, order: Order) -> Option<Cursor> {
    let cursor = Cursor::decode(text)?;
    let by_text = matches!(order, Order::Email | Order::EmailReversed);
    let fits = match &cursor.0 {
        Key::Int(_) => !by_text,
        Key::Text(text) => by_text && !text.contains('\0'),
    };
    (fits && !cursor.1.contains('\0')).then_some(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::new_id;
    use proptest::prelude::*;

    #[test]
    fn an_address_holds_only_what_was_chosen() {
        let params = Params { q: "ada & co".into(), status: "active".into(), at: "25".into(), ..Params::default() };
        assert_eq!(params.href("/c"), "/c?q=ada+%26+co&status=active&at=25");
        assert_eq!(params.with(|params| params.q.clear()).href("/c"), "/c?status=active");
        assert_eq!(Params::default().href("/c"), "/c");
    }

    #[test]
    fn what_is_not_understood_counts_as_not_given() {
        let odd = Params {
            status: "x'; --".into(),
            from: "yesterday".into(),
            limit: "1000000".into(),
            after: "garbage".into(),
            sort: "email".into(),
            ..Params::default()
        };
        let odd = odd.cleaned();
        let project = new_id();
        assert_eq!(odd.filter(Kind::Invoice, &project), Filter::default());
        let slice = odd.slice(false);
        assert_eq!((slice.order, slice.limit, slice.edge.is_none()), (Order::Newest, 25, true));
    }

    #[test]
    fn the_last_day_counts_whole() {
        let params = Params { from: "2023-11-14".into(), to: "2023-11-14".into(), ..Params::default() };
        let filter = params.filter(Kind::Invoice, &new_id());
        assert_eq!(filter.created_to.zip(filter.created_from).map(|(to, from)| to - from), Some(DAY_SECONDS));
    }

    proptest! {
        #[test]
        fn no_parameter_breaks_anything(text in ".*") {
            let params = Params { q: text.clone(), status: text.clone(), customer: text.clone(), from: text.clone(),
                after: text.clone(), at: text, ..Params::default() }.cleaned();
            let _ = (params.filter(Kind::Invoice, &new_id()), params.slice(true), params.skipped());
            prop_assert!(!params.q.contains('\0'));
        }
    }
}
