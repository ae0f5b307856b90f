//! What billfold needs from a restricted key, and why. The form, the link to Stripe's key page, the check and the
//! documentation all read this one table.

use serde::de::IgnoredAny;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{client::Client, error::Error, list::ListParams};
use crate::{
    domain::{kind::Kind, mode::Mode},
    vault::new_token,
};

/// One permission of a restricted key.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// As Stripe's key page words it, such as `Customers`.
    pub resource: &'static str,
    /// Stripe's name, such as `rak_customer_read`.
    pub name: &'static str,
    /// Read or write.
    pub access: Access,
    /// Whether billfold works without it.
    pub need: Need,
    /// What it is for.
    pub purpose: &'static str,
    /// How the key is asked whether it has it.
    pub probe: Probe,
}

/// What a permission allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

impl Access {
    /// As Stripe's key page words it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
        }
    }
}

/// Whether a key without the permission is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The mirror cannot be built without it.
    Required,
    /// There is another way, by hand.
    Optional,
}

/// The call that shows whether a key has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Lists one object.
    List(Kind),
    /// Reads the account.
    Account,
    /// Makes the webhook endpoint while connecting; later changes one that nobody has, as [`Probe::Change`] does.
    CreateEndpoint,
    /// Reads one row of another list, at this path. Only the key doctor does.
    Rows(&'static str),
    /// Changes an object that nobody has: this path, with an id made up on the spot behind it. Stripe looks at the key's
    /// permissions before it looks for the object, so 403 tells of a missing permission and 404 of one that is there; no
    /// write can be tried with less effect, because there is nothing that it could change. Only the key doctor does.
    Change(&'static str),
}

impl Probe {
    /// Whether connecting tries it. The rest waits for the key doctor: nobody should wait for twenty calls.
    pub const fn is_tried_first(self) -> bool {
        matches!(self, Self::List(_) | Self::Account | Self::CreateEndpoint)
    }
}

const fn read(resource: &'static str, name: &'static str, kind: Kind, purpose: &'static str) -> Permission {
    Permission { resource, name, access: Access::Read, need: Need::Required, purpose, probe: Probe::List(kind) }
}

const fn write(resource: &'static str, name: &'static str, change: &'static str, purpose: &'static str) -> Permission {
    Permission { resource, name, access: Access::Write, need: Need::Optional, purpose, probe: Probe::Change(change) }
}

const fn read_only(
    resource: &'static str,
    name: &'static str,
    rows: &'static str,
    purpose: &'static str,
) -> Permission {
    Permission { resource, name, access: Access::Read, need: Need::Optional, purpose, probe: Probe::Rows(rows) }
}

/// Every permission that billfold uses. Names from docs.stripe.com/keys/permissions-reference; prices are still called plans there.
pub const PERMISSIONS: &[Permission] = &[
    read("Customers", "rak_customer_read", Kind::Customer, "names and e-mail addresses"),
    read("Products", "rak_product_read", Kind::Product, "what you sell"),
    read("Prices", "rak_plan_read", Kind::Price, "what it costs"),
    read("Subscriptions", "rak_subscription_read", Kind::Subscription, "who subscribes to what"),
    read("Invoices", "rak_invoice_read", Kind::Invoice, "what was billed"),
    read("Charges and refunds", "rak_charge_read", Kind::Charge, "what was paid"),
    Permission {
        resource: "Webhook endpoints",
        name: "rak_webhook_write",
        access: Access::Write,
        need: Need::Optional,
        purpose: "lets billfold set up its own webhook endpoint; without it you do that by hand",
        probe: Probe::CreateEndpoint,
    },
    Permission {
        resource: "Account",
        name: "rak_connected_account_read",
        access: Access::Read,
        need: Need::Optional,
        purpose: "shows the account's name and proves that a new key belongs to the same account",
        probe: Probe::Account,
    },
    write("Customers", "rak_customer_write", "/customers", "makes and edits customers"),
    write("Products", "rak_product_write", "/products", "makes, edits and archives products"),
    write("Prices", "rak_plan_write", "/prices", "makes and archives prices"),
    write(
        "Subscriptions",
        "rak_subscription_write",
        "/subscriptions",
        "starts, changes, pauses and ends subscriptions",
    ),
    write(
        "Invoices",
        "rak_invoice_write",
        "/invoices",
        "sends, collects and voids invoices, and previews what a change costs",
    ),
    write("Charges and refunds", "rak_charge_write", "/refunds", "gives money back"),
    write("Checkout Sessions", "rak_checkout_session_write", "/checkout/sessions", "makes payment pages"),
    write("Coupons", "rak_coupon_write", "/coupons", "makes and ends coupons"),
    write(
        "Promotion codes",
        "rak_promotion_code_write",
        "/promotion_codes",
        "makes and ends codes that customers type in",
    ),
    read_only(
        "Billing meters",
        "rak_billing_meter_read",
        "/billing/meters",
        "offers your meters for prices by usage, and shows customers what they used",
    ),
    read_only("SetupIntents", "rak_setup_intent_read", "/setup_intents", "takes over the card that a customer saved"),
    read_only("PaymentMethods", "rak_payment_method_read", "/payment_methods", "shows customers which card is charged"),
    read_only(
        "Events",
        "rak_event_read",
        "/events",
        "fetches changes that no webhook delivery has brought, and all of them where none can come",
    ),
];

/// Stripe's page for a new restricted key, with every permission ticked: what follows `https://dashboard.stripe.com/`.
pub fn key_page_path(mode: Mode) -> String {
    key_page_path_of(mode, PERMISSIONS.iter().map(|permission| permission.name))
}

/// The same page with just these permissions ticked.
pub fn key_page_path_of<'a>(mode: Mode, names: impl IntoIterator<Item = &'a str>) -> String {
    let area = match mode {
        Mode::Live => "",
        Mode::Test => "test/",
    };
    let mut path = format!("{area}apikeys/create?name=billfold");
    for name in names {
        path.push_str("&permissions[]=");
        path.push_str(name);
    }
    path
}

impl Client {
    /// Lists one object of a kind: shows that the key is good and may read them.
    pub async fn probe_list(&self, kind: Kind) -> Result<(), Error> {
        self.list(kind, &ListParams { limit: 1, ..ListParams::default() }).await.map(drop)
    }

    /// Reads one row of the list at a path: shows that the key may read it.
    pub async fn probe_rows(&self, path: &str) -> Result<(), Error> {
        let mut request = RequestBuilder::new(StripeMethod::Get, path);
        request.query = Some("limit=1".to_owned());
        past_permissions(self.call::<IgnoredAny>(&request).await.map(drop))
    }

    /// Changes an object that nobody has: shows that the key may change those that there are. Whoever reads Stripe's log of
    /// requests finds in the made-up id who asked.
    pub async fn probe_change(&self, path: &str) -> Result<(), Error> {
        let nobodys = format!("{path}/billfold_key_check_{}", &new_token()[..16]);
        let request = RequestBuilder::new(StripeMethod::Post, nobodys);
        past_permissions(self.call::<IgnoredAny>(&request).await.map(drop))
    }
}

/// A request that is refused for what it asks has got past the look at the key's permissions. Not so one for an address that
/// Stripe does not know: that is 404 too, without this code.
fn past_permissions(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(Error::Answered(answer)) if answer.status == 400 || answer.code.as_deref() == Some("resource_missing") => {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Need, PERMISSIONS, Probe, key_page_path, past_permissions};
    use crate::{
        domain::{kind::Kind, mode::Mode},
        stripe::{Answer, Error},
    };

    #[test]
    fn every_mirrored_kind_has_its_required_permission() {
        for kind in Kind::ALL {
            let permission = PERMISSIONS.iter().find(|permission| permission.probe == Probe::List(kind)).unwrap();
            assert_eq!(permission.need, Need::Required);
        }
    }

    #[test]
    fn what_is_refused_for_its_object_was_allowed() {
        let answered = |status: u16, code: Option<&str>| {
            let code = code.map(str::to_owned);
            past_permissions(Err(Error::Answered(Box::new(Answer { status, code, ..Answer::default() }))))
        };
        assert!(answered(404, Some("resource_missing")).is_ok());
        assert!(answered(400, None).is_ok());
        assert!(answered(404, None).is_err(), "an address that Stripe does not know shows nothing");
    }

    #[test]
    fn the_link_ticks_them_all() {
        let path = key_page_path(Mode::Test);
        assert!(path.starts_with("test/apikeys/create?"));
        for permission in PERMISSIONS {
            assert!(path.contains(&format!("permissions[]={}", permission.name)), "{}", permission.name);
        }
    }
}
