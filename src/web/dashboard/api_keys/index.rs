//! The list of keys.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::Shown;
use crate::domain::role::Role;
use crate::domain::time::DAY_SECONDS;
use crate::store::{api_keys, api_requests};
use crate::web::access::Viewer;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Days for which a key that has ended is still listed.
const SHOWN_DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "api_keys/index.html")]
struct Page {
    shell: Shell,
    keys: Vec<Shown>,
    may_change: bool,
    /// A key was just revoked.
    revoked: bool,
    /// Where this installation is reached.
    server: String,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    done: String,
}

pub(super) async fn index(viewer: Viewer, Query(parameters): Query<Parameters>) -> Result<Response> {
    let (now, project) = (viewer.now(), &viewer.project.id);
    let mut tx = viewer.read().await?;
    let keys = api_keys::list(&mut tx, &viewer.tenant, project, now - SHOWN_DAYS * DAY_SECONDS).await?;
    let counts: HashMap<_, _> = api_requests::counts(&mut tx, project, now - DAY_SECONDS).await?.into_iter().collect();
    drop(tx);
    let keys = keys.into_iter().map(|key| Shown { now, requests: counts.get(&key.id).copied().unwrap_or(0), key });
    html::page(&Page {
        shell: viewer.shell(Nav::ApiKeys),
        keys: keys.collect(),
        may_change: viewer.role >= Role::Admin,
        revoked: parameters.done == "revoked",
        server: viewer.app.config.public_url(),
    })
}
