//! Giving a subscription a discount, or taking it away.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::DiscountDraft;
use crate::domain::kind::Kind;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::dashboard::{coupons, show};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "subscriptions/discount.html", blocks = ["act"])]
struct DiscountPage {
    shell: Shell,
    act: Act,
    present: Vec<String>,
    offers: Vec<(String, String)>,
}

act_pages!(DiscountPage);

async fn page(member: &Member, headers: &HeaderMap, id: &str, form: Form) -> Result<DiscountPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Subscription, id).await?;
    drop(tx);
    let (offers, problem) = coupons::offers(&member.scope(headers)).await?;
    let shell = member.shell(Nav::Subscriptions);
    let text = "The chosen discount takes the place of those that it has.";
    Ok(DiscountPage {
        present: show::discounts(&subject.raw),
        offers: std::iter::once((String::new(), "No discount".to_owned())).chain(offers).collect(),
        act: Act {
            title: "Discount".to_owned(),
            text: [Some(subject.name), Some(text.to_owned()), problem].into_iter().flatten().collect(),
            path: shell.url(format!("subscriptions/{}/discount", subject.id)),
            back: subject.page,
            button: "Set the discount",
            danger: false,
            form,
        },
        shell,
    })
}

pub(super) async fn ask(
    member: Member,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response> {
    open(&page(&member, &headers, &id, Form::empty()).await?)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &headers, &id, Form::empty()).await?;
    let discount = coupons::chosen(typed.text("discount"));
    let said = if discount == DiscountDraft::None { "The discount is gone." } else { "The discount is set." };
    let outcome = member.scope(&headers).discount_subscription(&typed.nonce()?, &id, &discount).await;
    match lead_on(wanted, outcome, (&page.act.back.path, said))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            let refused = refused.at("discounts[0][coupon]", "discount").at("discounts[0][promotion_code]", "discount");
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
