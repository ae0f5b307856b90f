//! Starting a subscription.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{Flaw, SubscriptionDraft, SubscriptionItem};
use crate::domain::kind::Kind;
use crate::web::access::Member;
use crate::web::choices;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, Way, act_pages, again, open, shown, subject};
use crate::web::dashboard::coupons;
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "subscriptions/new.html", blocks = ["act"])]
struct NewPage {
    shell: Shell,
    act: Act,
    prices: Vec<(String, String)>,
    /// The first of them must be chosen.
    rows: Vec<ItemFields>,
    offers: Vec<(String, String)>,
}

act_pages!(NewPage);

/// Prices that the form has room for.
const ROWS: usize = 4;

/// The names of the fields of one price.
struct ItemFields {
    price: String,
    quantity: String,
}

impl ItemFields {
    fn new(position: usize) -> Self {
        let of = |field: &str| format!("items[{position}][{field}]");
        Self { price: of("price"), quantity: of("quantity") }
    }
}

impl NewPage {
    /// Whether something was typed or is wrong beyond the first price.
    fn has_more(&self) -> bool {
        let form = &self.act.form;
        self.rows.iter().skip(1).any(|row| {
            let used = |name: &str| !form.value(name).is_empty() || form.problem(name).is_some();
            used(&row.price) || used(&row.quantity)
        })
    }
}

async fn page(member: &Member, headers: &HeaderMap, customer: &str, form: Form) -> Result<NewPage> {
    let shell = member.shell(Nav::Subscriptions);
    let mut tx = member.read().await?;
    let known = match customer {
        "" => None,
        id => subject::load(&mut tx, member, Kind::Customer, id).await.ok(),
    };
    let prices = choices::prices(&mut tx, &member.project.id, Some(true)).await?;
    drop(tx);
    let (offers, problem) = coupons::offers(&member.scope(headers)).await?;
    let list = Way { label: "Subscriptions".to_owned(), path: shell.url("subscriptions") };
    let (name, back) = known.map_or((None, list), |known| (Some(known.name), known.page));
    let text = "The first invoice is made at once, unless there is a trial. To let the customer enter a card, make a Checkout page instead.";
    Ok(NewPage {
        prices: std::iter::once((String::new(), "Choose a price".to_owned())).chain(prices).collect(),
        rows: (0..ROWS).map(ItemFields::new).collect(),
        offers: std::iter::once((String::new(), "No discount".to_owned())).chain(offers).collect(),
        act: Act {
            title: "New subscription".to_owned(),
            text: [name, Some(text.to_owned()), problem].into_iter().flatten().collect(),
            path: shell.url("subscriptions/new"),
            back,
            button: "Start the subscription",
            danger: false,
            form,
        },
        shell,
    })
}

pub(super) async fn ask(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Query(chosen): Query<Typed>,
) -> Result<Response> {
    let customer = chosen.text("customer").to_owned();
    let form = Form::new([("customer", customer.as_str()), ("collection", "charge"), ("items[0][quantity]", "1")]);
    let page = page(&member, &headers, &customer, form).await?;
    if wanted.fragment { shown(wanted, &page) } else { open(&page) }
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let customer = typed.text("customer").to_owned();
    let answer = match draft(&typed) {
        Ok(draft) => {
            let outcome = member.scope(&headers).create_subscription(&typed.nonce()?, &draft).await;
            let path = super::super::act::made(&member, Nav::Subscriptions, "subscriptions", &outcome);
            lead_on(wanted, outcome, (&path, "The subscription has started."))?
        }
        Err(flaw) => Err(Refused::flawed(vec![flaw])),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let refused = refused.at("discounts[0][coupon]", "discount").at("discounts[0][promotion_code]", "discount");
            let form = Form::refused(typed, refused.clone());
            again(wanted, &page(&member, &headers, &customer, form).await?, &refused)
        }
    }
}

fn draft(typed: &Typed) -> Result<SubscriptionDraft, Flaw> {
    let days = |name: &str| -> Result<Option<u32>, Flaw> {
        let number = typed.number(name)?.map(u32::try_from).transpose();
        number.map_err(|_| Flaw::new(name, "A number of days."))
    };
    let mut items = Vec::new();
    for row in (0..ROWS).map(ItemFields::new) {
        // Rows that are left empty are not meant; the first one is.
        if items.is_empty() || !typed.text(&row.price).is_empty() {
            let quantity = typed.number(&row.quantity)?.map(u64::try_from).transpose();
            let quantity = quantity.map_err(|_| Flaw::new(row.quantity, "One or more, or empty."))?;
            items.push(SubscriptionItem { price: typed.text(&row.price).to_owned(), quantity });
        }
    }
    let by_invoice = typed.text("collection") == "invoice";
    Ok(SubscriptionDraft {
        customer: typed.text("customer").to_owned(),
        items,
        trial_period_days: days("trial_period_days")?,
        days_until_due: if by_invoice { Some(days("days_until_due")?.unwrap_or(30)) } else { None },
        discount: coupons::chosen(typed.text("discount")),
        metadata: typed.metadata(),
    })
}
