//! What billfold needs from a restricted key, and why. The form, the link to Stripe's key page, the check and the
//! documentation all read this one table.

use super::{client::Client, error::Error, list::ListParams};
use crate::domain::{kind::Kind, mode::Mode};

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
    /// Makes the webhook endpoint: a write cannot be tried without doing it.
    CreateEndpoint,
    /// None: what a person does on a page shows it.
    ByUse,
}

const fn read(resource: &'static str, name: &'static str, kind: Kind, purpose: &'static str) -> Permission {
    Permission { resource, name, access: Access::Read, need: Need::Required, purpose, probe: Probe::List(kind) }
}

const fn write(resource: &'static str, name: &'static str, purpose: &'static str) -> Permission {
    Permission { resource, name, access: Access::Write, need: Need::Optional, purpose, probe: Probe::ByUse }
}

const fn read_only(resource: &'static str, name: &'static str, purpose: &'static str) -> Permission {
    Permission { resource, name, access: Access::Read, need: Need::Optional, purpose, probe: Probe::ByUse }
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
    write("Customers", "rak_customer_write", "makes and edits customers"),
    write("Products", "rak_product_write", "makes, edits and archives products"),
    write("Prices", "rak_plan_write", "makes and archives prices"),
    write("Subscriptions", "rak_subscription_write", "starts, changes, pauses and ends subscriptions"),
    write("Invoices", "rak_invoice_write", "sends, collects and voids invoices, and previews what a change costs"),
    write("Charges and refunds", "rak_charge_write", "gives money back"),
    write("Checkout Sessions", "rak_checkout_session_write", "makes payment pages"),
    write("Coupons", "rak_coupon_write", "makes and ends coupons"),
    write("Promotion codes", "rak_promotion_code_write", "makes and ends codes that customers type in"),
    read_only(
        "Billing meters",
        "rak_billing_meter_read",
        "offers your meters for prices by usage, and shows customers what they used",
    ),
    read_only("SetupIntents", "rak_setup_intent_read", "takes over the card that a customer saved"),
    read_only("PaymentMethods", "rak_payment_method_read", "shows customers which card is charged"),
];

/// Stripe's page for a new restricted key, with every permission ticked: what follows `https://dashboard.stripe.com/`.
pub fn key_page_path(mode: Mode) -> String {
    let area = match mode {
        Mode::Live => "",
        Mode::Test => "test/",
    };
    let mut path = format!("{area}apikeys/create?name=billfold");
    for permission in PERMISSIONS {
        path.push_str("&permissions[]=");
        path.push_str(permission.name);
    }
    path
}

impl Client {
    /// Lists one object of a kind: shows that the key is good and may read them.
    pub async fn probe_list(&self, kind: Kind) -> Result<(), Error> {
        self.list(kind, &ListParams { limit: 1, ..ListParams::default() }).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::{Need, PERMISSIONS, Probe, key_page_path};
    use crate::domain::{kind::Kind, mode::Mode};

    #[test]
    fn every_mirrored_kind_has_its_required_permission() {
        for kind in Kind::ALL {
            let permission = PERMISSIONS.iter().find(|permission| permission.probe == Probe::List(kind)).unwrap();
            assert_eq!(permission.need, Need::Required);
        }
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
