//! People, companies and places, with the letters that real customer lists have.

/// Given names.
pub const GIVEN: &[&str] = &[
    "Ada",
    "Amélie",
    "Anders",
    "Anna",
    "Aoife",
    "Ben",
    "Björn",
    "Carlos",
    "Chiara",
    "Daniel",
    "Dmitri",
    "Elif",
    "Emma",
    "Fatima",
    "François",
    "Grace",
    "Haruto",
    "Ines",
    "Jack",
    "Jürgen",
    "Kofi",
    "Lars",
    "Léa",
    "Lucía",
    "Maria",
    "Marek",
    "Mei",
    "Mohammed",
    "Nadia",
    "Noah",
    "Olga",
    "Oliver",
    "Priya",
    "Quentin",
    "Rosa",
    "Samuel",
    "Søren",
    "Siobhán",
    "Tomás",
    "Uma",
    "Viktor",
    "Wren",
    "Xavier",
    "Yuki",
    "Zoë",
    "李娜",
    "Ångström",
    "Łukasz",
];

/// Family names.
pub const FAMILY: &[&str] = &[
    "Adams",
    "Almeida",
    "Andersson",
    "Bauer",
    "Brown",
    "Castro",
    "Clark",
    "Dubois",
    "Díaz",
    "Evans",
    "Fischer",
    "García",
    "Green",
    "Haddad",
    "Hansen",
    "Ivanov",
    "Johnson",
    "Kim",
    "Kowalski",
    "Lee",
    "López",
    "Martin",
    "Müller",
    "Nakamura",
    "Nguyen",
    "O'Brien",
    "Okafor",
    "Patel",
    "Quinn",
    "Rossi",
    "Schäfer",
    "Silva",
    "Smith",
    "Suzuki",
    "Tanaka",
    "Taylor",
    "Unal",
    "Varga",
    "Walker",
    "Wang",
    "Weiß",
    "Yılmaz",
    "Zhang",
    "Østergaard",
];

/// First words of company names.
pub const COMPANY: &[&str] = &[
    "Acorn",
    "Aurora",
    "Bluebird",
    "Cascade",
    "Cobalt",
    "Copper",
    "Delta",
    "Ember",
    "Falcon",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Maple",
    "Meridian",
    "Nimbus",
    "Northwind",
    "Oak & Ash",
    "Orchard",
    "Pioneer",
    "Quarry",
    "Redwood",
    "Saffron",
    "Summit",
    "Tidal",
    "Umbra",
    "Vertex",
    "Willow",
    "Zephyr",
];

/// Last words of company names.
pub const TRADE: &[&str] = &[
    "Analytics",
    "Bakery",
    "Books",
    "Clinics",
    "Consulting",
    "Design",
    "Energy",
    "Foods",
    "Games",
    "Health",
    "Labs",
    "Legal",
    "Logistics",
    "Media",
    "Partners",
    "Robotics",
    "School",
    "Software",
    "Studio",
    "Travel",
];

/// Mail domains of private people.
pub const MAIL: &[&str] = &["example.com", "example.org", "example.net", "mail.example.com", "post.example.org"];

/// Currency, country, city, postal code and language, by how common the currency is.
pub type Place = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Places that pay in US dollars.
pub const DOLLAR: &[Place] = &[
    ("usd", "US", "Austin", "78701", "en-US"),
    ("usd", "US", "Portland", "97201", "en-US"),
    ("usd", "US", "Chicago", "60601", "en-US"),
    ("usd", "CA", "Toronto", "M5H 2N2", "en-CA"),
    ("usd", "US", "San José", "95113", "es-US"),
];

/// Places that pay in euro.
pub const EURO: &[Place] = &[
    ("eur", "DE", "München", "80331", "de-DE"),
    ("eur", "FR", "Lyon", "69001", "fr-FR"),
    ("eur", "ES", "Málaga", "29001", "es-ES"),
    ("eur", "IE", "Galway", "H91 E2K3", "en-IE"),
];

/// Places that pay in pounds.
pub const POUND: &[Place] = &[("gbp", "GB", "Leeds", "LS1 4DY", "en-GB"), ("gbp", "GB", "Bristol", "BS1 5TR", "en-GB")];

/// Places that pay in yen, which has no minor unit.
pub const YEN: &[Place] = &[("jpy", "JP", "京都市", "604-8571", "ja-JP")];

/// Places that pay in Kuwaiti dinar, which has three decimals.
pub const DINAR: &[Place] = &[("kwd", "KW", "Kuwait City", "13001", "ar-KW")];

/// Streets.
pub const STREETS: &[&str] =
    &["Main Street", "Rue de la Paix", "Hauptstraße", "King Street", "Calle Mayor", "Mill Lane"];
