//! The kinds of Stripe objects that billfold mirrors, and the ids their rows have.

use sha2::{Digest, Sha256};

use super::ids::{ProjectId, base32};

/// A mirrored kind. The order is the order in which a backfill offers them to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `customer`
    Customer,
    /// `product`
    Product,
    /// `price`
    Price,
    /// `subscription`, with its items
    Subscription,
    /// `invoice`, with its lines
    Invoice,
    /// `charge`
    Charge,
}

impl Kind {
    /// Every mirrored kind.
    pub const ALL: [Self; 6] =
        [Self::Customer, Self::Product, Self::Price, Self::Subscription, Self::Invoice, Self::Charge];

    /// Stripe's `object` name; also what the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Product => "product",
            Self::Price => "price",
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::Charge => "charge",
        }
    }

    /// The plural: Stripe's list path, our table and our page.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Product => "products",
            Self::Price => "prices",
            Self::Subscription => "subscriptions",
            Self::Invoice => "invoices",
            Self::Charge => "charges",
        }
    }

    /// From Stripe's `object` name.
    pub fn parse(object: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == object)
    }

    /// The prefix of our derived ids.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Customer => "pc_",
            Self::Product => "pp_",
            Self::Price => "pri_",
            Self::Subscription => "ps_",
            Self::Invoice => "pin_",
            Self::Charge => "pch_",
        }
    }

    /// Our id of a Stripe object: known before the object arrives, the same in a rebuilt mirror, and different in each
    /// project. Prefix and 24 characters of base32(SHA-256(project id, ':', Stripe id)).
    pub fn derive_id(self, project: &ProjectId, stripe_id: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(project.as_str());
        hash.update(b":");
        hash.update(stripe_id);
        format!("{}{}", self.prefix(), base32(&hash.finalize()[..15]))
    }

    /// Our id from either kind of id: ours is taken as it is, anything else counts as Stripe's.
    pub fn resolve_id(self, project: &ProjectId, id: &str) -> String {
        match id.strip_prefix(self.prefix()) {
            Some(rest) if rest.len() == 24 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) => {
                id.to_owned()
            }
            _ => self.derive_id(project, id),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Three characters made from a project and a kind: one trigram, by which the search index is narrowed to them. Two projects
/// may share it by chance; the query names the project as well, so that costs time and nothing else.
pub fn search_scope(project: &ProjectId, kind: Kind) -> String {
    const FIRST: u32 = 0x4e00; // the CJK ideographs: one block of letters, no case, no combining marks
    const LETTERS: u32 = 0x5200;
    let hash = Sha256::digest(format!("{project}:{kind}"));
    hash[..6]
        .chunks_exact(2)
        .filter_map(|pair| char::from_u32(FIRST + u32::from(u16::from_be_bytes([pair[0], pair[1]])) % LETTERS))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, search_scope};
    use crate::domain::ids::{Id, ProjectId};

    #[test]
    fn derived_ids_are_stable_and_belong_to_a_project() {
        let (one, two) = (ProjectId::from_random([1; 15]), ProjectId::from_random([2; 15]));
        let id = Kind::Customer.derive_id(&one, "cus_1");
        assert_eq!(id.len(), 27);
        assert_eq!(id, Kind::Customer.derive_id(&one, "cus_1"));
        assert_ne!(id, Kind::Customer.derive_id(&two, "cus_1"));
        assert_eq!(Kind::Customer.resolve_id(&one, &id), id);
        assert_eq!(Kind::Customer.resolve_id(&one, "cus_1"), id);
        assert_eq!(search_scope(&one, Kind::Customer).chars().count(), 3);
    }
}
