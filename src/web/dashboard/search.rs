//! Search over everything: a page of its own, and what the search dialog shows while somebody types.

use askama::Template;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::list::matches;
use crate::db::Tx;
use crate::domain::kind::Kind;
use crate::store::list::{Filter, Slice};
use crate::store::{customers, invoices, products, subscriptions};
use crate::web::access::Viewer;
use crate::web::dashboard::{jump, rows, show};
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::html::Wanted;
use crate::web::routes::Routes;
use crate::web::shell::{DEVELOPER_NAV, MAIN_NAV, Nav, Shell};

/// Results of each kind.
const EACH: usize = 6;
/// Customers whose subscriptions and invoices are looked at.
const CUSTOMERS: i64 = 50;
/// Longest query, in characters.
const LONGEST: usize = 200;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/t/{tenant}/p/{project}/search", get(search))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
}

#[derive(Template)]
#[template(path = "search/index.html", blocks = ["results"])]
struct SearchPage {
    shell: Shell,
    q: String,
    groups: Vec<Group>,
}

/// Results of one kind.
struct Group {
    label: &'static str,
    icon: &'static str,
    hits: Vec<Hit>,
    all: Option<String>,
}

struct Hit {
    path: String,
    title: String,
    detail: String,
    status: Option<String>,
}

async fn search(viewer: Viewer, wanted: Wanted, Query(asked): Query<Asked>) -> Result<Response> {
    let q: String = asked.q.trim().replace(char::is_control, " ").chars().take(LONGEST).collect();
    let shell = viewer.shell(Nav::None);
    let mut groups = Vec::new();
    if !q.is_empty() {
        let mut tx = viewer.read().await?;
        if let Some(path) = jump::find(&mut tx, &viewer.project.id, &q, None).await? {
            if !wanted.fragment {
                return Ok(wanted.redirect(&shell.url(&path)));
            }
            groups.push(exact(&q, path));
        }
        groups.extend(objects(&mut tx, &viewer, &q).await?);
    }
    groups.push(pages(&q));
    groups.retain(|group| !group.hits.is_empty());
    let page = SearchPage { shell, q, groups };
    wanted.respond(&page, &page.as_results())
}

fn exact(id: &str, path: String) -> Group {
    let hit = Hit { path, title: format!("Open {id}"), detail: String::new(), status: None };
    Group { label: "This id", icon: "arrow-right", hits: vec![hit], all: None }
}

async fn objects(tx: &mut Tx, viewer: &Viewer, q: &str) -> Result<Vec<Group>> {
    let project = &viewer.project.id;
    let slice = Slice::newest(EACH);
    let all = |path: &str| serde_urlencoded::to_string([("q", q)]).ok().map(|query| format!("{path}?{query}"));

    let found = matches(tx, project, Kind::Customer, q, CUSTOMERS).await?;
    let by_ids = Filter { ids: Some(found.clone()), ..Filter::default() };
    let of_customers = Filter { customers: Some(found), ..Filter::default() };
    let customers = customers::list(tx, project, &by_ids, &slice).await?;
    let subscriptions = subscriptions::list(tx, project, &of_customers, &slice).await?;
    let subscriptions = rows::subscriptions(tx, project, subscriptions.rows).await?;

    let numbered = invoices::with_number_prefix(tx, project, &q.to_uppercase(), CUSTOMERS).await?;
    let numbered = Filter { ids: Some(numbered), ..Filter::default() };
    let filter = if numbered.ids.as_ref().is_some_and(Vec::is_empty) { &of_customers } else { &numbered };
    let invoices = invoices::list(tx, project, filter, &slice).await?;

    let found = matches(tx, project, Kind::Product, q, CUSTOMERS).await?;
    let by_ids = Filter { ids: Some(found), ..Filter::default() };
    let products = products::list(tx, project, &by_ids, &slice).await?;
    Ok(vec![
        Group {
            label: "Customers",
            icon: "user",
            hits: customers.rows.iter().map(customer).collect(),
            all: all("customers"),
        },
        Group {
            label: "Subscriptions",
            icon: "repeat",
            hits: subscriptions.iter().map(subscription).collect(),
            all: all("subscriptions"),
        },
        Group {
            label: "Invoices",
            icon: "file-invoice",
            hits: rows::invoices(invoices.rows, viewer.now()).iter().map(invoice).collect(),
            all: all("invoices"),
        },
        Group {
            label: "Products",
            icon: "package",
            hits: products.rows.iter().map(product).collect(),
            all: all("products"),
        },
    ])
}

fn customer(customer: &customers::Customer) -> Hit {
    Hit {
        path: format!("customers/{}", customer.id),
        title: show::called(&customer.name, &customer.email, &customer.stripe_id).to_owned(),
        detail: customer.email.clone(),
        status: Some(customer.status.clone()).filter(|status| status != "active"),
    }
}

fn subscription(row: &rows::SubscriptionRow) -> Hit {
    Hit {
        path: format!("subscriptions/{}", row.subscription.id),
        title: format!("{} of {}", row.plan, row.customer),
        detail: format!("{} {} {}", row.amount.text, row.amount.code, row.period),
        status: Some(row.subscription.status.clone()),
    }
}

fn invoice(row: &rows::InvoiceRow) -> Hit {
    Hit {
        path: format!("invoices/{}", row.invoice.id),
        title: format!("{} · {}", row.number(), row.customer()),
        detail: format!("{} {}", row.total.text, row.total.code),
        status: Some(row.invoice.status.clone()),
    }
}

fn product(product: &products::Product) -> Hit {
    Hit {
        path: format!("products/{}", product.id),
        title: product.name.clone(),
        detail: product.description.clone().unwrap_or_default(),
        status: Some(product.status.clone()).filter(|status| status != "active"),
    }
}

/// The pages whose name contains the query; all of them while there is none.
fn pages(q: &str) -> Group {
    let q = q.to_lowercase();
    let all = MAIN_NAV.iter().chain(DEVELOPER_NAV.iter());
    let named = all.filter(|item| item.label.to_lowercase().contains(&q));
    let hit = |path: &str, title: &str| Hit {
        path: path.to_owned(),
        title: title.to_owned(),
        detail: String::new(),
        status: None,
    };
    Group {
        label: "Pages",
        icon: "arrow-right",
        hits: named.map(|item| hit(item.path, &format!("Go to {}", item.label))).collect(),
        all: None,
    }
}
