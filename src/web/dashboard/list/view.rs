//! A list as its template shows it: tabs, chips, column heads, what stands in the foot, what stands in place of no rows.

use axum::response::Response;
use http::{HeaderName, HeaderValue};

use super::open::List;
use super::params::{Params, SIZES};
use crate::db::page::Cursor;
use crate::domain::money::grouped;
use crate::domain::status;
use crate::store::list::{COUNTED, Order, Part};
use crate::web::access::Viewer;
use crate::web::shell::Nav;

/// What htmx puts into the address bar.
const HX_PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");

/// A status tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The word.
    pub label: String,
    /// How many; empty when the filters leave it open.
    pub count: String,
    /// The list with this status.
    pub href: String,
    /// Whether it is shown now.
    pub active: bool,
}

/// A filter in force.
#[derive(Clone, Debug)]
pub struct Chip {
    /// What it says.
    pub label: String,
    /// The list without it.
    pub href: String,
}

/// A place in the list.
#[derive(Clone, Debug)]
pub struct Link {
    /// The address.
    pub href: String,
}

/// A number of rows per page.
#[derive(Clone, Debug)]
pub struct Size {
    /// Rows.
    pub rows: usize,
    /// The list with as many.
    pub href: String,
    /// Whether it is chosen.
    pub active: bool,
}

/// Why there are no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// There are.
    No,
    /// Nothing fits the filters.
    NoMatch,
    /// No Stripe account is connected.
    NotConnected,
    /// The account is connected and has none.
    Nothing,
}

/// What `templates/_list.html` shows around the rows.
#[derive(Clone, Debug)]
pub struct View {
    /// The list's own address.
    pub path: String,
    /// As they came.
    pub params: Params,
    /// What is listed, in the plural.
    pub name: &'static str,
    /// Status tabs; the first is for all.
    pub tabs: Vec<Tab>,
    /// Filters in force.
    pub chips: Vec<Chip>,
    /// `1–25 of 1,000`.
    pub shown: String,
    /// The search found more than it shows.
    pub cut: bool,
    /// The first part, when another is shown.
    pub to_first: Option<Link>,
    /// The part before.
    pub to_previous: Option<Link>,
    /// The part after.
    pub to_next: Option<Link>,
    /// Rows per page.
    pub sizes: Vec<Size>,
    /// Why there are no rows.
    pub empty: Empty,
    order: Order,
}

impl View {
    /// Puts a list together. `statuses` and `total` come from [`List::count`].
    pub fn new<T>(
        viewer: &Viewer,
        list: &List,
        part: &Part<T>,
        statuses: &[(String, i64)],
        total: Option<i64>,
    ) -> Self {
        let params = &list.params;
        let path = viewer.shell(Nav::None).url(list.kind.plural());
        let skipped = if list.slice.edge.is_some() { params.skipped() } else { 0 };
        let rows = i64::try_from(part.rows.len()).unwrap_or(i64::MAX);
        let size = i64::try_from(list.slice.limit).unwrap_or(i64::MAX);
        let to = |cursor: &Cursor, forward: bool| {
            let mut to = params.with(|to| to.at = (skipped + if forward { rows } else { -size }).max(0).to_string());
            *(if forward { &mut to.after } else { &mut to.before }) = cursor.encode();
            Link { href: to.href(&path) }
        };
        let resized = |rows: usize| params.with(|to| to.limit = rows.to_string()).href(&path);
        Self {
            name: list.kind.plural(),
            tabs: tabs(list, &path, statuses),
            chips: chips(params, &path),
            shown: shown(skipped, rows, total, list.filter.is_status_only()),
            cut: list.cut,
            to_first: part.previous.as_ref().map(|_| Link { href: params.with(|_| ()).href(&path) }),
            to_previous: part.previous.as_ref().map(|cursor| to(cursor, false)),
            to_next: part.next.as_ref().map(|cursor| to(cursor, true)),
            sizes: SIZES
                .into_iter()
                .map(|rows| Size { rows, href: resized(rows), active: rows == list.slice.limit })
                .collect(),
            empty: match (part.rows.is_empty(), &viewer.project.connection_state) {
                (false, _) => Empty::No,
                (true, _) if *params != Params::default() => Empty::NoMatch,
                (true, None) => Empty::NotConnected,
                (true, Some(_)) => Empty::Nothing,
            },
            order: list.slice.order,
            params: params.clone(),
            path,
        }
    }

    /// The head of the column that sorts by creation.
    pub fn by_created(&self) -> Sort {
        self.sort(Order::Oldest, "oldest", "")
    }

    /// The head of the column that sorts by e-mail address.
    pub fn by_email(&self) -> Sort {
        self.sort(Order::Email, "email", "-email")
    }

    /// How many further filters are in force, beside search and status.
    pub fn filters(&self) -> usize {
        self.chips.len()
    }

    /// Tells htmx the short address of this list: the one of the form names every field, the empty ones too.
    pub fn addressed(&self, mut answer: Response) -> Response {
        if let Ok(address) = HeaderValue::from_str(&self.params.href(&self.path)) {
            answer.headers_mut().insert(HX_PUSH_URL, address);
        }
        answer
    }

    /// A click on a sorted column turns it round.
    fn sort(&self, ascending: Order, up: &str, down: &str) -> Sort {
        let (direction, next) = match self.order {
            order if order == ascending => ("ascending", down),
            order if order == ascending.reversed() => ("descending", up),
            _ => ("none", if down.is_empty() { down } else { up }),
        };
        Sort { direction, href: self.params.with(|to| next.clone_into(&mut to.sort)).href(&self.path) }
    }
}

/// A column head.
#[derive(Clone, Debug)]
pub struct Sort {
    /// For `aria-sort`.
    pub direction: &'static str,
    /// The list sorted by it, or turned round.
    pub href: String,
}

fn tabs(list: &List, path: &str, statuses: &[(String, i64)]) -> Vec<Tab> {
    let count = |status: &str| statuses.iter().find(|(known, _)| known == status).map_or(0, |(_, n)| *n);
    let known = status::tabs(list.kind);
    let others = statuses.iter().map(|(status, _)| status.as_str()).filter(|status| !known.contains(status));
    let mut all: Vec<&str> = known.iter().copied().chain(others).collect();
    let chosen = list.filter.status.as_deref();
    if let Some(chosen) = chosen.filter(|chosen| !all.contains(chosen)) {
        all.push(chosen);
    }
    let tab = |status: Option<&str>, n: i64| Tab {
        label: status.map_or_else(|| "All".to_owned(), status::words),
        count: if statuses.is_empty() && !list.filter.is_status_only() { String::new() } else { grouped(n) },
        href: list.params.with(|to| status.unwrap_or_default().clone_into(&mut to.status)).href(path),
        active: chosen == status,
    };
    let total = statuses.iter().map(|(_, n)| n).sum();
    std::iter::once(tab(None, total)).chain(all.into_iter().map(|status| tab(Some(status), count(status)))).collect()
}

fn chips(params: &Params, path: &str) -> Vec<Chip> {
    let mut chips = Vec::new();
    let mut chip = |label: &str, value: &str, without: fn(&mut Params)| {
        if !value.is_empty() {
            chips.push(Chip { label: format!("{label} {value}"), href: params.with(without).href(path) });
        }
    };
    chip("From", &params.from, |to| to.from.clear());
    chip("Until", &params.to, |to| to.to.clear());
    chip("Currency", &params.currency.to_ascii_uppercase(), |to| to.currency.clear());
    chip("Customer", &params.customer, |to| to.customer.clear());
    chip("Price", &params.price, |to| to.price.clear());
    chips
}

/// `exact`: the total comes from the counts, else counting stopped at [`COUNTED`].
fn shown(skipped: i64, rows: i64, total: Option<i64>, exact: bool) -> String {
    if rows == 0 {
        return "No results".to_owned();
    }
    let of = match total {
        None => String::new(),
        Some(total) if !exact && total > COUNTED => format!(" of {}+", grouped(COUNTED)),
        Some(total) => format!(" of {}", grouped(total)),
    };
    format!("{}–{}{of}", grouped(skipped + 1), grouped(skipped + rows))
}

impl Empty {
    /// The headline.
    pub fn title(self, name: &str) -> String {
        match self {
            Self::NoMatch => format!("No {name} match"),
            _ => format!("No {name} yet"),
        }
    }
}
