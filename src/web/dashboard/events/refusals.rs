//! The last deliveries that were refused, and what to do about each.

use askama::Template;
use axum::response::Response;

use crate::domain::money::grouped;
use crate::store::webhook_refusals;
use crate::web::access::Viewer;
use crate::web::error::Result;
use crate::web::html;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "events/refusals.html")]
struct RefusalsPage {
    shell: Shell,
    rows: Vec<Row>,
}

struct Row {
    /// Unix seconds.
    at: i64,
    reason: Reason,
    remote: String,
    size: String,
}

struct Reason {
    what: String,
    advice: &'static str,
}

pub(super) async fn index(viewer: Viewer) -> Result<Response> {
    let mut tx = viewer.read().await?;
    let refusals = webhook_refusals::list(&mut tx, &viewer.project.id).await?;
    let rows = refusals.into_iter().map(|refusal| Row {
        at: refusal.at,
        reason: reason(&refusal.reason),
        remote: refusal.remote,
        size: format!("{} bytes", grouped(refusal.bytes)),
    });
    html::page(&RefusalsPage { shell: viewer.shell(Nav::Events), rows: rows.collect() })
}

/// In plain words; the codes are those of [`crate::stripe::signature::Refusal`].
fn reason(code: &str) -> Reason {
    let (what, advice) = match code {
        "signature_missing" => (
            "No Stripe-Signature header",
            "This did not come from Stripe, or something on the way removed the header. Let your proxy pass it on.",
        ),
        "signature_malformed" => (
            "The Stripe-Signature header cannot be read",
            "This did not come from Stripe, or something on the way changed the header.",
        ),
        "signature_invalid" => (
            "The signature does not match",
            "The signing secret stored here is not the endpoint's. Compare it in Stripe under Webhooks, and enter it again on the connection page. A proxy that changes the body has the same effect.",
        ),
        "timestamp_out_of_tolerance" => (
            "Signed more than 5 minutes ago, or in the future",
            "Check the clock of this server (NTP). Otherwise somebody sent an old delivery again, which is refused on purpose.",
        ),
        "endpoint_not_ready" => (
            "No signing secret is stored",
            "Enter the endpoint's signing secret on the connection page. Stripe delivers again by itself.",
        ),
        other => return Reason { what: other.replace('_', " "), advice: "" },
    };
    Reason { what: what.to_owned(), advice }
}

#[cfg(test)]
mod tests {
    use super::reason;
    use crate::stripe::signature::Refusal;

    #[test]
    fn every_refusal_says_what_to_do() {
        for refusal in
            [Refusal::Missing, Refusal::Malformed, Refusal::Invalid, Refusal::OutOfTolerance, Refusal::NotReady]
        {
            assert!(!reason(refusal.code()).advice.is_empty(), "{}", refusal.code());
        }
    }
}
