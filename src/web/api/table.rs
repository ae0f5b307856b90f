//! Every operation of the API, once. The router, the description, the documentation page and the tests of scopes and of
//! isolation are made from this table.

mod reads;
mod writes;

use axum::routing::MethodRouter;

use super::Api;
use super::openapi::Described;
use super::parameters::Parameter;
use crate::domain::api_key::ApiScope;
use crate::domain::plan::Meter;

/// What is done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes or changes.
    Post,
}

impl Verb {
    /// The method of HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What an operation answers.
#[derive(Clone, Copy)]
pub enum Answer {
    /// One object.
    One(fn() -> Described),
    /// A page of objects.
    List(fn() -> Described),
}

/// What an operation takes.
#[derive(Clone, Copy)]
pub struct Body {
    /// Its type.
    pub of: fn() -> Described,
    /// One that works, as JSON; with Stripe's ids of the documentation.
    pub example: &'static str,
}

/// One operation.
#[derive(Clone, Copy)]
pub struct Operation {
    /// What is done.
    pub verb: Verb,
    /// Where; `{id}` is an id, ours or Stripe's.
    pub path: &'static str,
    /// What a key must be allowed.
    pub scope: ApiScope,
    /// Its name for programs, unique.
    pub id: &'static str,
    /// The group that people find it in.
    pub group: &'static str,
    /// What it does, for people.
    pub text: &'static str,
    /// What may stand in the address.
    pub query: &'static [Parameter],
    /// What must stand in the body.
    pub body: Option<Body>,
    /// What it answers.
    pub answer: Answer,
    /// What does it.
    pub handler: fn() -> MethodRouter<Api>,
}

impl Operation {
    /// What there is one more of afterwards, where a plan may limit it.
    pub fn adds(&self) -> Option<Meter> {
        (self.id == CREATE_CUSTOMER).then_some(Meter::Customers)
    }
}

/// The operation that makes a customer.
const CREATE_CUSTOMER: &str = "create_customer";

/// Every operation.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    reads::READS.iter().chain(writes::WRITES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_scopes_fit_what_is_done() {
        let ids: BTreeSet<_> = operations().map(|operation| operation.id).collect();
        assert_eq!(ids.len(), operations().count());
        assert!(ids.contains(CREATE_CUSTOMER));
        for operation in operations() {
            assert_eq!(operation.verb == Verb::Get, operation.scope.is_read(), "{}", operation.id);
            assert!(operation.path.starts_with("/v1/"), "{}", operation.id);
            if let Some(body) = operation.body {
                assert!(serde_json::from_str::<serde_json::Value>(body.example).is_ok(), "{}", operation.id);
            }
        }
    }
}
