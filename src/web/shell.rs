//! The frame around a page: who is here, where, and what the navigation shows. Every dashboard page embeds a [`Shell`].

use std::sync::{Arc, OnceLock};

use super::csrf::CsrfToken;
use super::ui::Now;
use crate::domain::role::Role;

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The value of `data-theme-pref`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What a browser without script shows.
    pub fn painted(self) -> &'static str {
        if self == Self::Dark { "dark" } else { "light" }
    }
}

/// The item of the navigation that the page belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nav {
    /// A page that is not in the navigation.
    #[default]
    None,
    /// What is connected, counts, health.
    Overview,
    /// The customers and one customer.
    Customers,
    /// The subscriptions and one subscription.
    Subscriptions,
    /// The products with their prices.
    Products,
    /// The invoices and one invoice.
    Invoices,
    /// The coupons and their promotion codes.
    Coupons,
    /// The links to the customer portal.
    PortalLinks,
    /// The webhook events.
    Events,
    /// Backfill and freshness.
    Sync,
    /// The keys of the project's programs.
    ApiKeys,
    /// The project's Stripe account.
    Connection,
    /// What the project's admins decide.
    Settings,
    /// The people of the tenant.
    Members,
    /// Who did what.
    Audit,
    /// What the tenant may use, and what it uses.
    Plan,
}

/// An item of the navigation.
#[derive(Clone, Copy, Debug)]
pub struct NavItem {
    /// What it stands for.
    pub nav: Nav,
    /// The last part of the address.
    pub path: &'static str,
    /// A symbol of the icon sprite.
    pub icon: &'static str,
    /// The text.
    pub label: &'static str,
    /// The lowest role that sees it.
    pub needs: Role,
}

impl NavItem {
    /// Whether the person of the page sees it.
    pub fn is_for(&self, shell: &Shell) -> bool {
        shell.may(self.needs)
    }
}

const fn item(nav: Nav, path: &'static str, icon: &'static str, label: &'static str) -> NavItem {
    NavItem { nav, path, icon, label, needs: Role::Viewer }
}

/// The daily work.
pub const MAIN_NAV: [NavItem; 7] = [
    item(Nav::Overview, "", "layout-dashboard", "Overview"),
    item(Nav::Customers, "customers", "users", "Customers"),
    item(Nav::Subscriptions, "subscriptions", "repeat", "Subscriptions"),
    item(Nav::Products, "products", "package", "Products"),
    item(Nav::Invoices, "invoices", "file-invoice", "Invoices"),
    item(Nav::Coupons, "coupons", "tag", "Coupons"),
    item(Nav::PortalLinks, "portal-links", "link", "Portal links"),
];

/// What keeps the mirror going, and what programs need.
pub const DEVELOPER_NAV: [NavItem; 5] = [
    item(Nav::Events, "events", "webhook", "Events"),
    item(Nav::Sync, "sync", "refresh", "Sync"),
    item(Nav::ApiKeys, "api-keys", "key", "API keys"),
    item(Nav::Connection, "connection", "plug-connected", "Connection"),
    item(Nav::Settings, "settings", "settings", "Settings"),
];

/// The business as a whole.
pub const TENANT_NAV: [NavItem; 3] = [
    item(Nav::Members, "members", "users", "Members"),
    NavItem { needs: Role::Admin, ..item(Nav::Audit, "audit", "shield-check", "Audit log") },
    NavItem { needs: Role::Admin, ..item(Nav::Plan, "plan", "receipt-2", "Plan and usage") },
];

/// Which kind of Stripe account the project shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is connected.
    #[default]
    None,
    /// A test account: no real money.
    Test,
    /// Real money.
    Live,
}

/// A tenant or project in the switcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Our id.
    pub id: String,
    /// The name that people gave it.
    pub name: String,
}

/// What stands over every page while a project's mirror cannot keep up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// One sentence.
    pub text: String,
    /// The page where something can be done about it.
    pub path: String,
    /// What the link to it says.
    pub called: &'static str,
}

/// The frame of a dashboard page.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Light or dark.
    pub theme: Theme,
    /// The token that every form and htmx request carries.
    pub csrf: CsrfToken,
    /// What "3 minutes ago" is counted from, and how the person reads times.
    pub now: Now,
    /// The e-mail address of the person.
    pub email: String,
    /// The role in this tenant.
    pub role: Role,
    /// The tenant of the page.
    pub tenant: Choice,
    /// The project of the page; None on pages of the whole tenant.
    pub project: Option<Choice>,
    /// The tenants of the person.
    pub tenants: Vec<Choice>,
    /// The projects of the tenant.
    pub projects: Vec<Choice>,
    /// Test or live.
    pub mode: Mode,
    /// What is wrong with a connection.
    pub alert: Option<Alert>,
    /// Whether the person runs this installation.
    pub operator: bool,
    /// What the tenant's people should know about its plan and payment.
    pub banners: Vec<Banner>,
    /// Unix seconds: an operator looks at these pages until then; none for the tenant's own people.
    pub looking_until: Option<i64>,
    /// The item of the navigation to mark.
    pub active: Nav,
}

/// A sentence over every page of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// The colour of the notice; empty is for attention.
    pub tone: &'static str,
    /// What there is to know.
    pub text: String,
    /// Whether the page about plan and usage says more to this person.
    pub leads_on: bool,
}

impl Shell {
    /// The address of a page of this project, `path` without a leading slash.
    pub fn url(&self, path: impl AsRef<str>) -> String {
        let path = path.as_ref();
        match &self.project {
            Some(project) => format!("/t/{}/p/{}/{path}", self.tenant.id, project.id),
            None => format!("/t/{}/{path}", self.tenant.id),
        }
    }

    /// Whether the person may do what needs `role`: for hiding buttons. The extractor of the handler is what refuses.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// The address of a page of the tenant as a whole, `path` without a leading slash.
    pub fn tenant_url(&self, path: impl AsRef<str>) -> String {
        format!("/t/{}/{}", self.tenant.id, path.as_ref())
    }

    /// The address of another project of the tenant.
    pub fn project_url(&self, project: &str) -> String {
        format!("/t/{}/p/{project}/", self.tenant.id)
    }

    /// Up to two letters for the round sign of the account menu.
    pub fn initials(&self) -> String {
        initials(self.email.split('@').next().unwrap_or_default())
    }
}

/// Up to two letters that stand for a name.
pub fn initials(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase).collect()
}

/// The page of a person's own settings that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountNav {
    /// A page that is not in the navigation.
    #[default]
    None,
    /// Name and looks.
    Profile,
    /// The password.
    Password,
    /// The second step of the sign-in.
    TwoFactor,
    /// Devices that sign the person in.
    Passkeys,
    /// Where the person is signed in.
    Sessions,
}

/// An item of that navigation.
#[derive(Clone, Copy, Debug)]
pub struct AccountItem {
    /// What it stands for.
    pub nav: AccountNav,
    /// The address.
    pub path: &'static str,
    /// A symbol of the icon sprite.
    pub icon: &'static str,
    /// The text.
    pub label: &'static str,
}

const fn account(nav: AccountNav, path: &'static str, icon: &'static str, label: &'static str) -> AccountItem {
    AccountItem { nav, path, icon, label }
}

/// The pages of a person's own settings.
pub const ACCOUNT_NAV: [AccountItem; 5] = [
    account(AccountNav::Profile, "/account", "user", "Profile"),
    account(AccountNav::Password, "/account/password", "lock", "Password"),
    account(AccountNav::TwoFactor, "/account/two-factor", "shield-lock", "Two-factor sign-in"),
    account(AccountNav::Passkeys, "/account/passkeys", "key", "Passkeys"),
    account(AccountNav::Sessions, "/account/sessions", "device-desktop", "Sessions"),
];

/// The frame of a page about the person who is signed in. It belongs to no tenant.
#[derive(Clone, Debug)]
pub struct AccountShell {
    /// Light or dark.
    pub theme: Theme,
    /// The token that every form carries.
    pub csrf: CsrfToken,
    /// The moment, and how the person reads times.
    pub now: Now,
    /// The e-mail address of the person.
    pub email: String,
    /// The item of the navigation to mark.
    pub active: AccountNav,
}

/// The frame of a page outside the dashboard: login, set-up, errors.
#[derive(Clone, Debug)]
pub struct PublicShell {
    /// Light or dark.
    pub theme: Theme,
    /// The token of the visitor; None where the page has no form.
    pub csrf: Option<CsrfToken>,
}

impl PublicShell {
    /// For a page without a form.
    pub fn bare(theme: Theme) -> Self {
        Self { theme, csrf: None }
    }
}

/// Where an extractor leaves the shell, so that an error page can keep the navigation. It travels in the request's extensions.
#[derive(Clone, Debug, Default)]
pub struct Frame(Arc<OnceLock<Shell>>);

impl Frame {
    /// Keeps a copy for a possible error page; the first one counts.
    pub fn put(&self, shell: &Shell) {
        self.0.get_or_init(|| shell.clone());
    }

    /// The shell, when an extractor got that far.
    pub fn shell(&self) -> Option<&Shell> {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn a_sign_has_at_most_two_letters() {
        assert_eq!(initials("ada.lovelace"), "AL");
        assert_eq!(initials("Northwind Labs Ltd"), "NL");
        assert_eq!(initials("özil"), "Ö");
        assert_eq!(initials("…"), "");
    }
}
