//! What a role may do, as one table: the page of members shows it, and the suite holds every form of the site against it.

use super::role::Role;

/// Something that people do in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Every page of every project.
    See,
    /// Customers, products, subscriptions, invoices, coupons, refunds.
    ActAtStripe,
    /// Links that let customers in or let them pay.
    InviteCustomers,
    /// The import, failed events.
    Sync,
    /// What the portal shows and where customers are sent.
    Settings,
    /// Stripe keys, signing secrets.
    Connection,
    /// Keys for programs.
    ApiKeys,
    /// Who did what.
    Audit,
    /// New projects.
    Projects,
    /// Who belongs to the tenant, and what is asked of them.
    People,
}

impl Permission {
    /// Every permission, the lowest role first.
    pub const ALL: [Self; 10] = [
        Self::See,
        Self::ActAtStripe,
        Self::InviteCustomers,
        Self::Sync,
        Self::Settings,
        Self::Connection,
        Self::ApiKeys,
        Self::Audit,
        Self::Projects,
        Self::People,
    ];

    /// The lowest role that may.
    pub const fn needs(self) -> Role {
        match self {
            Self::See => Role::Viewer,
            Self::ActAtStripe | Self::InviteCustomers | Self::Sync => Role::Member,
            Self::Settings | Self::Connection | Self::ApiKeys | Self::Audit | Self::Projects => Role::Admin,
            Self::People => Role::Owner,
        }
    }

    /// In words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::See => "See everything but secrets",
            Self::ActAtStripe => "Change customers, products, subscriptions, invoices and coupons; refund",
            Self::InviteCustomers => "Make portal links and Checkout pages",
            Self::Sync => "Start, pause and retry the import; process events again",
            Self::Settings => "Change a project's settings and its portal",
            Self::Connection => "Connect Stripe, change its keys and signing secrets",
            Self::ApiKeys => "Make, roll and revoke API keys",
            Self::Audit => "Read and export the audit log",
            Self::Projects => "Make projects",
            Self::People => "Invite, change and remove people; require two-factor sign-in",
        }
    }
}
