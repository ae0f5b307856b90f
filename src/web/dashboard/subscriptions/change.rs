//! Changing price and quantity: first the preview that Stripe reckons, then the button.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::billing::{self, changes::Preview};
use crate::domain::drafts::{ChangeDraft, Flaw, Proration};
use crate::domain::kind::Kind;
use crate::domain::{price, time};
use crate::web::access::Member;
use crate::web::choices;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::dashboard::lines::{self, LineRow};
use crate::web::dashboard::show::{self, Amount};
use crate::web::error::Result;
use crate::web::extract::{Path, Query};
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "subscriptions/change.html", blocks = ["act"])]
struct ChangePage {
    shell: Shell,
    act: Act,
    items: Vec<(String, String)>,
    prices: Vec<(String, String)>,
    prorations: [(&'static str, &'static str, &'static str); 3],
    preview: Option<PreviewView>,
}

act_pages!(ChangePage);

/// What Stripe reckons.
struct PreviewView {
    lines: Vec<LineRow>,
    total: Amount,
    when: String,
    proration_date: i64,
    reckoned: String,
}

impl PreviewView {
    fn of(preview: &Preview, proration: Proration) -> Self {
        let invoice = &preview.invoice;
        let currency = invoice.text("/currency").unwrap_or_default().to_owned();
        let day = invoice.int("/next_payment_attempt").or(invoice.int("/period_end")).map(time::day);
        let when = match (proration, day) {
            (Proration::AlwaysInvoice, _) => "Billed at once".to_owned(),
            (_, Some(day)) => format!("On the next invoice, {day}"),
            (_, None) => "On the next invoice".to_owned(),
        };
        Self {
            lines: lines::of(invoice, &currency),
            total: show::amount(invoice.int("/amount_due").or(invoice.int("/total")).unwrap_or(0), &currency),
            when,
            proration_date: preview.proration_date,
            reckoned: time::absolute(preview.proration_date),
        }
    }
}

async fn page(member: &Member, id: &str, form: Form) -> Result<ChangePage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Subscription, id).await?;
    let prices = choices::prices(&mut tx, &member.project.id, Some(true)).await?;
    let items = subject.raw.list("/items");
    let item = |item: &crate::domain::raw::Raw| {
        let quantity = item.int("/quantity").map(|quantity| format!("{quantity} × ")).unwrap_or_default();
        (
            item.text("/id").unwrap_or_default().to_owned(),
            format!("{quantity}{}", price::sentence(&item.at("/price"), None)),
        )
    };
    let shell = member.shell(Nav::Subscriptions);
    Ok(ChangePage {
        items: items.iter().map(item).collect(),
        prices: std::iter::once((String::new(), "As it is".to_owned())).chain(prices).collect(),
        prorations: choices::prorations(),
        preview: None,
        act: Act {
            title: "Change subscription".to_owned(),
            text: vec![subject.name],
            path: shell.url(format!("subscriptions/{}/change", subject.id)),
            back: subject.page,
            button: "Confirm the change",
            danger: false,
            form,
        },
        shell,
    })
}

/// Without a choice the empty form, with one its preview.
pub(super) async fn ask(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    Query(chosen): Query<Typed>,
) -> Result<Response> {
    if chosen.text("price").is_empty() && chosen.text("quantity").is_empty() {
        let first = Form::new([("proration_behavior", Proration::default().as_str()), ("price", ""), ("quantity", "")]);
        return open(&page(&member, &id, first).await?);
    }
    let mut page = page(&member, &id, Form::empty()).await?;
    let refused = match draft(&chosen) {
        Ok(draft) => match member.scope(&headers).preview_change(&id, &draft).await {
            Ok(preview) => {
                page.act.form = Form::typed(chosen);
                page.preview = Some(PreviewView::of(&preview, draft.proration));
                return super::super::act::shown(wanted, &page);
            }
            Err(error) => at_fields(Refused::of(error)?),
        },
        Err(flaw) => Refused::flawed(vec![flaw]),
    };
    page.act.form = Form::refused(chosen, refused.clone());
    again(wanted, &page, &refused)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &id, Form::empty()).await?;
    let answer = match draft(&typed) {
        Ok(draft) => {
            let outcome: billing::Result<_> =
                member.scope(&headers).change_subscription(&typed.nonce()?, &id, &draft).await;
            lead_on(wanted, outcome, (&page.act.back.path, "The subscription has changed."))?.map_err(at_fields)
        }
        Err(flaw) => Err(at_fields(Refused::flawed(vec![flaw]))),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

/// Stripe names the fields of the change by their place in the request.
fn at_fields(refused: Refused) -> Refused {
    let inside = |field: &str| format!("subscription_details[items][0][{field}]");
    refused
        .aside("proration_date") // a hidden field
        .at("items[0][price]", "price")
        .at("items[0][quantity]", "quantity")
        .at(&inside("price"), "price")
        .at(&inside("quantity"), "quantity")
}

fn draft(typed: &Typed) -> Result<ChangeDraft, Flaw> {
    let quantity = typed.number("quantity")?.map(u64::try_from).transpose();
    Ok(ChangeDraft {
        item: typed.filled("item"),
        price: typed.filled("price"),
        quantity: quantity.map_err(|_| Flaw::new("quantity", "Zero or more."))?,
        proration: Proration::parse(typed.text("proration_behavior")).unwrap_or_default(),
        proration_date: typed.number("proration_date")?,
    })
}
