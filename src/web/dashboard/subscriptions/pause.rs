//! Pausing the collection of a subscription's payments.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::domain::drafts::{Flaw, PauseBehavior, PauseDraft};
use crate::domain::kind::Kind;
use crate::domain::time;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

const BEHAVIOR: &str = "pause_collection[behavior]";
const RESUMES: &str = "pause_collection[resumes_at]";

#[derive(Template)]
#[template(path = "subscriptions/pause.html", blocks = ["act"])]
struct PausePage {
    shell: Shell,
    act: Act,
    behaviors: [(&'static str, &'static str, &'static str); 3],
}

act_pages!(PausePage);

async fn page(member: &Member, id: &str, form: Form) -> Result<PausePage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Subscription, id).await?;
    let shell = member.shell(Nav::Subscriptions);
    let text = "The subscription goes on and keeps its state; invoices are still made, but not collected.";
    Ok(PausePage {
        behaviors: PauseBehavior::ALL.map(|behavior| match behavior {
            PauseBehavior::KeepAsDraft => (behavior.as_str(), "Keep as drafts.", "They can be collected later."),
            PauseBehavior::Void => (behavior.as_str(), "Void.", "The customer never pays for this time."),
            PauseBehavior::MarkUncollectible => {
                (behavior.as_str(), "Mark as uncollectible.", "The time is written off as a loss.")
            }
        }),
        act: Act {
            title: "Pause collection".to_owned(),
            text: vec![subject.name, text.to_owned()],
            path: shell.url(format!("subscriptions/{}/pause", subject.id)),
            back: subject.page,
            button: "Pause collection",
            danger: false,
            form,
        },
        shell,
    })
}

pub(super) async fn ask(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    open(&page(&member, &id, Form::new([(BEHAVIOR, PauseBehavior::default().as_str())])).await?)
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
            let outcome = member.scope(&headers).pause_subscription(&typed.nonce()?, &id, draft).await;
            lead_on(wanted, outcome, (&page.act.back.path, "Payments are no longer collected."))?
        }
        Err(flaws) => Err(Refused::flawed(flaws)),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

fn draft(typed: &Typed) -> Result<PauseDraft, Vec<Flaw>> {
    let wrong = |param: &str, message: &str| vec![Flaw::new(param, message)];
    let behavior = PauseBehavior::parse(typed.text(BEHAVIOR)).ok_or_else(|| wrong(BEHAVIOR, "Choose one."))?;
    let resumes_at = match typed.filled(RESUMES) {
        Some(day) => Some(time::parse_date(&day).ok_or_else(|| wrong(RESUMES, "A day, such as 2027-01-31."))?),
        None => None,
    };
    Ok(PauseDraft { behavior, resumes_at })
}
