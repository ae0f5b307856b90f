//! Acts that need no fields, as a table: one row each.

use axum::response::Response;
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::subject::{self, Subject};
use super::{Act, Confirm, again, open};
use crate::app::Scope;
use crate::billing::invoices::InvoiceAct;
use crate::billing::{self, Nonce, Outcome};
use crate::domain::kind::Kind;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::routes::Routes;

/// An act without fields.
#[derive(Clone, Copy)]
struct Simple {
    /// What it is done to.
    kind: Kind,
    /// The last part of its address.
    name: &'static str,
    /// Its headline.
    title: &'static str,
    /// What will happen.
    text: &'static str,
    /// Its button.
    button: &'static str,
    /// Whether it destroys something.
    danger: bool,
    /// What is said afterwards.
    said: &'static str,
    /// Does it.
    run: fn(Scope, Nonce, String) -> BoxFuture<'static, billing::Result<Outcome>>,
}

macro_rules! run {
    (|$scope:ident, $nonce:ident, $id:ident| $work:expr) => {
        |$scope: Scope, $nonce: Nonce, $id: String| Box::pin(async move { $work.await })
    };
}

const ACTS: [Simple; 12] = [
    Simple {
        kind: Kind::Subscription,
        name: "keep",
        title: "Keep the subscription",
        text: "The cancellation is taken back: it renews as before.",
        button: "Keep it",
        danger: false,
        said: "The subscription goes on.",
        run: run!(|scope, nonce, id| scope.resume_subscription(&nonce, &id)),
    },
    Simple {
        kind: Kind::Subscription,
        name: "unpause",
        title: "Resume collection",
        text: "Payments are collected again from the next invoice on. What was written off or cancelled during the pause stays so.",
        button: "Resume collection",
        danger: false,
        said: "Payments are collected again.",
        run: run!(|scope, nonce, id| scope.unpause_subscription(&nonce, &id)),
    },
    Simple {
        kind: Kind::Product,
        name: "archive",
        title: "Archive the product",
        text: "Nobody can buy it any more. Subscriptions that have it go on. It can be offered again later.",
        button: "Archive",
        danger: true,
        said: "The product is archived.",
        run: run!(|scope, nonce, id| scope.set_product_active(&nonce, &id, false)),
    },
    Simple {
        kind: Kind::Product,
        name: "unarchive",
        title: "Offer the product again",
        text: "It can be bought again at those of its prices that are active.",
        button: "Offer again",
        danger: false,
        said: "The product is offered again.",
        run: run!(|scope, nonce, id| scope.set_product_active(&nonce, &id, true)),
    },
    Simple {
        kind: Kind::Price,
        name: "archive",
        title: "Archive the price",
        text: "Nobody can buy at this price any more. Subscriptions that have it go on. It can be offered again later.",
        button: "Archive",
        danger: true,
        said: "The price is archived.",
        run: run!(|scope, nonce, id| scope.set_price_active(&nonce, &id, false)),
    },
    Simple {
        kind: Kind::Price,
        name: "unarchive",
        title: "Offer the price again",
        text: "The product can be bought at this price again.",
        button: "Offer again",
        danger: false,
        said: "The price is offered again.",
        run: run!(|scope, nonce, id| scope.set_price_active(&nonce, &id, true)),
    },
    Simple {
        kind: Kind::Price,
        name: "default",
        title: "Make it the default price",
        text: "The product is sold at this price when nobody names another one. Subscriptions that run go on as they are.",
        button: "Make it the default",
        danger: false,
        said: "The product is sold at this price by default.",
        run: run!(|scope, nonce, id| scope.make_price_default(&nonce, &id)),
    },
    Simple {
        kind: Kind::Invoice,
        name: "finalize",
        title: "Finalize the invoice",
        text: "It gets its number and can no longer be changed. If it is charged automatically, Stripe tries the payment within the hour.",
        button: "Finalize",
        danger: false,
        said: "The invoice is final.",
        run: run!(|scope, nonce, id| scope.act_on_invoice(&nonce, &id, InvoiceAct::Finalize)),
    },
    Simple {
        kind: Kind::Invoice,
        name: "send",
        title: "Send the invoice",
        text: "Stripe mails it to the customer with a link for paying it. In test mode Stripe sends no mail.",
        button: "Send",
        danger: false,
        said: "Stripe mails the invoice.",
        run: run!(|scope, nonce, id| scope.act_on_invoice(&nonce, &id, InvoiceAct::Send)),
    },
    Simple {
        kind: Kind::Invoice,
        name: "pay",
        title: "Try the payment again",
        text: "Stripe charges the customer's saved way to pay now.",
        button: "Charge now",
        danger: false,
        said: "The invoice is paid.",
        run: run!(|scope, nonce, id| scope.act_on_invoice(&nonce, &id, InvoiceAct::Pay)),
    },
    Simple {
        kind: Kind::Invoice,
        name: "void",
        title: "Void the invoice",
        text: "It counts as if it had never been issued, and can never be paid. This cannot be taken back.",
        button: "Void the invoice",
        danger: true,
        said: "The invoice is void.",
        run: run!(|scope, nonce, id| scope.act_on_invoice(&nonce, &id, InvoiceAct::Void)),
    },
    Simple {
        kind: Kind::Invoice,
        name: "write-off",
        title: "Mark as uncollectible",
        text: "It is written off: payment is not expected any more, though the customer can still pay it.",
        button: "Write it off",
        danger: true,
        said: "The invoice is written off.",
        run: run!(|scope, nonce, id| scope.act_on_invoice(&nonce, &id, InvoiceAct::WriteOff)),
    },
];

/// Two routes for each row.
pub(super) fn router() -> Routes {
    ACTS.into_iter().fold(Routes::new(), |router, act| {
        let path = format!("/t/{{tenant}}/p/{{project}}/{}/{{id}}/{}", act.kind.plural(), act.name);
        let ask = move |member: Member, Path((_, _, id)): Path<(String, String, String)>| ask(act, member, id);
        let send = move |member: Member,
                         wanted: Wanted,
                         headers: HeaderMap,
                         Path((_, _, id)): Path<(String, String, String)>,
                         ProtectedForm(typed): ProtectedForm<Typed>| {
            send(act, member, (wanted, headers), id, typed)
        };
        router.route(&path, get(ask).post(send))
    })
}

async fn page(simple: Simple, member: &Member, id: &str, form: Form) -> Result<Confirm> {
    let mut tx = member.read().await?;
    let Subject { id, name, page, .. } = subject::load(&mut tx, member, simple.kind, id).await?;
    let shell = member.shell(subject::nav(simple.kind));
    let act = Act {
        title: simple.title.to_owned(),
        text: vec![name, simple.text.to_owned()],
        path: shell.url(format!("{}/{id}/{}", simple.kind.plural(), simple.name)),
        back: page,
        button: simple.button,
        danger: simple.danger,
        form,
    };
    Ok(Confirm { shell, act })
}

async fn ask(simple: Simple, member: Member, id: String) -> Result<Response> {
    open(&page(simple, &member, &id, Form::empty()).await?)
}

async fn send(
    simple: Simple,
    member: Member,
    (wanted, headers): (Wanted, HeaderMap),
    id: String,
    typed: Typed,
) -> Result<Response> {
    let mut page = page(simple, &member, &id, Form::empty()).await?;
    let outcome = (simple.run)(member.scope(&headers), typed.nonce()?, id).await;
    match lead_on(wanted, outcome, (&page.act.back.path, simple.said))? {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}
