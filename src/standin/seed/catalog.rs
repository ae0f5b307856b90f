//! The seeded catalogue: twelve products with thirty prices of every sort.

use serde_json::{Value, json};

use crate::standin::kind::Kind;
use crate::standin::objects::{meter, price, product};
use crate::standin::shape::Fields;
use crate::standin::space::Space;

/// How often a subscription renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// Every month.
    Month,
    /// Every three months.
    Quarter,
    /// Every year.
    Year,
}

impl Cycle {
    /// The length in seconds; a month is a twelfth of a year of 365 days.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Month => 2_628_000,
            Self::Quarter => 7_884_000,
            Self::Year => 31_536_000,
        }
    }
}

const PRODUCTS: [(&str, &str, Option<&str>); 12] = [
    ("Starter", "For people who begin", None),
    ("Team", "Everything a team needs", Some("seat")),
    ("Business", "For the whole company", Some("seat")),
    ("Enterprise", "With a contract", Some("seat")),
    ("API calls", "Billed by use", Some("call")),
    ("Storage", "Billed by the gigabyte", Some("GB")),
    ("Support", "Answers within an hour", None),
    ("Backups", "Kept for a year", None),
    ("Audit log", "Who did what", None),
    ("Single sign-on", "One login for all", None),
    ("E-mail packs", "A thousand messages each", Some("pack")),
    ("Onboarding", "Help with the first steps", None),
];

/// How a seeded price counts.
#[derive(Clone, Copy)]
enum Sort {
    Flat,
    Metered,
    Graduated,
    Volume,
    Package,
    Once,
}

use Cycle::{Month, Quarter, Year};
use Sort::{Flat, Graduated, Metered, Once, Package, Volume};

/// Product, currency, cycle, sort and minor units.
const PRICES: [Row; 30] = [
    (0, "usd", Month, Flat, 900),
    (1, "usd", Month, Flat, 2900),
    (2, "usd", Month, Flat, 7900),
    (3, "usd", Month, Flat, 24_900),
    (4, "usd", Month, Metered, 2),
    (4, "usd", Month, Graduated, 10),
    (5, "usd", Month, Volume, 25),
    (6, "usd", Month, Flat, 4900),
    (7, "usd", Month, Flat, 1500),
    (8, "usd", Month, Flat, 1200),
    (9, "usd", Month, Flat, 3500),
    (10, "usd", Month, Package, 700),
    (11, "usd", Month, Flat, 9900),
    (1, "usd", Quarter, Flat, 7900),
    (2, "usd", Quarter, Flat, 21_900),
    (0, "usd", Year, Flat, 9000),
    (1, "usd", Year, Flat, 29_000),
    (2, "usd", Year, Flat, 79_000),
    (3, "usd", Year, Flat, 249_000),
    (0, "eur", Month, Flat, 800),
    (1, "eur", Month, Flat, 2700),
    (2, "eur", Month, Flat, 7400),
    (1, "eur", Year, Flat, 27_000),
    (2, "eur", Year, Flat, 74_000),
    (1, "gbp", Month, Flat, 2300),
    (2, "gbp", Month, Flat, 6300),
    (1, "gbp", Year, Flat, 23_000),
    (1, "jpy", Month, Flat, 4400),
    (1, "kwd", Month, Flat, 8900),
    (11, "usd", Year, Once, 50_000),
];

/// Puts the catalogue into an empty account and returns its recurring prices, in order.
pub fn stock(space: &mut Space, created: i64) -> Vec<Value> {
    let products: Vec<String> = PRODUCTS
        .iter()
        .map(|(name, description, unit)| {
            let (n, id) = space.reserve(Kind::Product);
            let fields = Fields::new()
                .text("id", &id)
                .int("created", created)
                .text("name", name)
                .text("description", description)
                .opt_text("unit_label", *unit)
                .flag("livemode", space.live);
            space.insert(Kind::Product, n, created, product::SHAPE.value(&fields));
            id
        })
        .collect();
    let meter = stock_meter(space, created);
    let rows = PRICES.iter().map(|row| {
        let (n, id) = space.reserve(Kind::Price);
        let value = price_value((&id, &products[row.0], &meter), *row, created, space.live);
        space.insert(Kind::Price, n, created, value.clone());
        value
    });
    let values: Vec<Value> = rows.collect();
    values.into_iter().filter(|price| price["type"] == "recurring").collect()
}

/// The meter of everything that is billed by use.
fn stock_meter(space: &mut Space, created: i64) -> String {
    let (n, id) = space.reserve(Kind::Meter);
    let fields = Fields::new()
        .text("id", &id)
        .int("created", created)
        .text("customer_key", "stripe_customer_id")
        .text("formula", "sum")
        .text("display_name", "API calls")
        .text("event_name", "api_calls")
        .flag("livemode", space.live)
        .text("value_key", "value");
    space.insert(Kind::Meter, n, created, meter::SHAPE.value(&fields));
    id
}

type Row = (usize, &'static str, Cycle, Sort, i64);

fn price_value((id, product, meter): (&str, &str, &str), row: Row, created: i64, live: bool) -> Value {
    let (product_at, currency, cycle, sort, amount) = row;
    let tiered = matches!(sort, Graduated | Volume);
    let (interval, count) = match cycle {
        Month => ("month", 1),
        Quarter => ("month", 3),
        Year => ("year", 1),
    };
    let mut price = price::SHAPE.value(
        &Fields::new()
            .text("id", id)
            .int("created", created)
            .text("billing_scheme", if tiered { "tiered" } else { "per_unit" })
            .text("currency", currency)
            .flag("livemode", live)
            .text("nickname", &format!("{} {currency} {interval}", PRODUCTS[product_at].0))
            .text("product", product)
            .text("type", if matches!(sort, Once) { "one_time" } else { "recurring" }),
    );
    if !matches!(sort, Once) {
        let metered = matches!(sort, Metered);
        price["recurring"] = json!({"interval": interval, "interval_count": count, "meter": metered.then_some(meter),
            "trial_period_days": null, "usage_type": if metered { "metered" } else { "licensed" }});
    }
    match sort {
        Graduated => set_tiers(&mut price, "graduated", amount, 200),
        Volume => set_tiers(&mut price, "volume", amount, 0),
        _ => {
            price["unit_amount"] = amount.into();
            price["unit_amount_decimal"] = amount.to_string().into();
        }
    }
    if matches!(sort, Package) {
        price["transform_quantity"] = json!({"divide_by": 5, "round": "up"});
    }
    price
}

fn set_tiers(price: &mut Value, mode: &str, each: i64, flat: i64) {
    let tier = |up_to: Option<i64>, each: i64, flat: i64| {
        json!({"flat_amount": flat, "flat_amount_decimal": flat.to_string(),
            "unit_amount": each, "unit_amount_decimal": each.to_string(), "up_to": up_to})
    };
    price["tiers_mode"] = mode.into();
    price["tiers"] = json!([tier(Some(100), each, flat), tier(Some(1000), each - 2, flat), tier(None, each - 5, flat)]);
}
