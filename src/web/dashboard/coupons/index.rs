//! The list of coupons.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::in_words;
use crate::domain::money::grouped;
use crate::domain::raw::Raw;
use crate::web::access::Viewer;
use crate::web::error::Result;
use crate::web::forms::{Refused, with_retry};
use crate::web::html;
use crate::web::shell::{Nav, Shell};

#[derive(Template)]
#[template(path = "coupons/index.html")]
struct CouponsPage {
    shell: Shell,
    rows: Vec<Row>,
    problem: Option<String>,
}

/// A coupon in the list.
struct Row {
    path: String,
    words: String,
    id: String,
    state: &'static str,
    redeemed: String,
    created: i64,
}

impl Row {
    fn of(shell: &Shell, coupon: &Raw) -> Self {
        let id = coupon.text("/id").unwrap_or_default().to_owned();
        let times = coupon.int("/times_redeemed").map(grouped).unwrap_or_default();
        let most = coupon.int("/max_redemptions").map(|most| format!(" of {}", grouped(most))).unwrap_or_default();
        Self {
            path: shell.url(format!("coupons/{}", crate::domain::ids::path_segment(&id))),
            words: in_words(coupon),
            state: if coupon.flag("/valid") { "active" } else { "inactive" },
            redeemed: format!("{times}{most}"),
            created: coupon.int("/created").unwrap_or(0),
            id,
        }
    }
}

pub(super) async fn index(viewer: Viewer, headers: HeaderMap) -> Result<Response> {
    let shell = viewer.shell(Nav::Coupons);
    let (rows, problem, status) = match viewer.scope(&headers).coupons().await {
        Ok(coupons) => (coupons.iter().map(|coupon| Row::of(&shell, coupon)).collect(), None, StatusCode::OK),
        Err(error) => {
            let text = error.to_string();
            let refused = Refused::of(error)?;
            // What is missing is said on the page; only an outage is one of the page.
            let away = refused.status() == StatusCode::SERVICE_UNAVAILABLE;
            let status = if away { refused.status() } else { StatusCode::OK };
            (Vec::new(), Some(text), status)
        }
    };
    Ok(with_retry(html::page_with(status, &CouponsPage { shell, rows, problem })?, status))
}
