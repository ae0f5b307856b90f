//! The list of invoices.

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::store::invoices;
use crate::web::access::Viewer;
use crate::web::dashboard::list::{self, Opened, Params, View};
use crate::web::dashboard::rows::{self, InvoiceRow};
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "invoices/index.html", blocks = ["list"])]
struct InvoicesPage {
    shell: Shell,
    list: View,
    rows: Vec<InvoiceRow>,
}

pub(super) async fn index(viewer: Viewer, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let project = &viewer.project.id;
    let mut tx = viewer.read().await?;
    let list = match list::open(&mut tx, &viewer, Kind::Invoice, params).await? {
        Opened::Object(path) => return Ok(wanted.redirect(&path)),
        Opened::List(list) => list,
    };
    let part = invoices::list(&mut tx, project, &list.filter, &list.slice).await?;
    let (statuses, total) = list.count(&mut tx, project).await?;
    let view = View::new(&viewer, &list, &part, &statuses, total);
    let rows = rows::invoices(part.rows, viewer.now());
    let page = InvoicesPage { shell: viewer.shell(Nav::Invoices), list: view, rows };
    Ok(page.list.addressed(wanted.respond(&page, &page.as_list())?))
}
