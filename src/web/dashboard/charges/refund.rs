//! Giving money back, all of it or a part.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{Amount, Flaw, REFUND_REASONS, RefundDraft};
use crate::domain::kind::Kind;
use crate::domain::{money, status};
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "charges/refund.html", blocks = ["act"])]
struct RefundPage {
    shell: Shell,
    act: Act,
    reasons: Vec<(&'static str, String)>,
    currency: String,
}

act_pages!(RefundPage);

async fn page(member: &Member, id: &str, form: Form) -> Result<RefundPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Charge, id).await?;
    let currency = subject.raw.text("/currency").unwrap_or_default().to_owned();
    let taken = subject.raw.int("/amount_captured").or(subject.raw.int("/amount")).unwrap_or(0);
    let left = taken.saturating_sub(subject.raw.int("/amount_refunded").unwrap_or(0));
    let text = format!(
        "{} of {} can be given back. Stripe sends it to the card or account that paid; that takes 5 to 10 days and cannot be taken back.",
        money::with_code(left, &currency),
        subject.name
    );
    let shell = member.shell(Nav::Customers);
    let reasons = REFUND_REASONS.iter().map(|word| (*word, status::words(word)));
    Ok(RefundPage {
        reasons: std::iter::once(("", "Not said".to_owned())).chain(reasons).collect(),
        currency: money::code(&currency),
        act: Act {
            title: "Refund".to_owned(),
            text: vec![text],
            path: shell.url(format!("charges/{}/refund", subject.id)),
            back: subject.page,
            button: "Give the money back",
            danger: true,
            form,
        },
        shell,
    })
}

pub(super) async fn ask(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    open(&page(&member, &id, Form::empty()).await?)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &id, Form::empty()).await?;
    let answer = match draft(&typed, &page.currency) {
        Ok(draft) => {
            let outcome = member.scope(&headers).refund_charge(&typed.nonce()?, &id, &draft).await;
            lead_on(wanted, outcome, (&page.act.back.path, "The money is on its way back."))?
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

fn draft(typed: &Typed, currency: &str) -> Result<RefundDraft, Flaw> {
    let wrong = || Flaw::new("amount", format!("An amount in {currency}, such as 10.00."));
    let amount = match typed.filled("amount") {
        Some(text) => Some(Amount::major(&text, currency).and_then(Amount::whole).ok_or_else(wrong)?),
        None => None,
    };
    Ok(RefundDraft { amount, reason: typed.filled("reason"), metadata: typed.metadata() })
}
