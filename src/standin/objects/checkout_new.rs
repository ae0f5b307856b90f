//! Making a checkout session: what may be asked together, and what the session shows.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::checkout::{Terms, buyer};
use super::checkout_items::{self, Basket};
use super::discount::{self, Wanted, imagined, spread};
use super::payment_intent::client_secret;
use super::setup_intent;
use crate::standin::errors::{ApiError, invalid_param, missing_param, no_such_param};
use crate::standin::events::Cause;
use crate::standin::fields::{Field, Sort, apply};
use crate::standin::form::Form;
use crate::standin::kind::Kind;
use crate::standin::routes::Call;
use crate::standin::shape::{Fields, Shape};
use crate::standin::space::Space;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/checkout_session.json")));

/// Parameters of the creation; `payment_method_types` is not among them since 2026-09-30.endive.
pub const CREATABLE: &[&str] = &[
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update",
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
    "submit_type",
    "subscription_data",
    "success_url",
    "ui_mode",
];
const FIELDS: &[Field] =
    &[("billing_address_collection", Sort::Text), ("metadata", Sort::Metadata), ("submit_type", Sort::Text)];
/// Parameters that take one of a few words.
const WORDS: &[(&str, &[&str])] = &[
    ("billing_address_collection", &["auto", "required"]),
    ("customer_creation", &["always", "if_required"]),
    ("payment_method_collection", &["always", "if_required"]),
    ("submit_type", &["auto", "book", "donate", "pay", "subscribe"]),
    ("ui_mode", &["hosted_page"]),
];
const SETUP_FIELDS: &[Field] = &[("metadata", Sort::Metadata)];
const SUBSCRIPTION_DATA: &[&str] =
    &["description", "metadata", "proration_behavior", "trial_end", "trial_period_days", "trial_settings"];
const PAYMENT_DATA: &[&str] = &["description", "metadata", "receipt_email", "setup_future_usage"];
const SETUP_DATA: &[&str] = &["description", "metadata"];
/// A session is open for half an hour at least and a day at most, which is also the default.
const OPEN: (i64, i64) = (1800, 86_400);

/// Makes a session.
pub fn create(call: &Call, space: &mut Space) -> Result<Vec<u8>, ApiError> {
    let (form, cause) = (&call.form, &call.cause);
    let mode = form.word("mode", &["payment", "setup", "subscription"])?.ok_or_else(|| missing_param("mode"))?;
    check(call, space, mode)?;
    let data = data(form, mode)?;
    let customer = form.text("customer")?.filter(|id| !id.is_empty());
    let discounts = discount::wanted(space, form, customer.unwrap_or_default(), cause.now)?.unwrap_or_default();
    // Last of what can be refused, because it makes the prices that are described on the spot.
    let basket = checkout_items::read(space, cause, form, mode)?;
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
    for (name, words) in WORDS {
        form.word(name, words)?;
    }
    let update = form.parts("customer_update")?;
    update.only(&["address", "name", "shipping"])?;
    if form.get("customer_update").is_some() && form.get("customer").is_none() {
        return Err(invalid_param("customer_update", "`customer_update` can only be used with `customer`."));
    }
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
    apply(data, SETUP_FIELDS, &mut intent)?;
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

/// What is to be paid now, before and after discounts; a trial puts off everything that recurs.
fn sums(space: &Space, basket: &Basket, form: &Form, discounts: &[Wanted]) -> Result<(i64, i64), ApiError> {
    let data = form.parts("subscription_data")?;
    let trial = data.get("trial_period_days").is_some() || data.get("trial_end").is_some();
    let mut lines = basket.lines(trial);
    let subtotal: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap_or(0)).sum();
    let off = spread(&mut lines, &imagined(space, discounts));
    Ok((subtotal, subtotal - off.iter().map(|one| one["amount"].as_i64().unwrap_or(0)).sum::<i64>()))
}
