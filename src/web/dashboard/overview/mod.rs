//! The first page of a project: what is connected, what is there, whether it is fresh, and what to do next.

mod health;
mod steps;

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::money::grouped;
use crate::domain::status;
use crate::store::connections::{self, Connection};
use crate::store::counts::{self, Count};
use crate::store::sync_runs::TypeProgress;
use crate::store::timeline as events;
use crate::web::access::Viewer;
use crate::web::dashboard::rows;
use crate::web::dashboard::sync::progress::Import;
use crate::web::dashboard::timeline::{self, Entry};
use crate::web::error::Result;
use crate::web::html::Wanted;
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

use health::Health;
use steps::Step;

/// Events that the page shows.
const EVENTS: i64 = 8;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/t/{tenant}/p/{project}/", get(overview))
}

#[derive(Template)]
#[template(path = "overview/index.html", blocks = ["live"])]
struct OverviewPage {
    shell: Shell,
    connection: Option<Connection>,
    import: Option<Import>,
    cards: Vec<Card>,
    subscriptions: Vec<Share>,
    health: Health,
    events: Vec<EventRow>,
    steps: Vec<Step>,
}

/// How many there are of something.
struct Card {
    label: &'static str,
    path: &'static str,
    icon: &'static str,
    n: String,
    detail: String,
}

/// How many subscriptions have a status.
struct Share {
    status: String,
    n: i64,
    of: i64,
}

struct EventRow {
    entry: Entry,
    customer: String,
    customer_id: String,
}

impl Share {
    fn number(&self) -> String {
        grouped(self.n)
    }
}

impl OverviewPage {
    fn is_disconnected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.is_live())
    }

    fn steps_done(&self) -> usize {
        self.steps.iter().filter(|step| step.done).count()
    }
}

/// For the template: a type of the import, and how many objects of it came.
fn kind_name(of: &TypeProgress) -> String {
    status::words(Kind::parse(&of.kind).map_or("objects", Kind::plural))
}

fn fetched(of: &TypeProgress) -> String {
    grouped(of.fetched)
}

async fn overview(viewer: Viewer, wanted: Wanted) -> Result<Response> {
    let project = &viewer.project.id;
    let mut tx = viewer.read().await?;
    let connection = connections::find(&mut tx, project).await?;
    let counts = counts::all(&mut tx, project).await?;
    let import = Import::load(&mut tx, project, viewer.now()).await?;
    let health = health::load(&mut tx, project, &counts).await?;
    let received = health.last_event_at.is_some();
    let page = OverviewPage {
        shell: viewer.shell(Nav::Overview),
        cards: cards(&counts),
        subscriptions: subscriptions(&counts),
        health,
        events: recent(&mut tx, project).await?,
        steps: steps::of(connection.as_ref(), import.as_ref(), received),
        import,
        connection,
    };
    wanted.respond(&page, &page.as_live())
}

fn n(counts: &[Count], kind: Kind, wanted: impl Fn(&str) -> bool) -> i64 {
    counts.iter().filter(|count| count.kind == kind.as_str() && wanted(&count.status)).map(|count| count.n).sum()
}

fn cards(counts: &[Count]) -> Vec<Card> {
    let here = |status: &str| status != "deleted";
    let n = |kind, wanted: &dyn Fn(&str) -> bool| n(counts, kind, wanted);
    let card = |label, path, icon, of: i64, detail: String| Card { label, path, icon, n: grouped(of), detail };
    let of = |count: i64, word: &str| if count == 0 { String::new() } else { format!("{} {word}", grouped(count)) };
    vec![
        card(
            "Customers",
            "customers",
            "users",
            n(Kind::Customer, &here),
            of(n(Kind::Customer, &|status| status == "delinquent"), "delinquent"),
        ),
        card(
            "Active subscriptions",
            "subscriptions?status=active",
            "repeat",
            n(Kind::Subscription, &|status| status == "active"),
            of(n(Kind::Subscription, &|status| status == "trialing"), "in trial"),
        ),
        card(
            "Open invoices",
            "invoices?status=open",
            "file-invoice",
            n(Kind::Invoice, &|status| status == "open"),
            of(n(Kind::Invoice, &here), "in all"),
        ),
        card(
            "Active products",
            "products?status=active",
            "package",
            n(Kind::Product, &|status| status == "active"),
            of(n(Kind::Price, &|status| status == "active"), "active prices"),
        ),
    ]
}

/// The largest share first.
fn subscriptions(counts: &[Count]) -> Vec<Share> {
    let of = n(counts, Kind::Subscription, |_| true);
    let mine = counts.iter().filter(|count| count.kind == Kind::Subscription.as_str());
    let mut shares: Vec<_> = mine.map(|count| Share { status: count.status.clone(), n: count.n, of }).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.n));
    shares
}

async fn recent(tx: &mut Tx, project: &ProjectId) -> Result<Vec<EventRow>> {
    let events = events::newest(tx, project, EVENTS).await?;
    let subjects: Vec<String> = events.iter().map(|event| event.subject_id.clone()).collect();
    let customers = subjects.iter().filter(|id| id.starts_with(Kind::Customer.prefix())).map(String::as_str);
    let names = rows::names(tx, project, customers).await?;
    let row = |(entry, subject): (Entry, String)| EventRow {
        customer: names.get(&subject).cloned().unwrap_or_default(),
        customer_id: subject,
        entry,
    };
    Ok(timeline::entries(events).into_iter().zip(subjects).map(row).collect())
}
