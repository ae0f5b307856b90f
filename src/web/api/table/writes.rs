//! What writes, in the order of the documentation. Every example is a body that works once its ids are the caller's own.

use axum::routing::{MethodRouter, post};

use super::{Answer, Body, Operation, Verb};
use crate::domain::api_key::ApiScope;
use crate::web::api::Api;
use crate::web::api::openapi::{Described, described};
use crate::web::api::writes::{
    checkout_sessions, coupons, customers, invoices, portal_links, prices, products, promotion_codes, refunds,
    subscriptions,
};
use crate::web::api::{
    coupons::Coupon, customers::Customer, invoices::Invoice, portal_links::PortalLink, prices::Price,
    products::Product, promotion_codes::PromotionCode, refunds::Refund, subscriptions::Subscription,
};

type Handler = fn() -> MethodRouter<Api>;
type Of = fn() -> Described;

const fn write(
    path: &'static str,
    (id, group, scope): (&'static str, &'static str, ApiScope),
    text: &'static str,
    body: Option<Body>,
    answer: Of,
    handler: Handler,
) -> Operation {
    Operation { verb: Verb::Post, path, scope, id, group, text, query: &[], body, answer: Answer::One(answer), handler }
}

#[expect(clippy::unnecessary_wraps, reason = "reads well in the table")]
const fn body(of: Of, example: &'static str) -> Option<Body> {
    Some(Body { of, example })
}

const CUSTOMERS: &str = "Customers";
const SUBSCRIPTIONS: &str = "Subscriptions";
const PRODUCTS: &str = "Products";
const PRICES: &str = "Prices";
const INVOICES: &str = "Invoices";

/// All of them.
pub(super) const WRITES: &[Operation] = &[
    write(
        "/v1/customers",
        ("create_customer", CUSTOMERS, ApiScope::CustomersWrite),
        "Makes a customer.",
        body(described::<customers::CustomerFields>, r#"{"name":"Ada Lovelace","email":"ada@example.com"}"#),
        described::<Customer>,
        || post(customers::create),
    ),
    write(
        "/v1/customers/{id}",
        ("update_customer", CUSTOMERS, ApiScope::CustomersWrite),
        "Changes a customer. What is left out stays as it is.",
        body(described::<customers::CustomerFields>, r#"{"phone":"+44 20 7946 0000","metadata":{"tier":"gold"}}"#),
        described::<Customer>,
        || post(customers::update),
    ),
    write(
        "/v1/subscriptions",
        ("create_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Starts a subscription.",
        body(
            described::<subscriptions::NewSubscription>,
            r#"{"customer":"cus_NffrFeUfNV2Hib","price":"price_1MoBy5LkdIwHu7ixZhnattbh","quantity":1}"#,
        ),
        described::<Subscription>,
        || post(subscriptions::create),
    ),
    write(
        "/v1/subscriptions/{id}/preview",
        ("preview_subscription_change", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "What a change would cost, as Stripe reckons it. Changes nothing.",
        body(described::<subscriptions::SubscriptionChange>, r#"{"quantity":5}"#),
        described::<subscriptions::ChangePreview>,
        || post(subscriptions::preview),
    ),
    write(
        "/v1/subscriptions/{id}",
        ("change_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Changes price and quantity. With the `proration_date` of a preview it costs what that said.",
        body(
            described::<subscriptions::SubscriptionChange>,
            r#"{"quantity":5,"proration_behavior":"create_prorations"}"#,
        ),
        described::<Subscription>,
        || post(subscriptions::change),
    ),
    write(
        "/v1/subscriptions/{id}/cancel",
        ("cancel_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Ends a subscription with its period, or now.",
        body(described::<subscriptions::SubscriptionEnd>, r#"{"at":"period_end","feedback":"unused"}"#),
        described::<Subscription>,
        || post(subscriptions::cancel),
    ),
    write(
        "/v1/subscriptions/{id}/resume",
        ("resume_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Takes a cancellation at the end of the period back.",
        None,
        described::<Subscription>,
        || post(subscriptions::resume),
    ),
    write(
        "/v1/subscriptions/{id}/pause",
        ("pause_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Stops collecting payments; the subscription goes on otherwise.",
        body(described::<subscriptions::SubscriptionPause>, r#"{"behavior":"keep_as_draft"}"#),
        described::<Subscription>,
        || post(subscriptions::pause),
    ),
    write(
        "/v1/subscriptions/{id}/unpause",
        ("unpause_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Goes on collecting payments.",
        None,
        described::<Subscription>,
        || post(subscriptions::unpause),
    ),
    write(
        "/v1/subscriptions/{id}/discount",
        ("discount_subscription", SUBSCRIPTIONS, ApiScope::SubscriptionsWrite),
        "Gives a subscription a discount in place of those that it has, or takes them away.",
        body(described::<subscriptions::SubscriptionDiscount>, r"{}"),
        described::<Subscription>,
        || post(subscriptions::set_discount),
    ),
    write(
        "/v1/products",
        ("create_product", PRODUCTS, ApiScope::ProductsWrite),
        "Makes a product.",
        body(described::<products::ProductFields>, r#"{"name":"Team plan","unit_label":"seat"}"#),
        described::<Product>,
        || post(products::create),
    ),
    write(
        "/v1/products/{id}",
        ("update_product", PRODUCTS, ApiScope::ProductsWrite),
        "Changes a product. What is left out stays as it is.",
        body(described::<products::ProductFields>, r#"{"description":"For growing teams"}"#),
        described::<Product>,
        || post(products::update),
    ),
    write(
        "/v1/products/{id}/archive",
        ("archive_product", PRODUCTS, ApiScope::ProductsWrite),
        "Offers a product to nobody any more; who has it keeps it.",
        None,
        described::<Product>,
        || post(products::archive),
    ),
    write(
        "/v1/products/{id}/unarchive",
        ("unarchive_product", PRODUCTS, ApiScope::ProductsWrite),
        "Offers a product again.",
        None,
        described::<Product>,
        || post(products::unarchive),
    ),
    write(
        "/v1/prices",
        ("create_price", PRICES, ApiScope::PricesWrite),
        "Makes a price: flat, per seat, by package, by tiers, or by a meter's count.",
        body(
            described::<prices::NewPrice>,
            r#"{"product":"prod_NWjs8kKbJWmuuc","currency":"usd","unit_amount":"1000","recurring":{"interval":"month"}}"#,
        ),
        described::<Price>,
        || post(prices::create),
    ),
    write(
        "/v1/prices/{id}",
        ("update_price", PRICES, ApiScope::PricesWrite),
        "Renames a price. What it costs never changes: make another one.",
        body(described::<prices::PriceNames>, r#"{"nickname":"Monthly","lookup_key":"team_monthly"}"#),
        described::<Price>,
        || post(prices::update),
    ),
    write(
        "/v1/prices/{id}/archive",
        ("archive_price", PRICES, ApiScope::PricesWrite),
        "Offers a price to nobody any more; who pays it goes on.",
        None,
        described::<Price>,
        || post(prices::archive),
    ),
    write(
        "/v1/prices/{id}/unarchive",
        ("unarchive_price", PRICES, ApiScope::PricesWrite),
        "Offers a price again.",
        None,
        described::<Price>,
        || post(prices::unarchive),
    ),
    write(
        "/v1/prices/{id}/make_default",
        ("make_price_default", PRICES, ApiScope::ProductsWrite),
        "Makes a price the one that its product is sold at when nobody names another. Answers the product.",
        None,
        described::<Product>,
        || post(prices::make_default),
    ),
    write(
        "/v1/invoices/{id}/finalize",
        ("finalize_invoice", INVOICES, ApiScope::InvoicesWrite),
        "Makes a draft final.",
        None,
        described::<Invoice>,
        || post(invoices::finalize),
    ),
    write(
        "/v1/invoices/{id}/send",
        ("send_invoice", INVOICES, ApiScope::InvoicesWrite),
        "Mails an invoice to the customer.",
        None,
        described::<Invoice>,
        || post(invoices::send),
    ),
    write(
        "/v1/invoices/{id}/pay",
        ("pay_invoice", INVOICES, ApiScope::InvoicesWrite),
        "Tries the payment now.",
        None,
        described::<Invoice>,
        || post(invoices::pay),
    ),
    write(
        "/v1/invoices/{id}/void",
        ("void_invoice", INVOICES, ApiScope::InvoicesWrite),
        "Cancels an invoice, as if it had never been issued.",
        None,
        described::<Invoice>,
        || post(invoices::void),
    ),
    write(
        "/v1/invoices/{id}/mark_uncollectible",
        ("mark_invoice_uncollectible", INVOICES, ApiScope::InvoicesWrite),
        "Writes an invoice off.",
        None,
        described::<Invoice>,
        || post(invoices::write_off),
    ),
    write(
        "/v1/refunds",
        ("create_refund", "Refunds", ApiScope::RefundsWrite),
        "Gives money of a charge back, all that is left or a part.",
        body(
            described::<refunds::NewRefund>,
            r#"{"charge":"ch_3MmlLrLkdIwHu7ix0snN0B15","amount":500,"reason":"requested_by_customer"}"#,
        ),
        described::<Refund>,
        || post(refunds::create),
    ),
    write(
        "/v1/coupons",
        ("create_coupon", "Coupons", ApiScope::CouponsWrite),
        "Makes a coupon.",
        body(described::<coupons::NewCoupon>, r#"{"name":"Welcome","percent_off":12.5,"duration":"once"}"#),
        described::<Coupon>,
        || post(coupons::create),
    ),
    write(
        "/v1/coupons/{id}/delete",
        ("delete_coupon", "Coupons", ApiScope::CouponsWrite),
        "Ends a coupon and its codes for good; who has it keeps it.",
        None,
        described::<Coupon>,
        || post(coupons::delete),
    ),
    write(
        "/v1/promotion_codes",
        ("create_promotion_code", "Promotion codes", ApiScope::CouponsWrite),
        "Makes a code that customers type to get a coupon.",
        body(described::<promotion_codes::NewPromotionCode>, r#"{"coupon":"Z4OV52SU","code":"WELCOME"}"#),
        described::<PromotionCode>,
        || post(promotion_codes::create),
    ),
    write(
        "/v1/promotion_codes/{id}/deactivate",
        ("deactivate_promotion_code", "Promotion codes", ApiScope::CouponsWrite),
        "Ends a code; it can be taken up again.",
        None,
        described::<PromotionCode>,
        || post(promotion_codes::deactivate),
    ),
    write(
        "/v1/promotion_codes/{id}/activate",
        ("activate_promotion_code", "Promotion codes", ApiScope::CouponsWrite),
        "Takes a code up again.",
        None,
        described::<PromotionCode>,
        || post(promotion_codes::activate),
    ),
    write(
        "/v1/portal_links",
        ("create_portal_link", "Portal links", ApiScope::PortalLinksWrite),
        "Makes a link to the customer portal; send the customer to its `url`. It works once. A repeated request with the same \
         `Idempotency-Key` is answered without the `url`, which is stored nowhere.",
        body(
            described::<portal_links::NewPortalLink>,
            r#"{"customer":"cus_NffrFeUfNV2Hib","expires_in":900,"actions":["card","invoices"]}"#,
        ),
        described::<PortalLink>,
        || post(portal_links::create),
    ),
    write(
        "/v1/portal_links/{id}/revoke",
        ("revoke_portal_link", "Portal links", ApiScope::PortalLinksWrite),
        "Ends a link, and the visit that it opened.",
        None,
        described::<PortalLink>,
        || post(portal_links::revoke),
    ),
    write(
        "/v1/checkout_sessions",
        ("create_checkout_session", "Checkout sessions", ApiScope::CheckoutSessionsWrite),
        "Makes a page on which a customer pays; send the customer to its `url`.",
        body(
            described::<checkout_sessions::NewCheckoutSession>,
            r#"{"mode":"subscription","customer":"cus_NffrFeUfNV2Hib","line_items":[{"price":"price_1MoBy5LkdIwHu7ixZhnattbh","quantity":1}],"success_url":"https://shop.example/thanks"}"#,
        ),
        described::<checkout_sessions::CheckoutSession>,
        || post(checkout_sessions::create),
    ),
    write(
        "/v1/checkout_sessions/{id}/expire",
        ("expire_checkout_session", "Checkout sessions", ApiScope::CheckoutSessionsWrite),
        "Ends a session that nobody has paid.",
        None,
        described::<checkout_sessions::CheckoutSession>,
        || post(checkout_sessions::expire),
    ),
];
