//! What the address of a request may say. Each operation lists its parameters; from the list come the reading, the refusal of
//! everything else by name, and the description.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::table::Operation;
use crate::web::error::{Error, Result};

/// Objects per page when nobody says otherwise.
pub const DEFAULT_LIMIT: usize = 10;
/// Objects per page at most.
pub const MOST: usize = 100;
/// Longest value of a parameter, in bytes.
pub const LONGEST: usize = 255;
/// The last second that a parameter may name: the end of the year 9999.
pub const LAST_SECOND: i64 = 253_402_300_799;

/// A parameter of the address.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As it is sent.
    pub name: &'static str,
    /// What it may hold.
    pub takes: Takes,
    /// What it does, for people.
    pub text: &'static str,
}

/// What a parameter may hold.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// 1 to [`MOST`].
    Limit,
    /// An id, ours or Stripe's.
    Id,
    /// Any text of one line.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An ISO code of three letters, in any case.
    Currency,
    /// Unix seconds.
    Time,
    /// Any of these words; may be repeated.
    Expand(&'static [&'static str]),
}

/// How many objects.
pub const LIMIT: Parameter = Parameter {
    name: "limit",
    takes: Takes::Limit,
    text: "How many objects a page has, 1 to 100. 10 when it is left out.",
};
/// Where the page begins.
pub const STARTING_AFTER: Parameter = Parameter {
    name: "starting_after",
    takes: Takes::Id,
    text: "The page begins behind this object: the `next_cursor` of the page before, or any id of the list.",
};
/// Lower end of a range of time.
pub const CREATED_FROM: Parameter = Parameter {
    name: "created[gte]",
    takes: Takes::Time,
    text: "Objects that were created at this time or later, in unix seconds.",
};
/// Upper end of a range of time.
pub const CREATED_TO: Parameter = Parameter {
    name: "created[lt]",
    takes: Takes::Time,
    text: "Objects that were created before this time, in unix seconds.",
};
/// Objects of one customer.
pub const CUSTOMER: Parameter =
    Parameter { name: "customer", takes: Takes::Id, text: "Objects of this customer. Either kind of id." };
/// Objects in one currency.
pub const CURRENCY: Parameter = Parameter {
    name: "currency",
    takes: Takes::Currency,
    text: "Objects in this currency: an ISO code such as `usd`.",
};

/// The parameter for `expand[]`.
pub const fn expand(words: &'static [&'static str]) -> Parameter {
    Parameter {
        name: "expand[]",
        takes: Takes::Expand(words),
        text: "Puts the whole object in place of its id. May be repeated. `stripe_object` adds the object as Stripe sent it.",
    }
}

/// The parameter for `status`.
pub const fn status(words: &'static [&'static str]) -> Parameter {
    Parameter { name: "status", takes: Takes::OneOf(words), text: "Objects with this status." }
}

/// What was asked for, checked against the operation's list.
#[derive(Clone, Debug, Default)]
pub struct Asked(Vec<(&'static str, String)>);

impl Asked {
    /// Reads a query by a list of parameters.
    pub fn read(query: &str, parameters: &'static [Parameter]) -> Result<Self> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|_| Error::invalid("query", "The address has parameters that cannot be read."))?;
        let mut values = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let Some(known) = parameters.iter().find(|known| known.name == name) else {
                return Err(unknown(&name));
            };
            let repeated = values.iter().any(|(seen, _)| *seen == known.name);
            if repeated && !matches!(known.takes, Takes::Expand(_)) {
                return Err(Error::invalid(known.name, format!("`{}` may stand in the address once.", known.name)));
            }
            let value = known
                .takes
                .read(value)
                .map_err(|must| Error::invalid(known.name, format!("`{}` must be {must}.", known.name)))?;
            values.push((known.name, value));
        }
        Ok(Self(values))
    }

    /// A value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A value as number.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// How many objects are wanted.
    pub fn limit(&self) -> usize {
        self.text(LIMIT.name).and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT)
    }

    /// Whether a word stands in `expand[]`.
    pub fn expands(&self, word: &str) -> bool {
        self.0.iter().any(|(name, value)| *name == "expand[]" && value == word)
    }
}

/// A parameter or field that an operation does not have.
pub fn unknown(name: &str) -> Error {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    Error::Invalid {
        code: "parameter_unknown",
        message: format!("There is no parameter `{shown}` here."),
        param: shown,
    }
}

impl Takes {
    /// The value in its plain form, or what it must be.
    fn read(self, value: String) -> Result<String, String> {
        let digits = |value: &str| value.len() <= 12 && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        let number = |value: &str| if digits(value) { value.parse::<i64>().ok() } else { None };
        match self {
            Self::Limit if number(&value).is_some_and(|n| (1..=100).contains(&n)) => Ok(value),
            Self::Limit => Err("a number from 1 to 100".to_owned()),
            Self::Time if number(&value).is_some_and(|n| n <= LAST_SECOND) => Ok(value),
            Self::Time => Err("a time in unix seconds".to_owned()),
            Self::Id | Self::Text if is_line(&value) => Ok(value),
            Self::Id => Err("an id".to_owned()),
            Self::Text => Err("a text of one line and at most 255 bytes".to_owned()),
            Self::Currency if value.len() == 3 && value.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Ok(value.to_ascii_lowercase())
            }
            Self::Currency => Err("an ISO code of three letters".to_owned()),
            Self::OneOf(words) | Self::Expand(words) if words.contains(&value.as_str()) => Ok(value),
            Self::OneOf(words) | Self::Expand(words) => Err(format!("one of {}", words.join(", "))),
        }
    }
}

/// Whether a text is one line of a length that a value may have.
pub fn is_line(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control)
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let operation = parts.extensions.get::<&'static Operation>();
        let operation = operation.ok_or_else(|| Error::internal("an operation without its guard"))?;
        Self::read(parts.uri.query().unwrap_or_default(), operation.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &[Parameter] =
        &[LIMIT, STARTING_AFTER, CREATED_FROM, CURRENCY, status(&["active", "deleted"]), expand(&["customer"])];

    #[test]
    fn what_is_listed_is_read() {
        let asked = Asked::read(
            "limit=100&created%5Bgte%5D=0&currency=USD&status=active&expand[]=customer&expand[]=customer",
            ALL,
        )
        .expect("all listed");
        assert_eq!((asked.limit(), asked.int("created[gte]"), asked.text("currency")), (100, Some(0), Some("usd")));
        assert!(asked.expands("customer") && !asked.expands("product"));
        assert_eq!(Asked::read("", ALL).expect("nothing").limit(), 10);
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (query, param) in [
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=101", "limit"),
            ("limit=1000000000", "limit"),
            ("limit=abc", "limit"),
            ("limit=%2B5", "limit"),
            ("limit=", "limit"),
            ("limit=5&limit=5", "limit"),
            ("limits=5", "limits"),
            ("status=odd", "status"),
            ("status=;DROP", "status"),
            ("currency=usd%20", "currency"),
            ("currency=us%24", "currency"),
            ("created[gte]=-1", "created[gte]"),
            ("created[gte]=1e9", "created[gte]"),
            ("created[gt]=1", "created[gt]"),
            ("starting_after=", "starting_after"),
            ("starting_after=a%00", "starting_after"),
            ("expand[]=invoice", "expand[]"),
            ("sort=created", "sort"),
        ] {
            match Asked::read(query, ALL) {
                Err(Error::Invalid { param: found, .. }) => assert_eq!(found, param, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_reading(query in ".*") {
            let _ = Asked::read(&query, ALL);
        }
    }
}
