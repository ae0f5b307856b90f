//! Ending a subscription.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{Cancellation, FEEDBACKS, Moment};
use crate::domain::kind::Kind;
use crate::domain::{status, time};
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "subscriptions/cancel.html", blocks = ["act"])]
struct CancelPage {
    shell: Shell,
    act: Act,
    moments: [(&'static str, &'static str, String); 2],
    feedbacks: Vec<(&'static str, String)>,
}

act_pages!(CancelPage);

async fn page(member: &Member, id: &str, form: Form) -> Result<CancelPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Subscription, id).await?;
    let shell = member.shell(Nav::Subscriptions);
    let items = subject.raw.list("/items");
    let end = items.iter().filter_map(|item| item.int("/current_period_end")).min();
    let end = end.or(subject.raw.int("/current_period_end")).map(time::day);
    let at_end = end.map_or("It can be taken back until then.".to_owned(), |day| {
        format!("On {day}. Nothing is charged after that, and it can be taken back until then.")
    });
    let feedbacks = FEEDBACKS.iter().map(|word| (*word, status::words(word)));
    Ok(CancelPage {
        moments: [
            ("period_end", "When the period ends.", at_end),
            ("now", "Now.", "The customer loses access at once. This cannot be taken back.".to_owned()),
        ],
        feedbacks: std::iter::once(("", "Not said".to_owned())).chain(feedbacks).collect(),
        act: Act {
            title: "Cancel subscription".to_owned(),
            text: vec![subject.name],
            path: shell.url(format!("subscriptions/{}/cancel", subject.id)),
            back: subject.page,
            button: "Cancel subscription",
            danger: true,
            form,
        },
        shell,
    })
}

pub(super) async fn ask(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    open(&page(&member, &id, Form::new([("when", "period_end")])).await?)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &id, Form::empty()).await?;
    let how = Cancellation {
        moment: if typed.text("when") == "now" { Moment::Now } else { Moment::PeriodEnd },
        feedback: typed.filled("cancellation_details[feedback]"),
        comment: typed.filled("cancellation_details[comment]"),
        prorate: typed.has("prorate"),
        invoice_now: typed.has("invoice_now"),
    };
    let said = match how.moment {
        Moment::Now => "The subscription has ended.",
        Moment::PeriodEnd => "The subscription ends with its period.",
    };
    let outcome = member.scope(&headers).cancel_subscription(&typed.nonce()?, &id, &how).await;
    match lead_on(wanted, outcome, (&page.act.back.path, said))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
