//! What reads, in the order of the documentation.

use axum::routing::{MethodRouter, get};

use super::{Answer, Operation, Verb};
use crate::domain::api_key::ApiScope;
use crate::web::api::openapi::{Described, described};
use crate::web::api::parameters::{
    CREATED_FROM, CREATED_TO, CURRENCY, CUSTOMER, LIMIT, Parameter, STARTING_AFTER, Takes, expand, status,
};
use crate::web::api::writes::checkout_sessions;
use crate::web::api::{
    Api, charges, coupons, customers, events, freshness, invoices, meters, portal_links, prices, products, project,
    promotion_codes, refunds, subscriptions,
};

/// What every list takes.
macro_rules! listed {
    ($($parameter:expr),* $(,)?) => { &[LIMIT, STARTING_AFTER, $($parameter),*] };
}

const fn list(
    path: &'static str,
    (id, group, scope): (&'static str, &'static str, ApiScope),
    text: &'static str,
    query: &'static [Parameter],
    answer: fn() -> Described,
    handler: fn() -> MethodRouter<Api>,
) -> Operation {
    Operation {
        verb: Verb::Get,
        path,
        scope,
        id,
        group,
        text,
        query,
        body: None,
        answer: Answer::List(answer),
        handler,
    }
}

const fn retrieve(
    path: &'static str,
    (id, group, scope): (&'static str, &'static str, ApiScope),
    text: &'static str,
    query: &'static [Parameter],
    answer: fn() -> Described,
    handler: fn() -> MethodRouter<Api>,
) -> Operation {
    Operation { verb: Verb::Get, path, scope, id, group, text, query, body: None, answer: Answer::One(answer), handler }
}

const ONLY_RAW: &[&str] = &["stripe_object"];
const WITH_CUSTOMER: &[&str] = &["customer", "stripe_object"];
const WITH_PRODUCT: &[&str] = &["product", "stripe_object"];
const WITH_BOTH: &[&str] = &["customer", "product", "stripe_object"];
const OFFERED: &[&str] = &["active", "archived", "deleted"];

const fn id_of(name: &'static str, text: &'static str) -> Parameter {
    Parameter { name, takes: Takes::Id, text }
}

const fn text_of(name: &'static str, text: &'static str) -> Parameter {
    Parameter { name, takes: Takes::Text, text }
}

/// All of them.
pub(super) const READS: &[Operation] = &[
    list(
        "/v1/customers",
        ("list_customers", "Customers", ApiScope::CustomersRead),
        "The customers, newest first.",
        listed![
            text_of("q", "Customers whose name or e-mail address contains every word. The newest 200 matches at most."),
            text_of("email", "Customers with exactly this e-mail address."),
            status(&["active", "delinquent", "deleted"]),
            CREATED_FROM,
            CREATED_TO,
            expand(ONLY_RAW),
        ],
        described::<customers::Customer>,
        || get(customers::list),
    ),
    retrieve(
        "/v1/customers/{id}",
        ("retrieve_customer", "Customers", ApiScope::CustomersRead),
        "One customer.",
        &[expand(ONLY_RAW)],
        described::<customers::Customer>,
        || get(customers::retrieve),
    ),
    list(
        "/v1/subscriptions",
        ("list_subscriptions", "Subscriptions", ApiScope::SubscriptionsRead),
        "The subscriptions, newest first.",
        listed![
            CUSTOMER,
            id_of("price", "Subscriptions with this price among their items. Either kind of id."),
            status(&[
                "active",
                "trialing",
                "past_due",
                "unpaid",
                "incomplete",
                "incomplete_expired",
                "paused",
                "canceled",
                "deleted",
            ]),
            CURRENCY,
            CREATED_FROM,
            CREATED_TO,
            expand(WITH_BOTH),
        ],
        described::<subscriptions::Subscription>,
        || get(subscriptions::list),
    ),
    retrieve(
        "/v1/subscriptions/{id}",
        ("retrieve_subscription", "Subscriptions", ApiScope::SubscriptionsRead),
        "One subscription with its items.",
        &[expand(WITH_BOTH)],
        described::<subscriptions::Subscription>,
        || get(subscriptions::retrieve),
    ),
    list(
        "/v1/products",
        ("list_products", "Products", ApiScope::ProductsRead),
        "The products, newest first.",
        listed![status(OFFERED), CREATED_FROM, CREATED_TO, expand(ONLY_RAW)],
        described::<products::Product>,
        || get(products::list),
    ),
    retrieve(
        "/v1/products/{id}",
        ("retrieve_product", "Products", ApiScope::ProductsRead),
        "One product.",
        &[expand(ONLY_RAW)],
        described::<products::Product>,
        || get(products::retrieve),
    ),
    list(
        "/v1/prices",
        ("list_prices", "Prices", ApiScope::PricesRead),
        "The prices, newest first.",
        listed![
            id_of("product", "Prices of this product. Either kind of id."),
            status(OFFERED),
            CURRENCY,
            CREATED_FROM,
            CREATED_TO,
            expand(WITH_PRODUCT),
        ],
        described::<prices::Price>,
        || get(prices::list),
    ),
    retrieve(
        "/v1/prices/{id}",
        ("retrieve_price", "Prices", ApiScope::PricesRead),
        "One price.",
        &[expand(WITH_PRODUCT)],
        described::<prices::Price>,
        || get(prices::retrieve),
    ),
    list(
        "/v1/invoices",
        ("list_invoices", "Invoices", ApiScope::InvoicesRead),
        "The invoices, newest first.",
        listed![
            CUSTOMER,
            id_of("subscription", "Invoices of this subscription. Either kind of id."),
            text_of("number", "Invoices whose number begins with this. 200 matches at most."),
            status(&["draft", "open", "paid", "uncollectible", "void", "deleted"]),
            CURRENCY,
            CREATED_FROM,
            CREATED_TO,
            expand(WITH_CUSTOMER),
        ],
        described::<invoices::Invoice>,
        || get(invoices::list),
    ),
    retrieve(
        "/v1/invoices/{id}",
        ("retrieve_invoice", "Invoices", ApiScope::InvoicesRead),
        "One invoice. Its lines stand in `stripe_object`.",
        &[expand(WITH_CUSTOMER)],
        described::<invoices::Invoice>,
        || get(invoices::retrieve),
    ),
    list(
        "/v1/charges",
        ("list_charges", "Charges", ApiScope::ChargesRead),
        "The charges, newest first.",
        listed![CUSTOMER, CREATED_FROM, CREATED_TO, expand(WITH_CUSTOMER)],
        described::<charges::Charge>,
        || get(charges::list),
    ),
    retrieve(
        "/v1/charges/{id}",
        ("retrieve_charge", "Charges", ApiScope::ChargesRead),
        "One charge.",
        &[expand(WITH_CUSTOMER)],
        described::<charges::Charge>,
        || get(charges::retrieve),
    ),
    list(
        "/v1/events",
        ("list_events", "Events", ApiScope::EventsRead),
        "The webhook events, the last received first. A page may hold fewer objects than `limit` and still have a \
         `next_cursor`: it ends after 5,000 events were looked at.",
        listed![
            text_of("type", "Events of this type, such as `invoice.paid`."),
            status(&["received", "done", "ignored", "failed", "dead", "quarantined"]),
            id_of("customer", "Events that concern this customer. Either kind of id."),
            id_of("object_id", "Events about this object. Either kind of id."),
        ],
        described::<events::Event>,
        || get(events::list),
    ),
    retrieve(
        "/v1/events/{id}",
        ("retrieve_event", "Events", ApiScope::EventsRead),
        "One event with its payload.",
        &[],
        described::<events::Event>,
        || get(events::retrieve),
    ),
    list(
        "/v1/refunds",
        ("list_refunds", "Refunds", ApiScope::RefundsRead),
        "The refunds, newest first, as Stripe has them now.",
        listed![id_of("charge", "Refunds of this charge. Either kind of id."), CREATED_FROM, CREATED_TO],
        described::<refunds::Refund>,
        || get(refunds::list),
    ),
    retrieve(
        "/v1/refunds/{id}",
        ("retrieve_refund", "Refunds", ApiScope::RefundsRead),
        "One refund, as Stripe has it now. The id is Stripe's.",
        &[],
        described::<refunds::Refund>,
        || get(refunds::retrieve),
    ),
    list(
        "/v1/coupons",
        ("list_coupons", "Coupons", ApiScope::CouponsRead),
        "The coupons, newest first, as Stripe has them now.",
        listed![CREATED_FROM, CREATED_TO],
        described::<coupons::Coupon>,
        || get(coupons::list),
    ),
    retrieve(
        "/v1/coupons/{id}",
        ("retrieve_coupon", "Coupons", ApiScope::CouponsRead),
        "One coupon, as Stripe has it now. The id is Stripe's.",
        &[],
        described::<coupons::Coupon>,
        || get(coupons::retrieve),
    ),
    list(
        "/v1/promotion_codes",
        ("list_promotion_codes", "Promotion codes", ApiScope::CouponsRead),
        "The promotion codes, newest first, as Stripe has them now.",
        listed![
            id_of("coupon", "Codes of this coupon. The id is Stripe's."),
            text_of("code", "The code that customers type."),
            CREATED_FROM,
            CREATED_TO,
        ],
        described::<promotion_codes::PromotionCode>,
        || get(promotion_codes::list),
    ),
    retrieve(
        "/v1/promotion_codes/{id}",
        ("retrieve_promotion_code", "Promotion codes", ApiScope::CouponsRead),
        "One promotion code, as Stripe has it now. The id is Stripe's.",
        &[],
        described::<promotion_codes::PromotionCode>,
        || get(promotion_codes::retrieve),
    ),
    list(
        "/v1/meters",
        ("list_meters", "Meters", ApiScope::MetersRead),
        "The meters, newest first, as Stripe has them now.",
        listed![status(&["active", "inactive"])],
        described::<meters::Meter>,
        || get(meters::list),
    ),
    retrieve(
        "/v1/meters/{id}",
        ("retrieve_meter", "Meters", ApiScope::MetersRead),
        "One meter, as Stripe has it now. The id is Stripe's.",
        &[],
        described::<meters::Meter>,
        || get(meters::retrieve),
    ),
    list(
        "/v1/portal_links",
        ("list_portal_links", "Portal links", ApiScope::PortalLinksRead),
        "The links to the customer portal, newest first.",
        listed![CUSTOMER],
        described::<portal_links::PortalLink>,
        || get(portal_links::list),
    ),
    retrieve(
        "/v1/portal_links/{id}",
        ("retrieve_portal_link", "Portal links", ApiScope::PortalLinksRead),
        "One link: whether it was used, when and from where.",
        &[],
        described::<portal_links::PortalLink>,
        || get(portal_links::retrieve),
    ),
    retrieve(
        "/v1/checkout_sessions/{id}",
        ("retrieve_checkout_session", "Checkout sessions", ApiScope::CheckoutSessionsRead),
        "One Checkout session, as Stripe has it now. The id is Stripe's.",
        &[],
        described::<checkout_sessions::CheckoutSession>,
        || get(checkout_sessions::retrieve),
    ),
    retrieve(
        "/v1/project",
        ("retrieve_project", "Project", ApiScope::ProjectRead),
        "The project that the key belongs to.",
        &[],
        described::<project::Project>,
        || get(project::retrieve),
    ),
    retrieve(
        "/v1/connection",
        ("retrieve_connection", "Project", ApiScope::ProjectRead),
        "The Stripe account of the project, and whether the copy is kept up to date.",
        &[],
        described::<project::Connection>,
        || get(project::connection),
    ),
    retrieve(
        "/v1/freshness",
        ("retrieve_freshness", "Project", ApiScope::ProjectRead),
        "How the copy compares with Stripe, type by type: what was last applied and compared, what differed and was mended.",
        &[],
        described::<freshness::Freshness>,
        || get(freshness::retrieve),
    ),
];
