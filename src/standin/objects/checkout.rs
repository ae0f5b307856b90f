//! Checkout sessions: what somebody is asked to pay for on a page of Stripe's.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::change;
use super::checkout_items::{self, Basket};
use super::discount::{self, Wanted, imagined, spread};
use super::payment_intent::client_secret;
use super::setup_intent;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::lists::{Page, body_of};
use crate::standin::routes::{Call, Route, get, list, post};
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/checkout_session.json")));

const READ: &str = "rak_checkout_session_read";
const WRITE: &str = "rak_checkout_session_write";
const URL: &str = "/v1/checkout/sessions";
/// `payment_method_types` is not among them since 2026-09-30.endive.
const CREATABLE: &[&str] = &[
    "allow_promotion_codes",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_creation",
    "customer_email",
    "discounts",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "setup_intent_data",
    "subscription_data",
    "success_url",
    "ui_mode",
];
const FILTERS: &[&str] = &["created", "customer", "customer_details", "payment_intent", "status", "subscription"];
const FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const SUBSCRIPTION_DATA: &[&str] =
    &["description", "metadata", "proration_behavior", "trial_end", "trial_period_days", "trial_settings"];
const PAYMENT_DATA: &[&str] = &["description", "metadata", "receipt_email", "setup_future_usage"];
const SETUP_DATA: &[&str] = &["description", "metadata"];
/// A session is open for half an hour at least and a day at most, which is also the default.
const OPEN: (i64, i64) = (1800, 86_400);

/// The rows.
pub const ROUTES: &[Route] = &[
    list(URL, READ, FILTERS, index),
    get("/v1/checkout/sessions/{id}", READ, |call, space| call.read(space, Kind::CheckoutSession)),
    list("/v1/checkout/sessions/{id}/line_items", READ, &[], line_items),
    post(URL, WRITE, CREATABLE, create),
    post("/v1/checkout/sessions/{id}", WRITE, &["metadata"], update),
    post("/v1/checkout/sessions/{id}/expire", WRITE, &[], expire_route),
];

/// What a session needs to know besides what it shows.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is sold.
    pub items: Vec<Value>,
    /// `subscription_data`, `payment_intent_data` or `setup_intent_data`.
    pub data: Form,
    /// What is taken off.
    pub discounts: Vec<Wanted>,
    /// The number of the payment intent of earlier tries.
    pub intent: Option<u64>,
}

fn index(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let status = call.form.word("status", &["open", "complete", "expired"])?;
    let details = call.form.parts("customer_details")?;
    details.only(&["email"])?;
    let email = details.text("email")?;
    let mut wanted = Vec::new();
    for name in ["customer", "payment_intent", "subscription"] {
        if let Some(text) = call.form.text(name)? {
            wanted.push((name, text));
        }
    }
    wanted.extend(status.map(|status| ("status", status)));
    call.list(space, Kind::CheckoutSession, URL, |n| {
        let of = |name| space.attribute(Kind::CheckoutSession, n, name);
        let mailed = || space.value(Kind::CheckoutSession, n).unwrap_or_default()["customer_details"]["email"].clone();
        wanted.iter().all(|(name, text)| of(name).as_deref() == Some(text))
            && email.is_none_or(|email| mailed() == email)
    })
}

fn line_items(call: &Call, space: &Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    let rows = space.checkouts.get(&n).map_or(&[][..], |terms| &terms.items);
    let key = |at: usize| (0, (rows.len() - at) as u64);
    let page = Page::read(&call.form, "item", |id| rows.iter().position(|row| row["id"] == id).map(key))?;
    let (numbers, more) = page.sort_and_take((0..rows.len()).map(key).collect());
    let shown: Vec<Vec<u8>> = numbers
        .into_iter()
        .filter_map(|n| rows.get(rows.len() - usize::try_from(n).ok()?))
        .map(|row| row.to_string().into_bytes())
        .collect();
    Ok(body_of(&shown, more, &format!("{URL}/{}/line_items", call.id)))
}

fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let (form, cause) = (&call.form, &call.cause);
    let mode = form.word("mode", &["payment", "setup", "subscription"])?.ok_or_else(|| missing_param("mode"))?;
    check(call, space, mode)?;
    let basket = checkout_items::read(space, cause, form, mode)?;
    let data = data(form, mode)?;
    let customer = form.text("customer")?.filter(|id| !id.is_empty());
    let discounts = discount::wanted(space, form, customer.unwrap_or_default(), cause.now)?.unwrap_or_default();
    let (n, reserved) = space.reserve(Kind::CheckoutSession);
    let sort = if space.live { "live" } else { "test" };
    let id = reserved.replacen("cs_", &format!("cs_{sort}_a1"), 1);
    let setup = (mode == "setup").then(|| new_setup(space, cause, &data, customer)).transpose()?;
    let session = {
        let facts = Facts { call, mode, id: &id, basket: &basket, discounts: &discounts, setup: setup.as_deref() };
        let mut session = SHAPE.value(&facts.fields(space)?);
        apply(form, FIELDS, &mut session)?;
        session
    };
    space.checkouts.insert(n, Terms { items: basket.items, data, discounts, intent: None });
    space.insert(Kind::CheckoutSession, n, cause.now, session);
    Ok(call.show(space, Kind::CheckoutSession, n))
}

/// Refuses what does not fit together.
fn check(call: &Call, space: &Space, mode: &str) -> Result<(), ApiError> {
    let form = &call.form;
    form.word("ui_mode", &["hosted_page"])?;
    let success = form.text("success_url")?.ok_or_else(|| missing_param("success_url"))?;
    check_url("success_url", success)?;
    if let Some(url) = form.text("cancel_url")? {
        check_url("cancel_url", url)?;
    }
    let both = |one: &str, other: &str| {
        let message = format!("You may only specify one of these parameters: {one}, {other}.");
        if form.get(one).is_some() && form.get(other).is_some() { Err(invalid_param(one, message)) } else { Ok(()) }
    };
    both("customer", "customer_email")?;
    both("allow_promotion_codes", "discounts")?;
    if let Some(id) = form.text("customer")?.filter(|id| space.find_alive(Kind::Customer, id).is_none()) {
        return Err(no_such_param("customer", id, "customer"));
    }
    let wrong: &[&str] = match mode {
        "setup" => &["line_items", "discounts", "allow_promotion_codes", "subscription_data", "payment_intent_data"],
        "payment" => &["subscription_data", "setup_intent_data", "payment_method_collection"],
        _ => &["payment_intent_data", "setup_intent_data", "customer_creation", "invoice_creation"],
    };
    if let Some(name) = wrong.iter().find(|name| form.get(name).is_some()) {
        return Err(invalid_param(name, format!("You can not pass `{name}` in `{mode}` mode.")));
    }
    if mode == "setup" && form.text("currency")?.is_none() {
        return Err(missing_param("currency"));
    }
    match form.int("expires_at")? {
        Some(at) if at < call.cause.now + OPEN.0 || at > call.cause.now + OPEN.1 => Err(invalid_param(
            "expires_at",
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.",
        )),
        _ => Ok(()),
    }
}

fn check_url(name: &str, url: &str) -> Result<(), ApiError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !url.contains(char::is_whitespace)) {
        return Ok(());
    }
    Err(invalid_param(name, "Not a valid URL").code("url_invalid"))
}

/// The `…_data` of the mode.
fn data(form: &Form, mode: &str) -> Result<Form, ApiError> {
    let (name, known) = match mode {
        "subscription" => ("subscription_data", SUBSCRIPTION_DATA),
        "payment" => ("payment_intent_data", PAYMENT_DATA),
        _ => ("setup_intent_data", SETUP_DATA),
    };
    let data = form.parts(name)?;
    if let Some((key, _)) = data.entries().iter().find(|entry| !known.contains(&entry.0.as_str())) {
        return Err(crate::standin::errors::unknown_param(&format!("{name}[{key}]")));
    }
    if data.int("trial_period_days")?.is_some_and(|days| !(1..=730).contains(&days)) {
        return Err(invalid_param(
            "subscription_data[trial_period_days]",
            "The minimum number of trial period days is 1, the maximum is 730.",
        ));
    }
    data.word("setup_future_usage", &["off_session", "on_session"])?;
    Ok(data)
}

fn new_setup(space: &mut Space, cause: &Cause, data: &Form, customer: Option<&str>) -> Result<String, ApiError> {
    let (n, id) = space.reserve(Kind::SetupIntent);
    let fields = Fields::new()
        .text("id", &id)
        .text("client_secret", &client_secret(&id))
        .int("created", cause.now)
        .opt_text("customer", customer)
        .opt_text("description", data.text("description")?)
        .flag("livemode", space.live)
        .raw("metadata", b"{}")
        .text("status", "requires_payment_method");
    let mut intent = setup_intent::SHAPE.value(&fields);
    apply(data, FIELDS, &mut intent)?;
    space.insert(Kind::SetupIntent, n, cause.now, intent.clone());
    space.emit(cause, "setup_intent.created", (Kind::SetupIntent, intent), None);
    Ok(id)
}

/// Everything a new session is written from.
struct Facts<'a> {
    call: &'a Call,
    mode: &'a str,
    id: &'a str,
    basket: &'a Basket,
    discounts: &'a [Wanted],
    setup: Option<&'a str>,
}

impl Facts<'_> {
    fn fields(&self, space: &Space) -> Result<Fields, ApiError> {
        let (form, now) = (&self.call.form, self.call.cause.now);
        let customer = form.text("customer")?.filter(|id| !id.is_empty());
        let setup = self.mode == "setup";
        let (subtotal, total) = sums(space, self.basket, form, self.discounts)?;
        let creation = match form.word("customer_creation", &["always", "if_required"])? {
            Some(word) => Some(word),
            None if customer.is_some() || setup => None,
            None => Some(if self.mode == "payment" { "if_required" } else { "always" }),
        };
        let collection = form.word("payment_method_collection", &["always", "if_required"])?;
        let shown: Vec<Value> = self.discounts.iter().map(|one| shown_discount(space, one)).collect();
        let currency = self.basket.currency.clone().or(form.text("currency")?.map(str::to_owned));
        let url = format!("{}/c/pay/{}/{}", space.account.base, space.account.id, self.id);
        let details = details_of(space, customer, form.text("customer_email")?);
        let totals = json!({"amount_discount": subtotal - total, "amount_shipping": 0, "amount_tax": 0});
        let invoice = form.parts("invoice_creation")?.flag("enabled")? == Some(true);
        let promotion = form.flag("allow_promotion_codes")?;
        let fields = Fields::new()
            .text("id", self.id)
            .opt_text("cancel_url", form.text("cancel_url")?)
            .opt_text("client_reference_id", form.text("client_reference_id")?)
            .int("created", now)
            .opt_text("currency", currency.as_deref())
            .opt_text("customer", customer)
            .opt_text("customer_creation", creation)
            .raw("customer_details", details.to_string().as_bytes())
            .opt_text("customer_email", form.text("customer_email")?)
            .raw("discounts", Value::from(shown).to_string().as_bytes())
            .int("expires_at", form.int("expires_at")?.unwrap_or(now + OPEN.1))
            .flag("livemode", space.live)
            .opt_text("locale", form.text("locale")?)
            .text("mode", self.mode)
            .opt_text("payment_method_collection", (!setup).then_some(collection.unwrap_or("always")))
            .text("payment_status", if setup { "no_payment_required" } else { "unpaid" })
            .opt_text("setup_intent", self.setup)
            .text("success_url", form.text("success_url")?.unwrap_or_default())
            .text("url", &url);
        let fields = match promotion {
            Some(allowed) => fields.flag("allow_promotion_codes", allowed),
            None => fields,
        };
        let fields = match self.mode {
            "payment" => fields.raw("invoice_creation", invoice_creation(invoice).to_string().as_bytes()),
            _ => fields,
        };
        Ok(if setup {
            fields
        } else {
            let fields = fields.int("amount_subtotal", subtotal).int("amount_total", total);
            fields.raw("total_details", totals.to_string().as_bytes())
        })
    }
}

fn invoice_creation(enabled: bool) -> Value {
    json!({"enabled": enabled, "invoice_data": {
        "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null,
        "metadata": {}, "rendering_options": null,
    }})
}

fn shown_discount(space: &Space, one: &Wanted) -> Value {
    let coupon = space.attribute(Kind::Coupon, one.coupon, "id");
    match one.code {
        Some(n) => json!({"coupon": null, "promotion_code": space.ids.id(Kind::PromotionCode, n)}),
        None => json!({"coupon": coupon, "promotion_code": null}),
    }
}

/// What is known of the buyer before they have typed anything.
fn details_of(space: &Space, customer: Option<&str>, email: Option<&str>) -> Value {
    let known = customer.and_then(|id| space.value(Kind::Customer, space.find_alive(Kind::Customer, id)?));
    let Some(known) = known else {
        return email.map_or(Value::Null, |email| buyer(&Value::Null, &email.into(), &Value::Null));
    };
    buyer(&known["address"], &known["email"], &known["name"])
}

/// `customer_details`
pub fn buyer(address: &Value, email: &Value, name: &Value) -> Value {
    json!({
        "address": address, "business_name": null, "email": email, "individual_name": null, "name": name,
        "phone": null, "tax_exempt": "none", "tax_ids": [],
    })
}

/// What is to be paid now, before and after discounts; a trial puts off everything that recurs.
pub fn sums(space: &Space, basket: &Basket, form: &Form, discounts: &[Wanted]) -> Result<(i64, i64), ApiError> {
    let data = form.parts("subscription_data")?;
    let trial = data.get("trial_period_days").is_some() || data.get("trial_end").is_some();
    let mut lines = basket.lines(trial);
    let subtotal: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap_or(0)).sum();
    let off = spread(&mut lines, &imagined(space, discounts));
    Ok((subtotal, subtotal - off.iter().map(|one| one["amount"].as_i64().unwrap_or(0)).sum::<i64>()))
}

fn update(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    let mut session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    apply(&call.form, FIELDS, &mut session)?;
    space.replace(Kind::CheckoutSession, n, session);
    Ok(call.show(space, Kind::CheckoutSession, n))
}

fn expire_route(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let n = call.number(space, Kind::CheckoutSession)?;
    expire(space, &call.cause, n)?;
    Ok(call.show(space, Kind::CheckoutSession, n))
}

/// Closes a session that nobody has completed.
pub fn expire(space: &mut Space, cause: &Cause, n: u64) -> Result<(), ApiError> {
    let mut session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    let status = session["status"].as_str().unwrap_or_default().to_owned();
    if status != "open" {
        return Err(ApiError::invalid(
            400,
            format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \
                 {status}."
            ),
        ));
    }
    session["status"] = "expired".into();
    session["url"] = Value::Null;
    space.replace(Kind::CheckoutSession, n, session.clone());
    if let Some(id) = session["setup_intent"].as_str().and_then(|id| space.find_alive(Kind::SetupIntent, id)) {
        let mut intent = space.value(Kind::SetupIntent, id).unwrap_or_default();
        intent["status"] = "canceled".into();
        intent["cancellation_reason"] = "abandoned".into();
        change(space, cause, "setup_intent.canceled", Kind::SetupIntent, id, intent);
    }
    space.emit(cause, "checkout.session.expired", (Kind::CheckoutSession, session), None);
    Ok(())
}

/// Closes a session whose time is over.
pub fn expire_if_due(space: &mut Space, cause: &Cause, n: u64) {
    let session = space.value(Kind::CheckoutSession, n).unwrap_or_default();
    if session["status"] == "open" && session["expires_at"].as_i64().is_some_and(|at| at <= cause.now) {
        // It is open, so it can be closed.
        let _ = expire(space, cause, n);
    }
}
