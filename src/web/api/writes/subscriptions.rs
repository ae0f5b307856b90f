//! Subscriptions: started, changed after a look at what it costs, paused, ended.

use axum::Json;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Once, refused, shown};
use crate::billing::Outcome;
use crate::domain::drafts::{
    Cancellation, ChangeDraft, DiscountDraft, Moment, PauseBehavior, PauseDraft, Proration, SubscriptionDraft,
    SubscriptionItem,
};
use crate::web::api::guard::Caller;
use crate::web::api::objects::{Metadata, path_id};
use crate::web::api::parameters::Asked;
use crate::web::api::sent::Sent;
use crate::web::api::subscriptions;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A new subscription.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// The customer, by either id.
    #[schema(min_length = 1, max_length = 255)]
    customer: String,
    /// The price, by either id; for several prices there is `items`.
    #[schema(min_length = 1, max_length = 255)]
    price: Option<String>,
    /// How many of `price`; none for a price by usage.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<u64>,
    /// Several prices, in place of `price` and `quantity`.
    #[schema(min_items = 1, max_items = 20)]
    items: Option<Vec<NewItem>>,
    /// Free days before the first payment.
    #[schema(minimum = 1, maximum = 730)]
    trial_period_days: Option<u32>,
    /// By invoice, due after so many days; none charges the saved way to pay.
    #[schema(maximum = 365)]
    days_until_due: Option<u32>,
    /// A coupon from the beginning.
    coupon: Option<String>,
    /// A promotion code (`promo_…`) from the beginning.
    promotion_code: Option<String>,
    /// Keys and values.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

/// A price that is subscribed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// The price, by either id.
    #[schema(min_length = 1, max_length = 255)]
    price: String,
    /// How many; none for a price by usage.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<u64>,
}

/// A change of what is subscribed to: another price, another quantity, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionChange {
    /// The item that changes (`si_…`); none when there is only one.
    item: Option<String>,
    /// The new price, by either id.
    price: Option<String>,
    /// The new quantity.
    #[schema(maximum = 1_000_000)]
    quantity: Option<u64>,
    /// How it is settled: `create_prorations` (when left out), `always_invoice` or `none`.
    proration_behavior: Option<String>,
    /// The `proration_date` of a preview: then the change costs what that said.
    proration_date: Option<i64>,
}

/// What a change would cost, as Stripe reckons it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangePreview {
    /// Always `subscription_change_preview`.
    #[schema(example = "subscription_change_preview")]
    object: &'static str,
    /// To be sent with the change within an hour.
    proration_date: i64,
    /// Lower-case ISO code.
    currency: Option<String>,
    /// What the next invoice comes to, in minor units.
    total: i64,
    /// What is to be paid of it, in minor units.
    amount_due: i64,
    /// The lines of that invoice.
    lines: Vec<PreviewLine>,
}

/// A line of a preview.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewLine {
    /// In Stripe's words.
    description: Option<String>,
    /// In minor units; negative is credit.
    amount: i64,
    /// In unix seconds.
    period_start: Option<i64>,
    /// In unix seconds.
    period_end: Option<i64>,
}

/// How a subscription ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionEnd {
    /// `period_end` (when left out), which can be taken back until then, or `now`.
    at: Option<String>,
    /// The customer's reason, one of Stripe's words, such as `too_expensive` or `unused`.
    feedback: Option<String>,
    /// In the customer's own words.
    #[schema(max_length = 5000)]
    comment: Option<String>,
    /// With `now`: credit for the unused time.
    prorate: bool,
    /// With `now`: bill what is open at once.
    invoice_now: bool,
}

/// A pause of the collection.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionPause {
    /// What becomes of invoices meanwhile: `keep_as_draft` (when left out), `void` or `mark_uncollectible`.
    behavior: Option<String>,
    /// When it goes on by itself, in unix seconds.
    resumes_at: Option<i64>,
}

/// A discount in place of those that a subscription has; neither field takes them away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionDiscount {
    /// A coupon by its id.
    coupon: Option<String>,
    /// A promotion code by its id, `promo_…`.
    promotion_code: Option<String>,
}

fn discount(coupon: Option<String>, promotion_code: Option<String>) -> Result<DiscountDraft> {
    match (coupon, promotion_code) {
        (None, None) => Ok(DiscountDraft::None),
        (Some(coupon), None) => Ok(DiscountDraft::Coupon(coupon)),
        (None, Some(code)) => Ok(DiscountDraft::PromotionCode(code)),
        (Some(_), Some(_)) => Err(Error::invalid("promotion_code", "A coupon or a promotion code, not both.")),
    }
}

impl SubscriptionChange {
    fn draft(self) -> Result<ChangeDraft> {
        let proration = match self.proration_behavior.as_deref() {
            None => Proration::default(),
            Some(text) => Proration::parse(text).ok_or_else(|| {
                Error::invalid("proration_behavior", "One of create_prorations, always_invoice and none.")
            })?,
        };
        Ok(ChangeDraft {
            item: self.item,
            price: self.price,
            quantity: self.quantity,
            proration,
            proration_date: self.proration_date,
        })
    }
}

pub(crate) async fn create(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    Sent(sent): Sent<NewSubscription>,
) -> Result<Response> {
    let single = sent.items.is_none();
    let items = match (sent.price, sent.items) {
        (Some(price), None) => vec![SubscriptionItem { price, quantity: sent.quantity }],
        (None, Some(items)) if sent.quantity.is_none() => {
            let item = |item: NewItem| SubscriptionItem { price: item.price, quantity: item.quantity };
            items.into_iter().map(item).collect()
        }
        _ => return Err(Error::invalid("price", "Name `price`, with `quantity`, or several in `items`.")),
    };
    let draft = SubscriptionDraft {
        customer: sent.customer,
        items,
        trial_period_days: sent.trial_period_days,
        days_until_due: sent.days_until_due,
        discount: discount(sent.coupon, sent.promotion_code)?,
        metadata: sent.metadata.into(),
    };
    let outcome = caller.scope().create_subscription(&nonce, &draft).await;
    let outcome = outcome.map_err(|error| match refused(error) {
        // With one price, its fields stand outside.
        Error::Invalid { code, param, message } if single => {
            let param = param.strip_prefix("items[0].").unwrap_or(&param).to_owned();
            Error::Invalid { code, param, message }
        }
        other => other,
    });
    answer(&caller, outcome?).await
}

pub(crate) async fn preview(
    caller: Caller,
    _: Asked,
    id: Path<String>,
    Sent(sent): Sent<SubscriptionChange>,
) -> Result<Json<ChangePreview>> {
    let preview = caller.scope().preview_change(&path_id(id)?, &sent.draft()?).await.map_err(refused)?;
    let invoice = preview.invoice;
    let lines = invoice.list("/lines").into_iter().map(|line| PreviewLine {
        description: line.text("/description").map(str::to_owned),
        amount: line.int("/amount").unwrap_or(0),
        period_start: line.int("/period/start"),
        period_end: line.int("/period/end"),
    });
    Ok(Json(ChangePreview {
        object: "subscription_change_preview",
        proration_date: preview.proration_date,
        currency: invoice.text("/currency").map(str::to_owned),
        total: invoice.int("/total").unwrap_or(0),
        amount_due: invoice.int("/amount_due").unwrap_or(0),
        lines: lines.collect(),
    }))
}

pub(crate) async fn change(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(sent): Sent<SubscriptionChange>,
) -> Result<Response> {
    let outcome = caller.scope().change_subscription(&nonce, &path_id(id)?, &sent.draft()?).await;
    answer(&caller, outcome.map_err(refused)?).await
}

pub(crate) async fn cancel(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(sent): Sent<SubscriptionEnd>,
) -> Result<Response> {
    let moment = match sent.at.as_deref() {
        None | Some("period_end") => Moment::PeriodEnd,
        Some("now") => Moment::Now,
        Some(_) => return Err(Error::invalid("at", "One of period_end and now.")),
    };
    let how = Cancellation {
        moment,
        feedback: sent.feedback,
        comment: sent.comment,
        prorate: sent.prorate,
        invoice_now: sent.invoice_now,
    };
    answer(&caller, caller.scope().cancel_subscription(&nonce, &path_id(id)?, &how).await.map_err(refused)?).await
}

pub(crate) async fn resume(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    answer(&caller, caller.scope().resume_subscription(&once.0, &path_id(id)?).await.map_err(refused)?).await
}

pub(crate) async fn pause(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(sent): Sent<SubscriptionPause>,
) -> Result<Response> {
    let behavior = match sent.behavior.as_deref() {
        None => PauseBehavior::default(),
        Some(text) => PauseBehavior::parse(text)
            .ok_or_else(|| Error::invalid("behavior", "One of keep_as_draft, void and mark_uncollectible."))?,
    };
    let how = PauseDraft { behavior, resumes_at: sent.resumes_at };
    answer(&caller, caller.scope().pause_subscription(&nonce, &path_id(id)?, how).await.map_err(refused)?).await
}

pub(crate) async fn unpause(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    answer(&caller, caller.scope().unpause_subscription(&once.0, &path_id(id)?).await.map_err(refused)?).await
}

pub(crate) async fn set_discount(
    caller: Caller,
    _: Asked,
    Once(nonce): Once,
    id: Path<String>,
    Sent(sent): Sent<SubscriptionDiscount>,
) -> Result<Response> {
    let discount = discount(sent.coupon, sent.promotion_code)?;
    let outcome = caller.scope().discount_subscription(&nonce, &path_id(id)?, &discount).await;
    answer(&caller, outcome.map_err(refused)?).await
}

async fn answer(caller: &Caller, outcome: Outcome) -> Result<Response> {
    shown(outcome, |id| async move { subscriptions::one(caller, &Asked::default(), &id).await }).await
}
