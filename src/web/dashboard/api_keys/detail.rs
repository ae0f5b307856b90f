//! One key: what it may do, what it did, and how it is ended.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::Shown;
use crate::db::page::{Cursor, Key};
use crate::domain::api_key::{ApiScope, ApiScopes, Grace};
use crate::domain::ids::KeyId;
use crate::domain::role::Role;
use crate::domain::time::DAY_SECONDS;
use crate::store::{api_keys, api_requests};
use crate::web::access::{Staff, Viewer};
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Lines of the log per page.
const LINES: usize = 50;
/// Days without a use after which a scope is likely not needed.
const UNUSED_DAYS: i64 = 60;

#[derive(Template)]
#[template(path = "api_keys/detail.html")]
struct Page {
    shell: Shell,
    shown: Shown,
    scopes: Vec<Scope>,
    lines: Vec<Line>,
    /// The log's next page; empty on the last one.
    next: String,
    /// The log's first page; empty on it.
    first: String,
    may_change: bool,
    graces: [Grace; 4],
    problem: Option<String>,
}

/// A scope of the key.
struct Scope {
    name: &'static str,
    /// Unix seconds.
    last_used: Option<i64>,
    /// Not used for so long that it could be left out.
    unused: bool,
}

struct Line {
    /// Unix seconds.
    at: i64,
    method: String,
    path: String,
    status: i64,
    /// `12.3`
    ms: String,
    request_id: String,
}

impl Line {
    fn is_refusal(&self) -> bool {
        self.status >= 400
    }
}

#[derive(Deserialize)]
pub(super) struct KeyPath {
    pub(super) key: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    after: String,
}

pub(super) async fn show(
    viewer: Viewer,
    Path(KeyPath { key }): Path<KeyPath>,
    Query(parameters): Query<Parameters>,
) -> Result<Response> {
    let id = KeyId::parse(&key).ok_or(Error::NotFound)?;
    page(&viewer, &id, &parameters, None).await
}

/// The page, and why an action on it was not done.
pub(super) async fn page(
    staff: &Staff<crate::store::projects::Project>,
    id: &KeyId,
    parameters: &Parameters,
    problem: Option<String>,
) -> Result<Response> {
    let (now, project, shell) = (staff.now(), &staff.project.id, staff.shell(Nav::ApiKeys));
    let mut tx = staff.read().await?;
    let key = api_keys::find(&mut tx, &staff.tenant, project, id).await?.ok_or(Error::NotFound)?;
    let counts = api_requests::counts(&mut tx, project, now - DAY_SECONDS).await?;
    let used: HashMap<String, i64> = api_requests::scopes_used(&mut tx, project, id).await?.into_iter().collect();
    let after =
        Cursor::decode(&parameters.after).filter(|Cursor(key, id)| matches!(key, Key::Int(_)) && !id.contains('\0'));
    let log = api_requests::page(&mut tx, project, id, after.as_ref(), LINES).await?;
    drop(tx);
    let path = shell.url(format!("api-keys/{id}"));
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = Page {
        scopes: scopes(&key, &used, now),
        lines: log.rows.into_iter().map(line).collect(),
        next: log.next.map(|next| format!("{path}?after={}#log", next.encode())).unwrap_or_default(),
        first: after.map(|_| format!("{path}#log")).unwrap_or_default(),
        may_change: staff.role >= Role::Admin && key.works(now),
        shown: Shown { now, requests: counts.iter().find(|(known, _)| known == id).map_or(0, |(_, n)| *n), key },
        graces: Grace::ALL,
        shell,
        problem,
    };
    html::page_with(status, &page)
}

fn scopes(key: &api_keys::ApiKey, used: &HashMap<String, i64>, now: i64) -> Vec<Scope> {
    let long_ago = now - UNUSED_DAYS * DAY_SECONDS;
    let scope = |scope: ApiScope| {
        let last_used = used.get(scope.as_str()).copied();
        let unused = key.created <= long_ago && last_used.is_none_or(|last| last <= long_ago);
        Scope { name: scope.as_str(), last_used, unused }
    };
    ApiScopes::from_stored(&key.scopes).iter().map(scope).collect()
}

fn line(row: api_requests::Request) -> Line {
    Line {
        at: row.at.div_euclid(1_000_000),
        method: row.method,
        path: row.path,
        status: row.status,
        ms: format!("{}.{}", row.micros / 1_000, row.micros % 1_000 / 100),
        request_id: row.request_id,
    }
}
