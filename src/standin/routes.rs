//! The table of routes. Each file in `objects` brings its own rows; a row names its permission and its parameters.

use super::errors::{ApiError, no_such, no_such_param};
use super::events::Cause;
use super::form::Form;
use super::kind::Kind;
use super::lists::{self, Page};
use super::objects;
use super::space::{Key, Space};
use super::versions::{Version, present};

/// A request that has passed authentication.
#[derive(Debug)]
pub struct Call {
    /// What stands for `{id}` in the path; empty when the path has none.
    pub id: String,
    /// What stands for `{sub}` in the path.
    pub sub: String,
    /// Parameters of query and body.
    pub form: Form,
    /// The version to answer in.
    pub version: Version,
    /// Time and origin, for events.
    pub cause: Cause,
}

/// What a route does; reading and changing take different locks.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Reads.
    Read(fn(&Call, &Space) -> Result<Vec<u8>, ApiError>),
    /// Changes.
    Write(fn(&Call, &mut Space) -> Result<Vec<u8>, ApiError>),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path with `{id}`.
    pub path: &'static str,
    /// What a restricted key must have.
    pub permission: &'static str,
    /// Parameters besides `expand`, and besides those of lists for lists.
    pub params: &'static [&'static str],
    /// Whether it is a list.
    pub list: bool,
    /// What it does.
    pub handler: Handler,
}

/// A row that reads one object.
pub const fn get(
    path: &'static str,
    permission: &'static str,
    handler: fn(&Call, &Space) -> Result<Vec<u8>, ApiError>,
) -> Route {
    Route { method: "GET", path, permission, params: &[], list: false, handler: Handler::Read(handler) }
}

/// A row that reads a list.
pub const fn list(
    path: &'static str,
    permission: &'static str,
    params: &'static [&'static str],
    handler: fn(&Call, &Space) -> Result<Vec<u8>, ApiError>,
) -> Route {
    Route { method: "GET", path, permission, params, list: true, handler: Handler::Read(handler) }
}

/// A row that creates or changes.
pub const fn post(
    path: &'static str,
    permission: &'static str,
    params: &'static [&'static str],
    handler: fn(&Call, &mut Space) -> Result<Vec<u8>, ApiError>,
) -> Route {
    Route { method: "POST", path, permission, params, list: false, handler: Handler::Write(handler) }
}

/// A row that deletes.
pub const fn delete(
    path: &'static str,
    permission: &'static str,
    params: &'static [&'static str],
    handler: fn(&Call, &mut Space) -> Result<Vec<u8>, ApiError>,
) -> Route {
    Route { method: "DELETE", path, permission, params, list: false, handler: Handler::Write(handler) }
}

impl Route {
    /// A name for the endpoint, for its rate limit.
    pub fn endpoint(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

/// All rows.
const TABLES: [&[Route]; 20] = [
    objects::account::ROUTES,
    objects::customer::ROUTES,
    objects::product::ROUTES,
    objects::price_routes::ROUTES,
    objects::subscription_routes::ROUTES,
    objects::subscription_item::ROUTES,
    objects::billing_routes::ROUTES,
    objects::invoice_item::ROUTES,
    objects::payment_method::ROUTES,
    objects::payment_intent::ROUTES,
    objects::setup_intent::ROUTES,
    objects::coupon::ROUTES,
    objects::promotion_code::ROUTES,
    objects::refund::ROUTES,
    objects::tax_id::ROUTES,
    objects::meter::ROUTES,
    objects::meter_event::ROUTES,
    objects::checkout::ROUTES,
    objects::event::ROUTES,
    objects::webhook_endpoint::ROUTES,
];

/// The row for a request, with what stands for `{id}` and `{sub}`.
pub fn find(method: &str, path: &str) -> Option<(&'static Route, [String; 2])> {
    let rows = TABLES.into_iter().flatten();
    rows.filter(|route| route.method == method)
        .filter_map(|route| Some((route, matched(route.path, path)?)))
        .min_by_key(|(_, parts)| parts[0].len())
}

fn matched(pattern: &str, path: &str) -> Option<[String; 2]> {
    let mut found = [String::new(), String::new()];
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, parts.next()?) {
            ("{id}", part) if !part.is_empty() => part.clone_into(&mut found[0]),
            ("{sub}", part) if !part.is_empty() => part.clone_into(&mut found[1]),
            (wanted, part) if wanted == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

impl Call {
    /// Refuses parameters that the route does not know.
    pub fn check_params(&self, route: &Route) -> Result<(), ApiError> {
        let mut known = route.params.to_vec();
        known.push("expand");
        if route.list {
            known.extend(lists::PARAMS);
        }
        self.form.only(&known)
    }

    /// The number of the object in the path.
    pub fn number(&self, space: &Space, kind: Kind) -> Result<u64, ApiError> {
        space.find_alive(kind, &self.id).ok_or_else(|| no_such(kind.spoken(), &self.id))
    }

    /// The object in the path.
    pub fn read(&self, space: &Space, kind: Kind) -> Result<Vec<u8>, ApiError> {
        let n = self.number(space, kind)?;
        Ok(self.show(space, kind, n))
    }

    /// Object `n` in the version of the request.
    pub fn show(&self, space: &Space, kind: Kind, n: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        space.write(kind, n, self.version, &mut out);
        out
    }

    /// A value that is no object of its own on a shelf, in the version of the request.
    pub fn show_value(&self, space: &Space, kind: Kind, value: serde_json::Value) -> Vec<u8> {
        present(space, kind, value, self.version).to_string().into_bytes()
    }

    /// The page a list request asks for.
    pub fn page(&self, space: &Space, kind: Kind) -> Result<Page, ApiError> {
        Page::read(&self.form, kind.name(), |id| key_of(space, kind, id))
    }

    /// A list of everything of a kind that `accept` lets pass.
    pub fn list(
        &self,
        space: &Space,
        kind: Kind,
        url: &str,
        accept: impl Fn(u64) -> bool,
    ) -> Result<Vec<u8>, ApiError> {
        let page = self.page(space, kind)?;
        let (numbers, more) = page.take(lists::keys(space, kind, &page).filter(|key| accept(key.1)));
        Ok(lists::body(space, kind, &numbers, more, url, self.version))
    }

    /// A list of some objects that `accept` lets pass.
    pub fn list_of(
        &self,
        space: &Space,
        kind: Kind,
        url: &str,
        numbers: Vec<u64>,
        accept: impl Fn(u64) -> bool,
    ) -> Result<Vec<u8>, ApiError> {
        let page = self.page(space, kind)?;
        let keys = numbers
            .into_iter()
            .filter(|n| !space.is_deleted(kind, *n) && accept(*n))
            .filter_map(|n| Some((space.created(kind, n)?, n)))
            .collect();
        let (numbers, more) = page.sort_and_take(keys);
        Ok(lists::body(space, kind, &numbers, more, url, self.version))
    }

    /// The number of an object named by a parameter, if it is given.
    pub fn param(&self, space: &Space, kind: Kind, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(id) = self.form.text(name)? else {
            return Ok(None);
        };
        match space.find(kind, id) {
            Some(n) => Ok(Some(n)),
            None => Err(no_such_param(kind.spoken(), id, name)),
        }
    }
}

fn key_of(space: &Space, kind: Kind, id: &str) -> Option<Key> {
    let n = space.find_alive(kind, id)?;
    Some((space.created(kind, n)?, n))
}
