//! Invoices as objects: what they are written from.

use std::sync::{Arc, LazyLock};

use super::price::PriceCard;
use crate::standin::shape::{Fields, Shape, push_text};

/// The shape of an invoice.
pub static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/invoice.json")));
static LINE: LazyLock<Shape> = LazyLock::new(|| Shape::new(include_str!("../shapes/line_item.json")));

/// The account as an invoice shows it.
#[derive(Debug)]
pub struct Seller {
    /// `acct_…`
    pub id: String,
    /// Name of the business.
    pub name: String,
    /// Two letters.
    pub country: String,
    /// Where the pages of the stand-in are: `http://127.0.0.1:4242`.
    pub base: String,
}

/// Stripe's invoice status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// May still change.
    Draft,
    /// Finalized and not yet paid.
    Open,
    /// Settled.
    Paid,
    /// Given up.
    Uncollectible,
    /// Taken back.
    Void,
}

impl State {
    /// Stripe's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }
}

/// Everything an invoice is written from.
#[derive(Debug)]
pub struct Facts {
    /// `in_…`
    pub id: String,
    /// Who bills.
    pub account: Arc<Seller>,
    /// Live or test.
    pub live: bool,
    /// `cus_…`
    pub customer: String,
    /// None while a draft.
    pub number: Option<String>,
    /// Snapshot of the customer.
    pub customer_name: Option<String>,
    /// Snapshot of the customer.
    pub customer_email: Option<String>,
    /// Snapshot of the customer, as JSON.
    pub customer_address: Vec<u8>,
    /// `sub_…`
    pub subscription: Option<String>,
    /// Why it exists.
    pub billing_reason: &'static str,
    /// Sent to the customer instead of charged.
    pub by_invoice: bool,
    /// Unix seconds.
    pub created: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// Unix seconds, none while a draft.
    pub finalized_at: Option<i64>,
    /// When it was paid, voided or given up, if it was.
    pub settled_at: i64,
    /// How often a card was asked.
    pub attempts: i64,
    /// Start and end of the period billed.
    pub period: (i64, i64),
    /// All lines.
    pub lines: Vec<LineFacts>,
    /// Its status.
    pub state: State,
}

/// Everything a line is written from.
#[derive(Debug)]
pub struct LineFacts {
    /// `il_…`
    pub id: String,
    /// Minor units.
    pub amount: i64,
    /// Pieces.
    pub quantity: i64,
    /// What was sold.
    pub price: Arc<PriceCard>,
    /// Start and end of the period.
    pub period: (i64, i64),
    /// `sub_…`
    pub subscription: String,
    /// `si_…`
    pub subscription_item: String,
    /// Part of a period.
    pub proration: bool,
}

impl LineFacts {
    fn write(&self, invoice: &Facts, out: &mut Vec<u8>) {
        let name = self.price.nickname.as_deref().unwrap_or("Subscription");
        let fields = Fields::new()
            .text("id", &self.id)
            .int("amount", self.amount)
            .text("currency", &invoice.currency)
            .text("description", &format!("{} × {name}", self.quantity))
            .text("invoice", &invoice.id)
            .flag("livemode", invoice.live)
            .flag("proration", self.proration)
            .text("subscription", &self.subscription)
            .text("subscription_item", &self.subscription_item)
            .int("period_start", self.period.0)
            .int("period_end", self.period.1)
            .text("price", &self.price.id)
            .text("product", &self.price.product)
            .opt_text("unit_amount_decimal", self.price.unit_amount_decimal.as_deref())
            .int("quantity", self.quantity)
            .text("quantity_decimal", &self.quantity.to_string());
        LINE.write(&fields, out);
    }
}

impl Facts {
    /// Writes the invoice with at most `rows` lines.
    pub fn write(&self, rows: usize, out: &mut Vec<u8>) {
        SHAPE.write(&self.fields(rows), out);
    }

    /// The invoice as a value with all its lines.
    pub fn value(&self) -> serde_json::Value {
        SHAPE.value(&self.fields(usize::MAX))
    }

    fn fields(&self, rows: usize) -> Fields {
        let total: i64 = self.lines.iter().map(|line| line.amount).sum();
        let settled = |state: State| (self.state == state).then_some(self.settled_at);
        let paid = if self.state == State::Paid { total } else { 0 };
        let open = self.state == State::Open;
        let draft = self.state == State::Draft;
        let due = (self.by_invoice && !draft).then_some(self.created + 30 * 86_400);
        let page = |suffix: &str| format!("{}/i/{}/{}{suffix}", self.account.base, self.account.id, self.id);
        let fields = Fields::new()
            .text("id", &self.id)
            .text("account_country", &self.account.country)
            .text("account_name", &self.account.name)
            .int("amount_due", total)
            .int("amount_paid", paid)
            .int("amount_remaining", total - paid)
            .int("attempt_count", if draft { 0 } else { self.attempts })
            .flag("attempted", !draft && (self.attempts > 0 || self.state == State::Paid))
            .flag("auto_advance", draft || (open && !self.by_invoice))
            .opt_int("automatically_finalizes_at", draft.then_some(self.created + 3600))
            .text("billing_reason", self.billing_reason)
            .text("collection_method", if self.by_invoice { "send_invoice" } else { "charge_automatically" })
            .int("created", self.created)
            .text("currency", &self.currency)
            .text("customer", &self.customer)
            .raw("customer_address", &self.customer_address)
            .opt_text("customer_email", self.customer_email.as_deref())
            .opt_text("customer_name", self.customer_name.as_deref())
            .opt_int("due_date", due)
            .opt_int("finalized_at", self.finalized_at)
            .opt_int("ending_balance", self.finalized_at.map(|_| 0))
            .opt_text("hosted_invoice_url", self.finalized_at.map(|_| page("?s=ap")).as_deref())
            .opt_text("invoice_pdf", self.finalized_at.map(|_| page("/pdf?s=ap")).as_deref())
            .with("lines", |out| self.push_lines(rows, out))
            .flag("lines_has_more", self.lines.len() > rows)
            .text("lines_url", &format!("/v1/invoices/{}/lines", self.id))
            .flag("livemode", self.live)
            .raw("metadata", b"{}")
            .opt_int("next_payment_attempt", (open && self.attempts > 0).then_some(self.settled_at + 3 * 86_400))
            .opt_text("number", self.number.as_deref())
            .with("parent", |out| self.push_parent(out))
            .int("period_start", self.period.0)
            .int("period_end", self.period.1)
            .text("status", self.state.name())
            .opt_int("paid_at", settled(State::Paid))
            .opt_int("voided_at", settled(State::Void))
            .opt_int("marked_uncollectible_at", settled(State::Uncollectible))
            .int("total", total);
        fields.opt_int("webhooks_delivered_at", self.finalized_at)
    }

    fn push_lines(&self, rows: usize, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, line) in self.lines.iter().take(rows).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            line.write(self, out);
        }
        out.push(b']');
    }

    fn push_parent(&self, out: &mut Vec<u8>) {
        let Some(subscription) = &self.subscription else {
            out.extend_from_slice(b"null");
            return;
        };
        out.extend_from_slice(br#"{"quote_details":null,"subscription_details":{"metadata":{},"subscription":"#);
        push_text(out, subscription);
        out.extend_from_slice(br#"},"type":"subscription_details"}"#);
    }
}
