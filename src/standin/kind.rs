//! The kinds of object the stand-in holds. A new kind is one line here and one file in `objects`.

/// A kind of Stripe object with its own identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// `customer`
    Customer,
    /// `product`
    Product,
    /// `price`
    Price,
    /// `subscription`
    Subscription,
    /// `subscription_item`, held inside its subscription
    SubscriptionItem,
    /// `invoice`
    Invoice,
    /// `line_item`, held inside its invoice
    LineItem,
    /// `charge`
    Charge,
    /// `payment_intent`
    PaymentIntent,
    /// `payment_method`
    PaymentMethod,
    /// `balance_transaction`, only named by charges
    BalanceTransaction,
    /// `event`
    Event,
    /// `webhook_endpoint`
    WebhookEndpoint,
    /// `coupon`, whose identifiers are words of their own
    Coupon,
    /// `promotion_code`
    PromotionCode,
    /// `discount`, held by what it was given to
    Discount,
    /// `refund`
    Refund,
    /// `tax_id`
    TaxId,
    /// `setup_intent`
    SetupIntent,
    /// `invoiceitem`
    InvoiceItem,
    /// `invoice_payment`, made up from its invoice
    InvoicePayment,
    /// `checkout.session`
    CheckoutSession,
    /// `item`, a line of a checkout session
    CheckoutItem,
    /// `billing.meter`
    Meter,
    /// `billing.meter_event_summary`, made up from what was reported
    MeterSummary,
}

/// Name, identifier prefix and length of the part after the prefix.
type Row = (Kind, &'static str, &'static str, usize);

/// How many kinds there are.
pub const KINDS: usize = 25;

const TABLE: [Row; KINDS] = [
    (Kind::Customer, "customer", "cus_", 14),
    (Kind::Product, "product", "prod_", 14),
    (Kind::Price, "price", "price_1", 23),
    (Kind::Subscription, "subscription", "sub_1", 23),
    (Kind::SubscriptionItem, "subscription_item", "si_", 14),
    (Kind::Invoice, "invoice", "in_1", 23),
    (Kind::LineItem, "line_item", "il_1", 23),
    (Kind::Charge, "charge", "ch_3", 23),
    (Kind::PaymentIntent, "payment_intent", "pi_3", 23),
    (Kind::PaymentMethod, "payment_method", "pm_1", 23),
    (Kind::BalanceTransaction, "balance_transaction", "txn_3", 23),
    (Kind::Event, "event", "evt_1", 23),
    (Kind::WebhookEndpoint, "webhook_endpoint", "we_1", 23),
    (Kind::Coupon, "coupon", "coupon_", 14),
    (Kind::PromotionCode, "promotion_code", "promo_1", 23),
    (Kind::Discount, "discount", "di_1", 23),
    (Kind::Refund, "refund", "re_3", 23),
    (Kind::TaxId, "tax_id", "txi_1", 23),
    (Kind::SetupIntent, "setup_intent", "seti_1", 23),
    (Kind::InvoiceItem, "invoiceitem", "ii_1", 23),
    (Kind::InvoicePayment, "invoice_payment", "inpay_1", 23),
    (Kind::CheckoutSession, "checkout.session", "cs_", 58),
    (Kind::CheckoutItem, "item", "li_1", 23),
    (Kind::Meter, "billing.meter", "mtr_", 36),
    (Kind::MeterSummary, "billing.meter_event_summary", "mtrusg_", 36),
];

impl Kind {
    fn row(self) -> Row {
        TABLE[self as usize]
    }

    /// Stripe's name, as in the `object` field.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What identifiers of this kind begin with.
    pub fn prefix(self) -> &'static str {
        self.row().2
    }

    /// How many characters follow the prefix.
    pub fn tail(self) -> usize {
        self.row().3
    }

    /// The name in "No such …", which is not always the one in `object`.
    pub fn spoken(self) -> &'static str {
        match self {
            Self::PaymentMethod => "PaymentMethod",
            Self::PromotionCode => "promotion code",
            Self::SetupIntent => "setupintent",
            other => other.name(),
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The kind an identifier belongs to, from its prefix.
    pub fn of_id(id: &str) -> Option<Self> {
        TABLE.iter().find(|row| id.starts_with(row.2.trim_end_matches(['1', '3']))).map(|row| row.0)
    }
}
