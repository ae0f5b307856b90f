//! What is asked for: every list with its filters, orders and far ends, every detail page, every way to search.

use billfold::domain::kind::Kind;

use crate::common::fill::{Filled, PRODUCTS, email, first_name, invoice_number, last_name, stripe_id};

/// A kind of request.
pub struct Request {
    /// As the table names it.
    pub name: &'static str,
    /// The path of the n-th one, below the project.
    pub path: fn(&Filled, u64) -> String,
    /// What the page must show.
    pub expect: &'static str,
}

const fn request(name: &'static str, path: fn(&Filled, u64) -> String, expect: &'static str) -> Request {
    Request { name, path, expect }
}

fn number(filled: &Filled, n: u64) -> u64 {
    filled.scattered(n + 1)
}

fn after(filled: &Filled, kind: Kind, path: &str, n: u64) -> String {
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}after={}", filled.cursor(kind, number(filled, n)))
}

fn detail(filled: &Filled, kind: Kind, n: u64) -> String {
    format!("{}/{}", kind.plural(), stripe_id(kind, number(filled, n)))
}

/// What a row of a list has.
const ROWS: &str = "row-link";

/// All of them.
pub const ALL: &[Request] = &[
    request("overview", |_, _| String::new(), "Overview"),
    request("customers", |_, _| "customers".into(), ROWS),
    request("customers, 100 rows", |_, _| "customers?limit=100".into(), ROWS),
    request("customers, anywhere in the list", |f, n| after(f, Kind::Customer, "customers", n), ROWS),
    request("customers, oldest first", |_, _| "customers?sort=oldest".into(), ROWS),
    request("customers, by e-mail", |_, _| "customers?sort=email".into(), ROWS),
    request("customers, delinquent", |_, _| "customers?status=delinquent".into(), ROWS),
    request(
        "customers, created in a month",
        |_, n| format!("customers?from=2026-0{}-01&to=2026-0{}-28", 1 + n % 8, 1 + n % 8),
        "tabs-row",
    ),
    request(
        "customers, search: full name",
        |f, n| {
            let c = number(f, n);
            format!("customers?q={}+{}", first_name(c), last_name(c))
        },
        ROWS,
    ),
    request("customers, search: e-mail address", |f, n| format!("customers?q={}", email(number(f, n))), ROWS),
    request("customers, search: surname", |f, n| format!("customers?q={}", last_name(number(f, n))), ROWS),
    request(
        "customers, search: first name (1 in 24)",
        |f, n| format!("customers?q={}", first_name(number(f, n))),
        ROWS,
    ),
    request("customers, search: in every address", |_, _| "customers?q=example".into(), ROWS),
    request("customers, search: nobody", |_, n| format!("customers?q=nobody{n}"), "No customers match"),
    request(
        "customers, search: two letters",
        |f, n| format!("customers?q={}", &first_name(number(f, n)).to_lowercase()[..2]),
        ROWS,
    ),
    request("customer", |f, n| detail(f, Kind::Customer, n), "Timeline"),
    request("subscriptions", |_, _| "subscriptions".into(), ROWS),
    request("subscriptions, anywhere in the list", |f, n| after(f, Kind::Subscription, "subscriptions", n), ROWS),
    request("subscriptions, past due", |_, _| "subscriptions?status=past_due".into(), ROWS),
    request(
        "subscriptions, canceled, anywhere",
        |f, n| after(f, Kind::Subscription, "subscriptions?status=canceled", n),
        ROWS,
    ),
    request("subscriptions, one currency (1 in 100)", |_, _| "subscriptions?currency=jpy".into(), ROWS),
    request(
        "subscriptions, one price",
        |_, n| format!("subscriptions?price={}", stripe_id(Kind::Price, n % PRODUCTS)),
        ROWS,
    ),
    request(
        "subscriptions, one price, past due",
        |_, n| format!("subscriptions?status=past_due&price={}", stripe_id(Kind::Price, (n * 20 + 15) % PRODUCTS)),
        ROWS,
    ),
    request(
        "subscriptions of a customer",
        |f, n| format!("subscriptions?customer={}", stripe_id(Kind::Customer, number(f, n))),
        ROWS,
    ),
    request("subscriptions, search: surname", |f, n| format!("subscriptions?q={}", last_name(number(f, n))), ROWS),
    request("subscription", |f, n| detail(f, Kind::Subscription, n), "Timeline"),
    request("invoices", |_, _| "invoices".into(), ROWS),
    request("invoices, anywhere in the list", |f, n| after(f, Kind::Invoice, "invoices", n), ROWS),
    request("invoices, open", |_, _| "invoices?status=open".into(), ROWS),
    request("invoices, one currency (1 in 100)", |_, _| "invoices?currency=jpy".into(), ROWS),
    request("invoices, void in one currency", |_, _| "invoices?status=void&currency=jpy".into(), "tabs-row"),
    request(
        "invoices of a customer",
        |f, n| format!("invoices?customer={}", stripe_id(Kind::Customer, number(f, n))),
        ROWS,
    ),
    request("invoices, search: number", |f, n| format!("invoices?q={}", invoice_number(number(f, n))), ROWS),
    request("invoices, search: surname", |f, n| format!("invoices?q={}", last_name(number(f, n))), ROWS),
    request("invoice", |f, n| detail(f, Kind::Invoice, n), "Timeline"),
    request("products", |_, _| "products".into(), ROWS),
    request("product", |_, n| format!("products/{}", stripe_id(Kind::Product, n % PRODUCTS)), "Timeline"),
    request(
        "search everything: full name",
        |f, n| {
            let c = number(f, n);
            format!("search?q={}+{}", first_name(c), last_name(c))
        },
        "Customers",
    ),
    request(
        "search everything: invoice number",
        |f, n| format!("search?q={}", &invoice_number(number(f, n))[..10]),
        "Invoices",
    ),
];
