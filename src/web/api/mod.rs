//! The REST API below `/v1`: what a tenant's programs see and do, with a key that can do no more than it should.
//!
//! [`table`] lists every operation once; the router here, the description ([`openapi`]), the documentation page ([`docs`]) and
//! the tests of scopes and of isolation are made from it, so an operation cannot exist outside of them. `guard` stands
//! around each: it knows the key, keeps the limit, checks the scope and writes the log (`log`).

mod charges;
mod coupons;
mod customers;
pub mod docs;
mod events;
mod freshness;
mod guard;
pub mod idempotency;
mod invoices;
mod leaked;
mod listing;
mod live;
mod log;
mod meters;
mod objects;
pub mod openapi;
pub mod parameters;
mod portal_links;
mod prices;
mod products;
mod project;
mod promotion_codes;
mod refunds;
pub mod sent;
mod subscriptions;
pub mod table;
mod writes;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn_with_state};
use moka::future::Cache;

use super::rate_limit::RateLimit;
use crate::{
    app::App,
    domain::ids::{KeyId, TenantId},
};
use log::Log;
use table::operations;

/// Unknown keys that one network may try in a minute. Keys with a wrong checksum are not counted: they cost nothing.
const UNKNOWN_PER_MINUTE: u32 = 300;

/// Between two notes that one key was sent in an address.
const NOTED: Duration = Duration::from_hours(24);

/// What the API needs. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

struct Parts {
    app: App,
    limits: RateLimit<KeyId>,
    /// All keys of a tenant together: one that makes keys gets no more than the others.
    tenant_limits: RateLimit<TenantId>,
    unknown: RateLimit<std::net::IpAddr>,
    log: Log,
    /// Keys that were sent in an address and noted a while ago: a program that does it does it with every request.
    in_address: Cache<KeyId, ()>,
}

/// Every operation behind its guard, the description and the documentation page. Starts the task that writes the request log.
pub fn router(app: &App) -> Router {
    let api = Api(Arc::new(Parts {
        limits: RateLimit::new(app.config.api_rate, Duration::from_secs(1)),
        tenant_limits: RateLimit::new(app.config.api_tenant_rate, Duration::from_secs(1)),
        unknown: RateLimit::new(UNKNOWN_PER_MINUTE, Duration::from_mins(1)),
        log: Log::start(app),
        in_address: Cache::builder().max_capacity(10_000).time_to_live(NOTED).build(),
        app: app.clone(),
    }));
    let mut router = Router::new();
    for operation in operations() {
        let guard = from_fn_with_state((api.clone(), operation), guard::guard);
        router = router.route(operation.path, (operation.handler)().route_layer(guard));
    }
    router.with_state(api).merge(leaked::router(app)).merge(docs::router(&app.config.public_url()))
}
