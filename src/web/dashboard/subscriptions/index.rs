//! The list of subscriptions.

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::store::subscriptions;
use crate::web::access::Viewer;
use crate::web::dashboard::list::{self, Opened, Params, View};
use crate::web::dashboard::rows::{self, SubscriptionRow};
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "subscriptions/index.html", blocks = ["list"])]
struct SubscriptionsPage {
    shell: Shell,
    list: View,
    rows: Vec<SubscriptionRow>,
}

pub(super) async fn index(viewer: Viewer, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let project = &viewer.project.id;
    let mut tx = viewer.read().await?;
    let list = match list::open(&mut tx, &viewer, Kind::Subscription, params).await? {
        Opened::Object(path) => return Ok(wanted.redirect(&path)),
        Opened::List(list) => list,
    };
    let part = subscriptions::list(&mut tx, project, &list.filter, &list.slice).await?;
    let (statuses, total) = list.count(&mut tx, project).await?;
    let view = View::new(&viewer, &list, &part, &statuses, total);
    let rows = rows::subscriptions(&mut tx, project, part.rows).await?;
    let page = SubscriptionsPage { shell: viewer.shell(Nav::Subscriptions), list: view, rows };
    Ok(page.list.addressed(wanted.respond(&page, &page.as_list())?))
}
