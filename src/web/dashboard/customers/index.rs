//! The list of customers.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::store::{customers, subscriptions};
use crate::web::access::Viewer;
use crate::web::dashboard::list::{self, Opened, Params, View};
use crate::web::dashboard::rows::{self, SubscriptionRow};
use crate::web::dashboard::show;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell, initials};

/// Current subscriptions at most that one page of customers shows.
const SUBSCRIPTIONS: i64 = 500;

#[derive(Template)]
#[template(path = "customers/index.html", blocks = ["list"])]
struct CustomersPage {
    shell: Shell,
    list: View,
    rows: Vec<Row>,
}

/// A customer with what they subscribe to now.
struct Row {
    customer: customers::Customer,
    subscriptions: Vec<SubscriptionRow>,
}

impl Row {
    fn called(&self) -> &str {
        show::called(&self.customer.name, &self.customer.email, &self.customer.stripe_id)
    }

    fn initials(&self) -> String {
        initials(self.called())
    }

    fn is_deleted(&self) -> bool {
        self.customer.status == "deleted"
    }
}

pub(super) async fn index(viewer: Viewer, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let project = &viewer.project.id;
    let mut tx = viewer.read().await?;
    let list = match list::open(&mut tx, &viewer, Kind::Customer, params).await? {
        Opened::Object(path) => return Ok(wanted.redirect(&path)),
        Opened::List(list) => list,
    };
    let part = customers::list(&mut tx, project, &list.filter, &list.slice).await?;
    let (statuses, total) = list.count(&mut tx, project).await?;
    let ids = part.rows.iter().map(|customer| customer.id.as_str());
    let current = subscriptions::current_of(&mut tx, project, ids, SUBSCRIPTIONS).await?;
    let mut of_customer: HashMap<String, Vec<SubscriptionRow>> = HashMap::new();
    for row in rows::subscriptions(&mut tx, project, current).await? {
        of_customer.entry(row.subscription.customer_id.clone()).or_default().push(row);
    }

    let view = View::new(&viewer, &list, &part, &statuses, total);
    let rows = part.rows.into_iter();
    let rows =
        rows.map(|customer| Row { subscriptions: of_customer.remove(&customer.id).unwrap_or_default(), customer });
    let page = CustomersPage { shell: viewer.shell(Nav::Customers), list: view, rows: rows.collect() };
    Ok(page.list.addressed(wanted.respond(&page, &page.as_list())?))
}
