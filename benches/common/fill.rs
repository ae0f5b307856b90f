//! A made-up business, written the way the backfill writes. Everything is computed from a number, so that requests can name
//! customers, invoices and words that exist.

use billfold::{
    app::App,
    db::page::{Cursor, Key},
    domain::{
        event::EventStatus,
        ids::{ProjectId, TenantId},
        kind::Kind,
        objects::{Columns, Customer, Invoice, Object, Price, Product, Subscription, SubscriptionItem},
    },
    store::{
        mirror::{self, Write},
        webhook_events::{self, NewEvent},
    },
};

const NOW: i64 = 1_790_000_000;
/// One customer every so many seconds.
const STEP: i64 = 60;
/// Objects per transaction.
const CHUNK: u64 = 4_096;
/// Events of each customer.
const EVENTS: u64 = 10;
/// Products, each with one price.
pub const PRODUCTS: u64 = 20;

const FIRST: [&str; 24] = [
    "Ada", "Ben", "Cleo", "Dario", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mina", "Noor",
    "Otto", "Petra", "Quinn", "Rosa", "Sven", "Tara", "Uwe", "Vera", "Wanda", "Yusuf",
];
const SYLLABLES: [&str; 20] = [
    "bar", "del", "fen", "gor", "hal", "jur", "kes", "lom", "mar", "nov", "pel", "quo", "ras", "sto", "tur", "ulm",
    "ver", "wil", "xan", "zim",
];

/// The business.
pub struct Filled {
    pub tenant: TenantId,
    pub project: ProjectId,
    pub customers: u64,
}

impl Filled {
    /// The one that [`Filled::name`] tells of.
    pub fn named(name: &str, customers: u64) -> Self {
        let (tenant, project) = name.split_once(' ').unwrap();
        Self { tenant: TenantId::parse(tenant).unwrap(), project: ProjectId::parse(project).unwrap(), customers }
    }

    /// Where it is found again in its database.
    pub fn name(&self) -> String {
        format!("{} {}", self.tenant, self.project)
    }

    /// Where its pages begin.
    pub fn home(&self) -> String {
        format!("/t/{}/p/{}/", self.tenant, self.project)
    }

    /// A customer's number, scattered over all of them.
    pub fn scattered(&self, n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.customers
    }

    /// A page's cursor behind a customer.
    pub fn cursor(&self, kind: Kind, number: u64) -> String {
        let id = kind.derive_id(&self.project, &stripe_id(kind, number));
        Cursor(Key::Int(created(kind, number)), id).encode()
    }
}

pub fn stripe_id(kind: Kind, number: u64) -> String {
    let prefix = match kind {
        Kind::Customer => "cus",
        Kind::Product => "prod",
        Kind::Price => "price",
        Kind::Subscription => "sub",
        Kind::Invoice => "in",
        Kind::Charge => "ch",
    };
    format!("{prefix}_Bench{number:010}")
}

fn created(kind: Kind, number: u64) -> i64 {
    let per_customer = match kind {
        Kind::Subscription => number * 2 / 3,
        Kind::Invoice => number / 3,
        _ => number,
    };
    NOW - i64::try_from(per_customer).unwrap() * STEP
}

pub fn first_name(number: u64) -> &'static str {
    FIRST[(number % 24) as usize]
}

/// One of 8,000.
pub fn last_name(number: u64) -> String {
    let syllable = |n: u64| SYLLABLES[(n % 20) as usize];
    let (a, b, c) = (number / 7, number / 11, number / 13);
    let mut name = format!("{}{}{}", syllable(a), syllable(b), syllable(c));
    name[..1].make_ascii_uppercase();
    name
}

pub fn invoice_number(number: u64) -> String {
    format!("BENCH-{number:08}")
}

fn currency(number: u64) -> &'static str {
    match number % 100 {
        0..=69 => "usd",
        70..=94 => "eur",
        95..=98 => "gbp",
        _ => "jpy",
    }
}

pub fn email(number: u64) -> String {
    format!("{}.{}{number}@mail{}.example", first_name(number), last_name(number), number % 50).to_lowercase()
}

/// Writes everything.
pub async fn fill(app: &App, tenant: TenantId, project: ProjectId, customers: u64) -> Filled {
    let filled = Filled { tenant, project, customers };
    let numbers = [
        (Kind::Product, PRODUCTS),
        (Kind::Price, PRODUCTS),
        (Kind::Customer, customers),
        (Kind::Subscription, customers * 3 / 2),
        (Kind::Invoice, customers * 3),
    ];
    for (kind, count) in numbers {
        let mut from = 0;
        while from < count {
            let to = (from + CHUNK).min(count);
            write(app, &filled, kind, from..to).await;
            from = to;
        }
    }
    let events = customers * EVENTS;
    for from in (0..events).step_by(usize::try_from(CHUNK).unwrap()) {
        write_events(app, &filled, from..(from + CHUNK).min(events)).await;
    }
    filled
}

/// Finished events, oldest first, with names that grow as Stripe's do.
async fn write_events(app: &App, filled: &Filled, numbers: std::ops::Range<u64>) {
    let events: Vec<NewEvent> = numbers.map(|number| event(filled, number)).collect();
    let events: Vec<&NewEvent> = events.iter().collect();
    let mut tx = app.db.write(&filled.tenant).await.unwrap();
    webhook_events::insert_new(&mut tx, &filled.project, &events).await.unwrap();
    let counts = [("event", EventStatus::Done.as_str(), i64::try_from(events.len()).unwrap())];
    mirror::add_counts(&mut tx, &filled.project, &counts).await.unwrap();
    tx.commit().await.unwrap();
}

fn event(filled: &Filled, number: u64) -> NewEvent {
    let object_id = stripe_id(Kind::Customer, number / EVENTS);
    let at = NOW - i64::try_from(filled.customers * EVENTS - number).unwrap();
    NewEvent {
        id: format!("evt_{number:020}"),
        arrival: at * 1_000_000,
        event_type: "customer.updated".to_owned(),
        api_version: None,
        created: at,
        object_kind: Kind::Customer.as_str().to_owned(),
        subject_id: Kind::Customer.derive_id(&filled.project, &object_id),
        object_id,
        status: EventStatus::Done,
        cause: None,
        // a third of what Stripe sends: ten million of them have to fit on the disk of a workstation
        payload: format!(r#"{{"id":"evt_{number:020}","padding":"{}"}}"#, "x".repeat(400)),
    }
}

async fn write(app: &App, filled: &Filled, kind: Kind, numbers: std::ops::Range<u64>) {
    let project = &filled.project;
    let objects: Vec<Object> = numbers.map(|number| object(project, kind, number)).collect();
    let writes: Vec<Write<'_>> =
        objects.iter().map(|object| Write { object, version_at: NOW, deleted_at: None, synced_at: NOW }).collect();
    let mut tx = app.db.write(&filled.tenant).await.unwrap();
    mirror::upsert(&mut tx, project, kind, &writes, false).await.unwrap();
    let words: Vec<_> = objects.iter().map(|object| (kind, object.id.as_str(), object.search_words())).collect();
    if !words[0].2.is_empty() {
        mirror::set_words(&mut tx, project, &words).await.unwrap();
    }
    let items: Vec<(&str, &[SubscriptionItem])> = objects
        .iter()
        .filter_map(|object| match &object.columns {
            Columns::Subscription(subscription) => Some((object.id.as_str(), subscription.items.as_slice())),
            _ => None,
        })
        .collect();
    if !items.is_empty() {
        mirror::replace_items(&mut tx, project, &items).await.unwrap();
    }
    let mut counts = std::collections::BTreeMap::new();
    for object in &objects {
        *counts.entry(object.status.as_str()).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(status, n)| (kind.as_str(), status, n)).collect();
    mirror::add_counts(&mut tx, project, &counts).await.unwrap();
    tx.commit().await.unwrap();
}

fn object(project: &ProjectId, kind: Kind, number: u64) -> Object {
    let stripe_id = stripe_id(kind, number);
    let (columns, status) = match kind {
        Kind::Customer => customer(number),
        Kind::Product => product(number),
        Kind::Price => price(project, number),
        Kind::Subscription => subscription(project, number),
        _ => invoice(project, number),
    };
    // about as long as what Stripe sends of this kind
    let padding = match kind {
        Kind::Customer => 600,
        Kind::Subscription => 1_500,
        _ => 1_800,
    };
    let raw = format!(
        r#"{{"id":"{stripe_id}","object":"{kind}","created":{},"livemode":false,"metadata":{{"padding":"{}"}}}}"#,
        created(kind, number),
        "x".repeat(padding)
    );
    Object {
        kind,
        id: kind.derive_id(project, &stripe_id),
        stripe_id,
        created: created(kind, number),
        status: status.to_owned(),
        tombstone: false,
        whole: true,
        columns,
        raw,
    }
}

fn customer(number: u64) -> (Columns, &'static str) {
    let mut customer = Customer::default();
    customer.name = format!("{} {}", first_name(number), last_name(number));
    customer.email = email(number);
    customer.currency = Some(currency(number).to_owned());
    (Columns::Customer(customer), if number.is_multiple_of(50) { "delinquent" } else { "active" })
}

fn product(number: u64) -> (Columns, &'static str) {
    let name = format!("Plan {number}");
    (Columns::Product(Product { active: true, name, ..Product::default() }), "active")
}

fn price(project: &ProjectId, number: u64) -> (Columns, &'static str) {
    let price = Price {
        active: true,
        product_id: Kind::Product.derive_id(project, &stripe_id(Kind::Product, number)),
        currency: "usd".to_owned(),
        unit_amount: Some(1_000 + 100 * i64::try_from(number).unwrap()),
        interval: Some("month".to_owned()),
        interval_count: Some(1),
        usage_type: Some("licensed".to_owned()),
        billing_scheme: "per_unit".to_owned(),
        ..Price::default()
    };
    (Columns::Price(price), "active")
}

fn subscription(project: &ProjectId, number: u64) -> (Columns, &'static str) {
    let status = match number % 100 {
        0..=69 => "active",
        70..=74 => "trialing",
        75..=76 => "past_due",
        77 => "unpaid",
        _ => "canceled",
    };
    let customer = number * 2 / 3;
    let item = SubscriptionItem {
        stripe_id: format!("si_Bench{number:010}"),
        price_id: Kind::Price.derive_id(project, &stripe_id(Kind::Price, number % PRODUCTS)),
        product_id: Kind::Product.derive_id(project, &stripe_id(Kind::Product, number % PRODUCTS)),
        quantity: Some(1),
    };
    let subscription = Subscription {
        status: status.to_owned(),
        customer_id: Kind::Customer.derive_id(project, &stripe_id(Kind::Customer, customer)),
        currency: currency(customer).to_owned(),
        amount: 1_000,
        interval: Some("month".to_owned()),
        interval_count: Some(1),
        items: vec![item],
        whole: true,
        current_period_start: Some(NOW),
        current_period_end: Some(NOW + 30 * 86_400),
        ..Subscription::default()
    };
    (Columns::Subscription(Box::new(subscription)), status)
}

fn invoice(project: &ProjectId, number: u64) -> (Columns, &'static str) {
    let status = match number % 100 {
        0 => "draft",
        1..=4 => "open",
        5 => "void",
        6 => "uncollectible",
        _ => "paid",
    };
    let customer = number / 3;
    let invoice = Invoice {
        status: status.to_owned(),
        customer_id: Some(Kind::Customer.derive_id(project, &stripe_id(Kind::Customer, customer))),
        number: invoice_number(number),
        customer_name: format!("{} {}", first_name(customer), last_name(customer)),
        customer_email: email(customer),
        currency: currency(customer).to_owned(),
        total: 1_000,
        amount_due: 1_000,
        amount_paid: 1_000,
        whole: true,
        ..Invoice::default()
    };
    (Columns::Invoice(Box::new(invoice)), status)
}
