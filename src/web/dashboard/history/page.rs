//! The page itself.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::past::Past;
use super::place::Place;
use super::steps::Step;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::time::{self, DAY_SECONDS};
use crate::domain::{raw, status};
use crate::store::held;
use crate::store::mirror::compare::{self, Standing};
use crate::web::access::Viewer;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Steps per page.
const ROWS: usize = 50;

#[derive(Deserialize)]
pub(super) struct ObjectPath {
    object: String,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// A day, `2026-01-31`.
    #[serde(default)]
    day: String,
    /// The step that the page before ended with.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "history/index.html")]
struct HistoryPage {
    shell: Shell,
    kind: Kind,
    stripe_id: String,
    /// Its own address.
    path: String,
    /// The page that shows the object; empty when there is none.
    href: String,
    /// Newest first.
    steps: Vec<Step>,
    /// The newest steps, when others are shown.
    first: String,
    /// Older steps, when there are any.
    next: String,
    /// Whether the object may have had states before all that is kept.
    forgotten: bool,
    /// The day that was asked for.
    day: String,
    /// How the object stood at the end of that day.
    then: Option<Then>,
}

/// A state of the past.
enum Then {
    /// As it was, and from when.
    State { at: i64, json: String },
    /// It was deleted by then.
    Deleted(i64),
    /// Stripe made it later.
    NotYet(i64),
    /// No state from so long ago is kept.
    NotKept {
        /// Of when the oldest one is that is kept.
        begins: Option<i64>,
        /// Whether the state of the first import may have been there before.
        overwritten: bool,
    },
    /// That is no day.
    NoDay,
}

impl HistoryPage {
    fn what(&self) -> String {
        status::words(self.kind.as_str())
    }
}

/// The kind that one of our ids belongs to.
fn kind_of(project: &ProjectId, id: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| id.starts_with(kind.prefix()) && kind.resolve_id(project, id) == id)
}

pub(super) async fn page(
    viewer: Viewer,
    Path(ObjectPath { object }): Path<ObjectPath>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    let (shell, project) = (viewer.shell(Nav::None), &viewer.project.id);
    let kind = kind_of(project, &object).ok_or(Error::NotFound)?;
    let mut tx = viewer.read().await?;
    let row = compare::of_ids(&mut tx, project, kind, [object.as_str()]).await?.pop().ok_or(Error::NotFound)?;
    let held = held::of_kind(&mut tx, project, kind, [object.as_str()]).await?.pop().ok_or(Error::NotFound)?;
    let past = Past::of(&mut tx, project, kind, &row, &held).await?;
    let after = Place::decode(&parameters.after);
    let found = past.page(&mut tx, after.as_ref().unwrap_or(&Place::END), ROWS).await?;
    let then = then(&mut tx, &past, &row, &parameters.day).await?;
    drop(tx);
    let path = shell.url(format!("history/{object}"));
    let address = |after: Option<&Place>| {
        let after = after.map(|place| ("after", place.encode()));
        let day = Some(("day", parameters.day.clone())).filter(|(_, day)| !day.is_empty());
        let query = serde_urlencoded::to_string([day, after].into_iter().flatten().collect::<Vec<_>>());
        format!("{path}?{}", query.unwrap_or_default())
    };
    let oldest = found.steps.iter().rfind(|step| step.counted);
    let page = HistoryPage {
        first: after.as_ref().map(|_| address(None)).unwrap_or_default(),
        next: found.steps.last().filter(|_| found.more).map(|last| address(Some(&last.place))).unwrap_or_default(),
        forgotten: !found.more && oldest.is_some_and(|oldest| !oldest.first),
        href: page_of(&shell, kind, &held),
        stripe_id: held.stripe_id.clone(),
        steps: found.steps,
        day: parameters.day,
        path,
        then,
        kind,
        shell,
    };
    html::page(&page)
}

/// Prices are shown with their product, charges with their invoice or customer.
fn page_of(shell: &Shell, kind: Kind, held: &held::Held) -> String {
    let of = |kind: Kind, id: &str| shell.url(format!("{}/{id}", kind.plural()));
    match (kind, &held.parent_id, &held.customer_id) {
        (Kind::Price, Some(product), _) => of(Kind::Product, product),
        (Kind::Charge, Some(invoice), _) => of(Kind::Invoice, invoice),
        (Kind::Charge, None, Some(customer)) => of(Kind::Customer, customer),
        (Kind::Price | Kind::Charge, ..) => String::new(),
        (kind, ..) => of(kind, &held.id),
    }
}

/// How the object stood at the end of a day.
async fn then(tx: &mut Tx, past: &Past<'_>, row: &Standing, day: &str) -> Result<Option<Then>> {
    if day.is_empty() {
        return Ok(None);
    }
    let Some(start) = time::parse_date(day) else { return Ok(Some(Then::NoDay)) };
    let end = start + DAY_SECONDS;
    if let Some(Step { place, state: Some(state), deleted, .. }) = past.last(tx, &Place::start_of(end)).await? {
        let state =
            if deleted { Then::Deleted(place.at) } else { Then::State { at: place.at, json: raw::pretty(&state) } };
        return Ok(Some(state));
    }
    if row.created >= end {
        return Ok(Some(Then::NotYet(row.created)));
    }
    let beginning = past.begins(tx).await?;
    let overwritten = beginning.as_ref().is_some_and(|beginning| beginning.overwritten);
    Ok(Some(Then::NotKept { begins: beginning.map(|beginning| beginning.at), overwritten }))
}
