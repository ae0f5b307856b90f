//! Making a Checkout session.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::billing::Outcome;
use crate::domain::drafts::{CheckoutDraft, CheckoutItem, CheckoutMode, Flaw};
use crate::domain::kind::Kind;
use crate::domain::return_url::SESSION_PLACEHOLDER;
use crate::store::allowed_origins;
use crate::web::access::Member;
use crate::web::choices;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, Way, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Query;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// The field of the trial.
const TRIAL: &str = "subscription_data[trial_period_days]";

#[derive(Template)]
#[template(path = "checkout/new.html", blocks = ["act"])]
struct NewPage {
    shell: Shell,
    act: Act,
    prices: Vec<(String, String)>,
    origins: Vec<String>,
}

act_pages!(NewPage);

async fn page(member: &Member, customer: &str, form: Form) -> Result<NewPage> {
    let shell = member.shell(Nav::Customers);
    let mut tx = member.read().await?;
    let known = match customer {
        "" => None,
        id => subject::load(&mut tx, member, Kind::Customer, id).await.ok(),
    };
    let prices = choices::prices(&mut tx, &member.project.id, None).await?;
    let origins = allowed_origins::list(&mut tx, &member.project.id).await?;
    let home = Way { label: "Overview".to_owned(), path: shell.url("") };
    let (name, back) = known.map_or((None, home), |known| (Some(format!("For {}.", known.name)), known.page));
    let text = "Stripe shows a page on which the customer pays. You get its address, which works for 24 hours.";
    Ok(NewPage {
        prices: std::iter::once((String::new(), "Nothing: only save a card".to_owned())).chain(prices).collect(),
        origins: origins.into_iter().map(|row| row.origin).collect(),
        act: Act {
            title: "New Checkout page".to_owned(),
            text: [Some(text.to_owned()), name].into_iter().flatten().collect(),
            path: shell.url("checkout"),
            back,
            button: "Make the page",
            danger: false,
            form,
        },
        shell,
    })
}

/// Where the customer lands when nothing else is said: the allowed site, else the project's own page for staff.
fn landing(member: &Member, page: &NewPage) -> String {
    let own = || {
        let base = member.app.config.public_url();
        format!(
            "{}{}",
            base.trim_end_matches('/'),
            page.shell.url(format!("checkout/done?session={SESSION_PLACEHOLDER}"))
        )
    };
    page.origins.first().map_or_else(own, |origin| format!("{origin}/?session={SESSION_PLACEHOLDER}"))
}

pub(super) async fn ask(member: Member, Query(chosen): Query<Typed>) -> Result<Response> {
    let customer = chosen.text("customer").to_owned();
    let mut page = page(&member, &customer, Form::empty()).await?;
    let landing = landing(&member, &page);
    page.act.form = Form::new([
        ("customer", customer.as_str()),
        ("price", chosen.text("price")),
        ("mode", chosen.filled("mode").as_deref().unwrap_or("subscription")),
        ("quantity", "1"),
        ("success_url", &landing),
    ]);
    open(&page)
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
            let outcome = member.scope(&headers).create_checkout(&typed.nonce()?, &draft).await;
            let shell = member.shell(Nav::Customers);
            let path = match &outcome {
                Ok(Outcome::Done(done)) => shell.url(format!("checkout/done?session={}", done.stripe_id)),
                _ => shell.url("checkout"),
            };
            lead_on(wanted, outcome, (&path, "The page is made."))?
        }
        Err(flaw) => Err(Refused::flawed(vec![flaw])),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let refused = refused
                .at("line_items", "price")
                .at("line_items[0][price]", "price")
                .at("line_items[0][quantity]", "quantity");
            let form = Form::refused(typed, refused.clone());
            again(wanted, &page(&member, &customer, form).await?, &refused)
        }
    }
}

fn draft(typed: &Typed) -> Result<CheckoutDraft, Flaw> {
    let mode = CheckoutMode::parse(typed.text("mode")).ok_or_else(|| Flaw::new("mode", "Choose one."))?;
    let quantity = typed.number("quantity")?.map(u64::try_from).transpose();
    let quantity = quantity.map_err(|_| Flaw::new("quantity", "One or more, or empty."))?;
    let trial = typed.number(TRIAL)?.map(u32::try_from).transpose();
    let item = typed.filled("price").map(|price| CheckoutItem { price, quantity });
    Ok(CheckoutDraft {
        mode,
        customer: typed.filled("customer"),
        customer_email: typed.filled("customer_email"),
        items: item.into_iter().collect(),
        trial_period_days: trial.map_err(|_| Flaw::new(TRIAL, "A number of days."))?,
        allow_promotion_codes: typed.has("allow_promotion_codes"),
        success_url: typed.text("success_url").to_owned(),
        cancel_url: typed.filled("cancel_url"),
        client_reference_id: typed.filled("client_reference_id"),
        currency: typed.filled("currency").map(|currency| currency.to_ascii_lowercase()),
        metadata: typed.metadata(),
    })
}
