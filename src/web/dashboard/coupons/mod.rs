//! Coupons and the promotion codes by which customers get them. Both are read from Stripe when somebody looks.

mod codes;
mod index;
mod new;

use axum::routing::get;

use crate::app::Scope;
use crate::billing;
use crate::domain::drafts::DiscountDraft;
use crate::domain::raw::Raw;
use crate::web::dashboard::show;
use crate::web::error::Result;
use crate::web::forms::Refused;
use crate::web::routes::Routes;

/// The routes.
pub fn router() -> Routes {
    const LIST: &str = "/t/{tenant}/p/{project}/coupons";
    Routes::new()
        .route(LIST, get(index::index))
        .route(&format!("{LIST}/new"), get(new::ask).post(new::send))
        .route(&format!("{LIST}/{{id}}"), get(codes::show).post(codes::create))
        .route(&format!("{LIST}/{{id}}/delete"), get(codes::ask_delete).post(codes::delete))
        .route(&format!("{LIST}/{{id}}/codes/{{code}}"), get(codes::ask_switch).post(codes::switch))
}

/// A coupon in words: `Welcome: 20% off for 3 months`.
fn in_words(coupon: &Raw) -> String {
    let wrapped = Raw::from(serde_json::json!({ "discounts": [{ "coupon": coupon.value() }] }));
    show::discounts(&wrapped).pop().unwrap_or_default()
}

/// Coupons and codes that a form offers, and what kept them away if they cannot be read: the rest of the form works without.
pub async fn offers(scope: &Scope) -> Result<(Vec<(String, String)>, Option<String>)> {
    let read = async {
        let coupons = scope.coupons().await?;
        Ok::<_, billing::Error>((coupons, scope.promotion_codes(None).await?))
    };
    let (coupons, codes) = match read.await {
        Ok(read) => read,
        Err(error) => {
            let text = format!("Coupons cannot be offered right now. {error}");
            Refused::of(error)?; // a fault of ours is not passed over
            return Ok((Vec::new(), Some(text)));
        }
    };
    let valid = coupons.iter().filter(|coupon| coupon.flag("/valid"));
    let coupon = |coupon: &Raw| Some((format!("coupon:{}", coupon.text("/id")?), in_words(coupon)));
    let code = |code: &Raw| {
        Some((format!("code:{}", code.text("/id")?), format!("Code {}", code.text("/code").unwrap_or_default())))
    };
    let active = codes.iter().filter(|code| code.flag("/active"));
    Ok((valid.filter_map(coupon).chain(active.filter_map(code)).collect(), None))
}

/// What was chosen among [`offers`].
pub fn chosen(offer: &str) -> DiscountDraft {
    match offer.split_once(':') {
        Some(("coupon", id)) => DiscountDraft::Coupon(id.to_owned()),
        Some(("code", id)) => DiscountDraft::PromotionCode(id.to_owned()),
        _ => DiscountDraft::None,
    }
}
