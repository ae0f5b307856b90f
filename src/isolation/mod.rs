//! The isolation self-test: two throw-away businesses on the configured database, and everything that one of them could try to
//! reach the other. `billfold check isolation` runs it, and the suite runs the same on each engine and without row-level security,
//! so that each wall is proven alone.
//!
//! Nothing here knows a list of routes: the addresses come from the router ([`crate::web::paths`]), the operations from the API's table,
//! links and forms from the other's own pages, the tables from the database's catalogue. Whatever is tried with an id of the other
//! business is tried again with one that nobody has; an answer that differs tells something, and so does one that holds an id of
//! the other's which was not sent. The other's rows are compared before and after.
//!
//! Stripe is the imitation. Nothing is put into the queue, so no process that serves the same database ever works for the two.

mod asker;
mod harvest;
mod matrix;
mod place;
mod programs;
mod tables;

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use axum::Router;
use futures_util::FutureExt as _;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    accounts,
    app::{App, ConnectionError},
    db,
    domain::ids::TenantId,
    standin::StandIn,
    store::throwaways,
    web::{self, health::Readiness},
};
use asker::Asker;

/// Why the self-test could not be carried out. That a wall leaks is no error but a finding.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A business could not be made.
    #[error("a throw-away business could not be made: {0}")]
    Place(String),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl From<accounts::Error> for Error {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::Db(error) => Self::Database(error),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Database(error) => Self::Database(error),
            other => Self::Place(other.to_string()),
        }
    }
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// The site under test: the real router, and the addresses that it has.
#[derive(Clone)]
pub struct Surface {
    /// Everything behind its middleware.
    pub router: Router,
    /// Every address of pages, portal and API, with `{names}` where something may stand.
    pub paths: Vec<String>,
}

impl Surface {
    /// The whole site.
    ///
    /// # Errors
    /// The public address of the settings is not an origin.
    pub fn of(app: &App, metrics: PrometheusHandle) -> Result<Self> {
        let (ready, wrong) = (Readiness::default(), |error: &dyn std::fmt::Display| Error::Other(error.to_string()));
        let router = web::router(app, ready.clone(), metrics).map_err(|error| wrong(&error))?;
        ready.started();
        Ok(Self { router, paths: web::paths(app) })
    }
}

/// One kind of attempt, and what came of it.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was tried, in a few words.
    pub what: &'static str,
    /// How often.
    pub tried: usize,
    /// What leaked; a sentence each.
    pub leaks: Vec<String>,
    /// Why it was not tried at all.
    pub untried: Option<&'static str>,
}

impl Line {
    fn new(what: &'static str) -> Self {
        Self { what, tried: 0, leaks: Vec::new(), untried: None }
    }

    fn note(&mut self, leak: Option<String>) {
        self.tried += 1;
        self.leaks.extend(leak);
    }

    /// Whether the wall held. One against which nothing was tried has not been seen to hold.
    pub fn holds(&self) -> bool {
        self.leaks.is_empty() && (self.tried > 0 || self.untried.is_some())
    }
}

/// What the self-test found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each kind of attempt.
    pub lines: Vec<Line>,
    /// Rows of the two businesses that could not be removed, by table.
    pub left: BTreeMap<String, i64>,
}

impl Report {
    /// Whether every wall held.
    pub fn holds(&self) -> bool {
        !self.lines.is_empty() && self.lines.iter().all(Line::holds)
    }
}

/// Makes the two businesses, tries everything, and removes them again: also when a part of it fails or panics, and when an earlier
/// run was killed before it could.
///
/// # Errors
/// The businesses could not be made or the database failed; what was made is removed.
pub async fn run(app: &App, stripe: &StandIn, surface: Surface) -> Result<Report> {
    clean_up(app).await?;
    // A panic ends the attempts and not the removal.
    let tried = AssertUnwindSafe(try_everything(app, stripe, surface)).catch_unwind().await;
    let tried = tried.unwrap_or_else(|_| Err(Error::Other("an attempt panicked".to_owned())));
    app.settle(std::time::Duration::from_secs(10)).await; // what the attempts left behind writes too, such as the request log
    let left = clean_up(app).await;
    Ok(Report { lines: tried?, left: left? })
}

async fn try_everything(app: &App, stripe: &StandIn, surface: Surface) -> Result<Vec<Line>> {
    let own = place::make(app, stripe, "A").await?;
    let other = place::make(app, stripe, "B").await?;
    let asker = Asker::new(app, surface.router, &own, &other);
    let seen = harvest::of(&asker, &other).await?;
    // Opening its own pages may note something for the other business, and ask Stripe for what the copy does not keep.
    let before = tables::fingerprints(app, &other.tenant).await?;
    let calls = || stripe.control().log(Some(&other.account)).len();
    let calls_before = calls();
    let mut lines = vec![matrix::paths(&asker, &surface.paths).await?];
    lines.push(matrix::links(&asker, &seen).await?);
    lines.push(matrix::forms(&asker, &seen).await?);
    lines.extend(programs::lines(&asker).await?);
    let mut key = Line::new("the other's Stripe key is never used");
    key.note((calls() > calls_before).then(|| format!("{} calls were made with it", calls() - calls_before)));
    lines.push(key);
    lines.push(tables::unchanged(app, &other.tenant, &before).await?);
    lines.extend(tables::in_raw_sql(app, &own, &other).await?);
    Ok(lines)
}

/// Removes every throw-away business, those of a run that was broken off included; answers what could not be removed, by table.
///
/// # Errors
/// The database's.
pub async fn clean_up(app: &App) -> Result<BTreeMap<String, i64>> {
    let mut tx = app.db.system_read().await?;
    let tenants: Vec<TenantId> = throwaways::tenants(&mut tx, place::NAME).await?;
    drop(tx);
    let mut left = BTreeMap::new();
    for tenant in tenants {
        for (table, rows) in tables::remove(app, &tenant).await? {
            *left.entry(table).or_default() += rows;
        }
    }
    let mut tx = app.db.system_write().await?;
    throwaways::remove_people(&mut tx, place::DOMAIN).await?;
    tx.commit().await?;
    Ok(left)
}
