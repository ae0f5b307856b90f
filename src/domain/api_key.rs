//! API keys: what one looks like, what one may do, how long it works.

use secrecy::{ExposeSecret as _, SecretString};

/// Random bytes in a key: 160 bits, 40 hex digits.
pub const RANDOM_BYTES: usize = 20;
/// What every key begins with.
const PREFIX: &str = "bs_";
/// Prefix, random digits and checksum.
const LENGTH: usize = PREFIX.len() + RANDOM_BYTES * 2 + 8;

/// Days for which a key works when nobody says otherwise.
pub const DEFAULT_DAYS: i64 = 90;
/// Days for which a key may work.
pub const MOST_DAYS: i64 = 365;
/// Keys of one tenant that work at once.
pub const MOST_KEYS: i64 = 50;

/// `bs_`, 40 random hex digits, and 8 more that are the CRC-32 of everything before them: a typo is recognised without
/// asking the database, and so is a key that somebody left in a repository.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Makes a key from random bytes.
    pub fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self {
        let body = format!("{PREFIX}{}", hex::encode(bytes));
        let sum = crc32fast::hash(body.as_bytes());
        Self(SecretString::from(format!("{body}{sum:08x}")))
    }

    /// Reads a key as it was sent; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != LENGTH || !plain {
            return None;
        }
        let (body, sum) = text.split_at(LENGTH - 8);
        (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(body.as_bytes())).then(|| Self(SecretString::from(text)))
    }

    /// The key itself: for the one moment in which it is shown, and for its hash.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// How the key is recognised afterwards: `bs_1a2b…c3d4`.
    pub fn shown(&self) -> String {
        let text = self.expose();
        format!("{}…{}", &text[..PREFIX.len() + 4], &text[LENGTH - 4..])
    }
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What a key may do. A closed list: a key holds these and nothing else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ApiScope { $($(#[$doc])* $name),+ }

        impl ApiScope {
            /// Every scope, resource by resource.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As stored, sent and shown: `resource:read` or `resource:write`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

scopes!(
    /// Sees customers.
    CustomersRead = "customers:read",
    /// Makes and changes customers.
    CustomersWrite = "customers:write",
    /// Sees subscriptions.
    SubscriptionsRead = "subscriptions:read",
    /// Makes, changes and ends subscriptions.
    SubscriptionsWrite = "subscriptions:write",
    /// Sees products.
    ProductsRead = "products:read",
    /// Makes, changes and archives products.
    ProductsWrite = "products:write",
    /// Sees prices.
    PricesRead = "prices:read",
    /// Makes, changes and archives prices.
    PricesWrite = "prices:write",
    /// Sees invoices.
    InvoicesRead = "invoices:read",
    /// Sends, voids and collects invoices.
    InvoicesWrite = "invoices:write",
    /// Sees charges.
    ChargesRead = "charges:read",
    /// Sees what was given back.
    RefundsRead = "refunds:read",
    /// Gives money back.
    RefundsWrite = "refunds:write",
    /// Sees Checkout sessions.
    CheckoutSessionsRead = "checkout_sessions:read",
    /// Starts and ends Checkout sessions.
    CheckoutSessionsWrite = "checkout_sessions:write",
    /// Sees portal links.
    PortalLinksRead = "portal_links:read",
    /// Makes and revokes portal links.
    PortalLinksWrite = "portal_links:write",
    /// Sees coupons and promotion codes.
    CouponsRead = "coupons:read",
    /// Makes and ends coupons and promotion codes.
    CouponsWrite = "coupons:write",
    /// Sees meters.
    MetersRead = "meters:read",
    /// Makes meters and reports usage.
    MetersWrite = "meters:write",
    /// Sees webhook events.
    EventsRead = "events:read",
    /// Sees the project and the state of its connection.
    ProjectRead = "project:read",
);

impl ApiScope {
    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text)
    }

    /// What it is about, such as `customers`.
    pub fn resource(self) -> &'static str {
        self.as_str().split(':').next().unwrap_or_default()
    }

    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        self.as_str().ends_with(":read")
    }
}

impl std::fmt::Display for ApiScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes. The empty one allows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiScopes(u64);

impl ApiScopes {
    /// Whether the set holds a scope.
    pub const fn allows(self, scope: ApiScope) -> bool {
        self.0 & (1 << scope as u64) != 0
    }

    /// Whether nothing is allowed.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in it, in the order of [`ApiScope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ApiScope> {
        ApiScope::ALL.iter().copied().filter(move |scope| self.allows(*scope))
    }

    /// From what a person or a command names; the first unknown name otherwise.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        names.into_iter().map(|name| ApiScope::parse(name).ok_or(name)).collect()
    }

    /// From the database. A scope that this version does not know is not held.
    pub fn from_stored(text: &str) -> Self {
        text.split(' ').filter_map(ApiScope::parse).collect()
    }

    /// For the database.
    pub fn to_stored(self) -> String {
        self.iter().map(ApiScope::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<ApiScope> for ApiScopes {
    fn from_iter<T: IntoIterator<Item = ApiScope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | (1 << scope as u64)))
    }
}

/// A choice of scopes with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Every scope that only reads.
    ReadOnly,
    /// Portal links alone: for the program behind a "Manage my subscription" button.
    PortalLinks,
    /// Every scope there is.
    Everything,
}

impl Preset {
    /// Every preset, the most careful first.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::PortalLinks, Self::Everything];

    /// In forms and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::PortalLinks => "portal-links",
            Self::Everything => "everything",
        }
    }

    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text)
    }

    /// What it stands for.
    pub fn scopes(self) -> ApiScopes {
        let all = ApiScope::ALL.iter().copied();
        all.filter(|scope| match self {
            Self::ReadOnly => scope.is_read(),
            Self::PortalLinks => scope.resource() == "portal_links",
            Self::Everything => true,
        })
        .collect()
    }
}

/// How long a key that was rolled goes on working beside its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Not at all.
    None,
    /// One hour.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
}

impl Grace {
    /// Every choice, the shortest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// Seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
        }
    }

    /// In forms and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "at once",
            Self::Hour => "after 1 hour",
            Self::Day => "after 24 hours",
            Self::Week => "after 7 days",
        }
    }

    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grace| grace.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_reads_back_and_every_neighbour_does_not() {
        let key = ApiKey::from_random([0xab; RANDOM_BYTES]);
        let text = key.expose().to_owned();
        assert_eq!(text.len(), 51);
        assert_eq!(key.shown(), format!("bs_abab…{}", &text[47..]));
        assert!(ApiKey::parse(&text).is_some());
        let (short, long, upper) = (&text[..50], format!("{text}0"), text.to_uppercase());
        let (wrong_digit, wrong_sum) = (text.replacen("ab", "ag", 1), text.replacen("ab", "ac", 1));
        for wrong in ["", "bs_", short, &long, &upper, &wrong_digit, &wrong_sum, &text[3..], &format!(" {text}")] {
            assert!(ApiKey::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{key:?}").contains("abab"), "a key must not print");
    }

    #[test]
    fn an_empty_set_allows_nothing_and_presets_allow_what_they_say() {
        assert!(ApiScope::ALL.iter().all(|scope| !ApiScopes::default().allows(*scope)));
        assert!(Preset::ReadOnly.scopes().iter().all(ApiScope::is_read));
        assert_eq!(Preset::PortalLinks.scopes().to_stored(), "portal_links:read portal_links:write");
        let everything = Preset::Everything.scopes();
        assert_eq!(everything.iter().count(), ApiScope::ALL.len());
        assert_eq!(ApiScopes::from_stored(&everything.to_stored()), everything);
        assert_eq!(ApiScopes::from_stored("moons:read customers:read").to_stored(), "customers:read");
        assert_eq!(ApiScopes::from_names(["customers:read", "keys:write"]), Err("keys:write"));
        assert!(ApiScope::ALL.len() <= 64, "a set is 64 bits");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".*") {
            let _ = ApiKey::parse(&text);
        }

        #[test]
        fn every_made_key_is_a_key(bytes in any::<[u8; RANDOM_BYTES]>()) {
            let key = ApiKey::from_random(bytes);
            prop_assert!(ApiKey::parse(key.expose()).is_some());
        }
    }
}
