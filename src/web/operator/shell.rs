//! The frame around the operator's pages.

use crate::web::csrf::CsrfToken;
use crate::web::shell::Theme;
use crate::web::ui::Now;

/// The item of the navigation that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// The tenants and one tenant.
    Tenants,
    /// What tenants may use.
    Plans,
    /// What waits and what failed.
    Jobs,
    /// How tenants begin and pay.
    Settings,
}

/// An item of the navigation.
#[derive(Clone, Copy, Debug)]
pub struct NavItem {
    /// What it stands for.
    pub nav: Nav,
    /// The address.
    pub path: &'static str,
    /// A symbol of the icon sprite.
    pub icon: &'static str,
    /// The text.
    pub label: &'static str,
}

const fn item(nav: Nav, path: &'static str, icon: &'static str, label: &'static str) -> NavItem {
    NavItem { nav, path, icon, label }
}

/// The operator's pages.
pub const NAV: [NavItem; 4] = [
    item(Nav::Tenants, "/operator", "building-store", "Tenants"),
    item(Nav::Plans, "/operator/plans", "receipt-2", "Plans"),
    item(Nav::Jobs, "/operator/jobs", "inbox", "Jobs"),
    item(Nav::Settings, "/operator/settings", "settings", "Settings"),
];

/// The frame.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Light or dark.
    pub theme: Theme,
    /// The token that every form carries.
    pub csrf: CsrfToken,
    /// The moment, and how the person reads times.
    pub now: Now,
    /// The e-mail address of the operator.
    pub email: String,
    /// The item of the navigation to mark.
    pub active: Nav,
}
