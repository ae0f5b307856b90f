//! The page itself.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::steps::{self, Step};
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::time::{self, DAY_SECONDS};
use crate::domain::{raw, status};
use crate::store::mirror::compare;
use crate::store::{held, object_versions, timeline};
use crate::web::access::Viewer;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Events, and answers of Stripe's, that the page looks back at.
const LOOKED_AT: i64 = 50;

#[derive(Deserialize)]
pub(super) struct ObjectPath {
    object: String,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// A day, `2026-01-31`.
    #[serde(default)]
    day: String,
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
    /// Whether older ones may be left out.
    cut: bool,
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
    /// Nothing that is kept tells.
    Unknown,
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
    let subject = held.customer_id.as_deref().unwrap_or(&object);
    let events = timeline::told(&mut tx, project, subject, &held.stripe_id, LOOKED_AT).await?;
    let versions = object_versions::of_object(&mut tx, project, &object, LOOKED_AT).await?;
    drop(tx);
    let cut = events.len().max(versions.len()) >= usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
    let steps = steps::of(kind, project, &row, events, versions);
    let page = HistoryPage {
        path: shell.url(format!("history/{object}")),
        href: page_of(&shell, kind, &held),
        then: then(&parameters.day, &steps),
        stripe_id: held.stripe_id,
        day: parameters.day,
        kind,
        steps,
        cut,
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

fn then(day: &str, steps: &[Step]) -> Option<Then> {
    if day.is_empty() {
        return None;
    }
    let Some(start) = time::parse_date(day) else { return Some(Then::NoDay) };
    let last = steps.iter().find(|step| step.state.is_some() && step.at < start + DAY_SECONDS);
    Some(match last {
        Some(step) if step.deleted => Then::Deleted(step.at),
        Some(step) => Then::State { at: step.at, json: raw::pretty(step.state.as_deref().unwrap_or_default()) },
        None => Then::Unknown,
    })
}
