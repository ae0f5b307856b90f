//! Making a coupon.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{Amount, CouponDraft, Duration, Flaw, Off};
use crate::domain::time;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, Way, act_pages, again, open};
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "coupons/new.html", blocks = ["act"])]
struct NewPage {
    shell: Shell,
    act: Act,
}

act_pages!(NewPage);

fn page(member: &Member, form: Form) -> NewPage {
    let shell = member.shell(Nav::Coupons);
    let text = "What a coupon takes off can never be changed. Its name is printed on invoices.";
    NewPage {
        act: Act {
            title: "New coupon".to_owned(),
            text: vec![text.to_owned()],
            path: shell.url("coupons/new"),
            back: Way { label: "Coupons".to_owned(), path: shell.url("coupons") },
            button: "Create coupon",
            danger: false,
            form,
        },
        shell,
    }
}

pub(super) async fn ask(member: Member) -> Result<Response> {
    open(&page(&member, Form::new([("off", "percent"), ("duration", "once"), ("currency", "usd")])))
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, Form::empty());
    let answer = match draft(&typed) {
        Ok(draft) => {
            let outcome = member.scope(&headers).create_coupon(&typed.nonce()?, &draft).await;
            lead_on(wanted, outcome, (&page.act.back.path, "The coupon was created."))?
        }
        Err(flaw) => Err(Refused::flawed(vec![flaw])),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

fn draft(typed: &Typed) -> Result<CouponDraft, Flaw> {
    let currency = typed.text("currency").to_ascii_lowercase();
    let off = if typed.text("off") == "amount" {
        let minor = Amount::major(typed.text("amount_off"), &currency);
        Off::Amount { minor: minor.ok_or_else(|| Flaw::new("amount_off", "An amount, such as 5.00."))?, currency }
    } else {
        // Two decimals are what Stripe keeps; hundredths of a percent are whole.
        let hundredths = Amount::major(typed.text("percent_off"), "usd").and_then(Amount::whole);
        Off::Percent(hundredths.ok_or_else(|| Flaw::new("percent_off", "A number, such as 20 or 12.5."))?)
    };
    let duration = match typed.text("duration") {
        "forever" => Duration::Forever,
        "repeating" => Duration::Months(typed.number("duration_in_months")?.unwrap_or(0)),
        _ => Duration::Once,
    };
    let redeem_by = match typed.filled("redeem_by") {
        Some(day) => Some(time::parse_date(&day).ok_or_else(|| Flaw::new("redeem_by", "A day, such as 2027-01-31."))?),
        None => None,
    };
    Ok(CouponDraft {
        name: typed.text("name").to_owned(),
        id: typed.filled("id"),
        off,
        duration,
        max_redemptions: typed.number("max_redemptions")?,
        redeem_by,
        metadata: typed.metadata(),
    })
}
