//! billfold: many businesses run their Stripe billing from one program. Each connects its own Stripe account; billfold keeps
//! an exact copy of it (the mirror) in its own database and serves pages from there.
//!
//! # Two flows, one direction
//!
//! ```text
//! request  → web handler → [use case] → store → db
//! delivery → web/webhooks → sync/inbox (stored, then acknowledged) → worker → sync/apply → store → db
//! poll     → Stripe's list of events → sync/inbox         (what no delivery has brought, into the same inbox)
//! backfill, refetch, reconcile → mirror → store → db     (the same rule of what is newer)
//! write    → web handler → billing → outbox (stored) → Stripe → mirror, outbox, audit log (one transaction)
//! ```
//!
//! Reads go from a handler straight to `store`. Writes go through a use case (`accounts`, `connect`, `billing`, `sync`), which
//! opens the transaction, so that an effect and its follow-up work commit together.
//!
//! # Who may import whom
//!
//! | level | module | may import |
//! |---|---|---|
//! | 0 | [`domain`] plain types and pure rules, no I/O | nothing of ours |
//! | 1 | [`clock`] [`vault`] [`config`] [`telemetry`] [`https`] | 0 |
//! | 2 | [`db`] the two engines; knows no table | 0–1 |
//! | 3 | [`store`] all SQL, one file per table | 0, 2 |
//! | 3 | [`stripe`] the only place that names async-stripe | 0–1 |
//! | 3 | [`mail`] the only place that names lettre | 0–1 |
//! | 3 | [`openid`] the identity provider; the only place that names openidconnect | 0–1 |
//! | 4 | [`app`] what is built once: database, clock, keys, settings, Stripe clients, mail | 0–3 |
//! | 4 | [`mirror`] newest wins: what every answer and event of Stripe's goes through | 0–3 |
//! | 5 | [`accounts`] [`connect`] [`billing`] [`sync`] use cases | 0–4, not each other |
//! | 6 | [`worker`] runs jobs · [`web`] all HTTP | 0–5; the surfaces of `web` never import each other |
//! | 7 | `main.rs`, `cli` the command line · [`isolation`] the self-test of the walls between tenants | all |
//! | – | [`standin`] the imitation of Stripe that judges the rest | nothing of ours |
//!
//! `tests/it/architecture.rs` holds this table. The same file name returns in every layer: `store/customers.rs`,
//! `web/dashboard/customers.rs`, `templates/customers/`, `tests/it/customers.rs`.
//!
//! # Where to begin reading
//!
//! 1. `domain/kind.rs` and `domain/ids.rs`: what is mirrored, and how a row gets its id before it arrives.
//! 2. `db/mod.rs`, `db/tx.rs`, `db/query.rs`: one SQL text on two engines, and a transaction that carries its tenant.
//! 3. What happens when a delivery arrives: `web/webhooks/mod.rs` → `sync/inbox.rs` → `worker/mod.rs` → `sync/apply.rs` →
//!    `mirror/mod.rs` → `store/mirror/`. What never arrives: `sync/poll/`. Whether all of it
//!    is right: `sync/reconcile/`, `domain/drift.rs`. Whether SQLite's file is sound: `worker/care.rs`. What keeps all this from its
//!    work: `app/troubles.rs` (over every page), `worker/measure.rs` and `telemetry.rs` (for whoever is on call).
//! 4. What happens when somebody connects: `web/dashboard/connection/` → `connect/open.rs` → `sync/backfill/`. Whether
//!    all is well between both every night: `connect/doctor/`.
//! 5. What happens when a program asks: `web/api/table.rs` (every operation), `web/api/guard.rs` (what stands around each), then the
//!    resource's own file.
//! 6. What happens when somebody changes something at Stripe: `billing/mod.rs`, `billing/carry.rs`, `store/outbox.rs`.
//! 7. What happens when somebody opens a page: `web/mod.rs` (the routes and the middleware around them), `web/access.rs` (who
//!    may), then the page's own file.
//! 8. What happens when a customer opens a portal link: `web/portal/mod.rs`, `web/portal/guest.rs`, `billing/portal.rs`;
//!    what it says stands in `templates/portal/languages`, see `web/language.rs`.
//! 9. What happens when somebody signs in: `web/dashboard/login/`, `accounts/login.rs`, `accounts/two_factor.rs`, `openid.rs`,
//!    `vault/webauthn.rs`, `web/session.rs`. Who belongs to a tenant: `accounts/team.rs`, `accounts/invitations.rs`.
//! 10. What happens when several processes run: `worker/mod.rs` (leases), `stripe/turns.rs` (one rate for all), `db/migrate.rs` (two versions).
//!     After a backup was put back: `accounts/restored.rs`.
//! 11. What happens when somebody runs this for others: `web/operator/`, `accounts/operators.rs`, `accounts/standings.rs` (payments
//!     decide), `web/standing.rs` (what state and plan allow).
//!
//! # What always holds
//!
//! - A delivery is answered 200 only after it is on disk. Applying it is at least once in, exactly once in effect: effect and
//!   `done` commit together, under the fence of the claimed job.
//! - A write at Stripe is stored before it is sent and carries a key made from its row: a double click, a lost answer or a
//!   kill does it once. Its result, the mirror's row and the audit entry commit together.
//! - The audit log is a chain that nobody with the database alone can forge: [`app::App::audit`] writes an entry in the transaction
//!   of its change, [`accounts::audit`] checks.
//! - The newest state wins, whatever order states arrive in; the guard stands in the upsert itself. A deletion stays.
//! - Every key of a tenant's row starts with the tenant. Every query names it; on Postgres row-level security names it again.
//! - Another tenant's id answers exactly like an unknown one.
//! - Reads of one's own data are never refused for a plan's sake, and what Stripe sends is stored whatever a tenant owes.
//! - A key of the REST API does what its scopes say in one project, and nothing else; an operation that is not in the table
//!   does not exist.
//! - A secret is sealed for its place (tenant, project, field, version) and never printed; tokens are stored as hashes.
//! - Time comes from [`clock::Clock`], randomness from [`vault`]; money is an integer of minor units; no `unsafe`, and no
//!   `unwrap` outside `main.rs` and tests.
//! - Stripe's objects are kept as Stripe sent them. Reading columns out of them never loses or refuses one.

pub mod domain;

pub mod clock;
pub mod config;
pub mod https;
pub mod telemetry;
pub mod vault;

pub mod db;

pub mod mail;
pub mod openid;
pub mod store;
pub mod stripe;

pub mod app;
pub mod mirror;

pub mod accounts;
pub mod billing;
pub mod connect;
pub mod sync;

pub mod web;
pub mod worker;

pub mod standin;

pub mod isolation;
