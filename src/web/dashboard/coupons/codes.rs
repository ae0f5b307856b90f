//! One coupon with its promotion codes: make one, end one, end the coupon.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use super::in_words;
use crate::domain::drafts::{Flaw, PromotionCodeDraft};
use crate::domain::ids::path_segment;
use crate::domain::raw::Raw;
use crate::domain::role::Role;
use crate::domain::time;
use crate::store::projects::Project;
use crate::web::access::{Member, Staff, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, Confirm, Way, act_pages, again, open};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "coupons/detail.html", blocks = ["act"])]
struct CouponPage {
    shell: Shell,
    act: Act,
    id: String,
    words: String,
    state: &'static str,
    codes: Vec<CodeRow>,
    may_change: bool,
}

act_pages!(CouponPage);

/// A promotion code.
struct CodeRow {
    code: String,
    active: bool,
    used: String,
    path: String,
}

/// A use case's refusal of something that only looks, as an answer of the page.
fn refused(error: crate::billing::Error) -> Error {
    let text = error.to_string();
    match Refused::of(error) {
        Ok(refused) if refused.status() == http::StatusCode::CONFLICT => Error::Conflict(text),
        // Stripe's own 404 comes as a refusal as well.
        Ok(_) => Error::Unavailable { retry_after: 10, message: text },
        Err(error) => error,
    }
}

async fn page(staff: &Staff<Project>, headers: &HeaderMap, id: &str, form: Form) -> Result<CouponPage> {
    let scope = staff.scope(headers);
    let coupon = scope.coupon(id).await.map_err(refused)?;
    let codes = scope.promotion_codes(Some(id)).await.map_err(refused)?;
    let shell = staff.shell(Nav::Coupons);
    let place = shell.url(format!("coupons/{}", path_segment(id)));
    let row = |code: &Raw| CodeRow {
        code: code.text("/code").unwrap_or_default().to_owned(),
        active: code.flag("/active"),
        used: code.int("/times_redeemed").unwrap_or(0).to_string(),
        path: format!("{place}/codes/{}", path_segment(code.text("/id").unwrap_or_default())),
    };
    Ok(CouponPage {
        codes: codes.iter().map(row).collect(),
        may_change: shell.may(Role::Member),
        id: id.to_owned(),
        words: in_words(&coupon),
        state: if coupon.flag("/valid") { "active" } else { "inactive" },
        act: Act {
            title: "New promotion code".to_owned(),
            text: Vec::new(),
            path: place,
            back: Way { label: "Coupons".to_owned(), path: shell.url("coupons") },
            button: "Create code",
            danger: false,
            form,
        },
        shell,
    })
}

pub(super) async fn show(
    viewer: Viewer,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response> {
    open(&page(&viewer, &headers, &id, Form::empty()).await?)
}

pub(super) async fn create(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &headers, &id, Form::empty()).await?;
    let answer = match draft(&typed, &id) {
        Ok(draft) => {
            let outcome = member.scope(&headers).create_promotion_code(&typed.nonce()?, &draft).await;
            lead_on(wanted, outcome, (&page.act.path, "The code can be used now."))?
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

fn draft(typed: &Typed, coupon: &str) -> Result<PromotionCodeDraft, Flaw> {
    let expires_at = match typed.filled("expires_at") {
        Some(day) => Some(time::parse_date(&day).ok_or_else(|| Flaw::new("expires_at", "A day, such as 2027-01-31."))?),
        None => None,
    };
    Ok(PromotionCodeDraft {
        coupon: coupon.to_owned(),
        code: typed.filled("code"),
        max_redemptions: typed.number("max_redemptions")?,
        expires_at,
        first_time_transaction: typed.has("first_time_transaction"),
    })
}

async fn delete_page(member: &Member, headers: &HeaderMap, id: &str) -> Result<Confirm> {
    let coupon = member.scope(headers).coupon(id).await.map_err(refused)?;
    let shell = member.shell(Nav::Coupons);
    let text = "Nobody gets it any more, and its codes stop working. Who has it keeps it. This cannot be taken back.";
    let place = shell.url(format!("coupons/{}", path_segment(id)));
    let act = Act {
        title: "End the coupon".to_owned(),
        text: vec![in_words(&coupon), text.to_owned()],
        path: format!("{place}/delete"),
        back: Way { label: "Coupons".to_owned(), path: shell.url("coupons") },
        button: "End the coupon",
        danger: true,
        form: Form::empty(),
    };
    Ok(Confirm { shell, act })
}

pub(super) async fn ask_delete(
    member: Member,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response> {
    open(&delete_page(&member, &headers, &id).await?)
}

pub(super) async fn delete(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let scope = member.scope(&headers);
    let outcome = scope.delete_coupon(&typed.nonce()?, &id).await;
    let back = member.shell(Nav::Coupons).url("coupons");
    match lead_on(wanted, outcome, (&back, "The coupon has ended."))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let mut page = delete_page(&member, &headers, &id).await?;
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

/// The code's page: ends an active code, takes an ended one up again.
async fn switch_page(member: &Member, headers: &HeaderMap, id: &str, code: &str) -> Result<(Confirm, bool)> {
    let codes = member.scope(headers).promotion_codes(Some(id)).await.map_err(refused)?;
    let found = codes.iter().find(|row| row.text("/id") == Some(code)).ok_or(Error::NotFound)?;
    let active = found.flag("/active");
    let (title, text, button) = if active {
        ("End the promotion code", "Nobody can use it any more. It can be taken up again.", "End the code")
    } else {
        ("Take the code up again", "Customers can use it again.", "Take it up again")
    };
    let shell = member.shell(Nav::Coupons);
    let place = shell.url(format!("coupons/{}", path_segment(id)));
    let act = Act {
        title: title.to_owned(),
        text: vec![found.text("/code").unwrap_or_default().to_owned(), text.to_owned()],
        path: format!("{place}/codes/{}", path_segment(code)),
        back: Way { label: "Coupon".to_owned(), path: place },
        button,
        danger: active,
        form: Form::new([("active", if active { "true" } else { "false" })]),
    };
    Ok((Confirm { shell, act }, active))
}

pub(super) async fn ask_switch(
    member: Member,
    headers: HeaderMap,
    Path((_, _, id, code)): Path<(String, String, String, String)>,
) -> Result<Response> {
    open(&switch_page(&member, &headers, &id, &code).await?.0)
}

pub(super) async fn switch(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id, code)): Path<(String, String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let (mut page, active) = switch_page(&member, &headers, &id, &code).await?;
    let outcome = member.scope(&headers).set_promotion_code_active(&typed.nonce()?, &code, !active).await;
    let said = if active { "The code has ended." } else { "The code can be used again." };
    match lead_on(wanted, outcome, (&page.act.back.path, said))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
