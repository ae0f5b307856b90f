//! Payment cards: those that seeded customers hold, and Stripe's test cards with what becomes of them.

use serde_json::Value;

use crate::standin::dice::{Dice, hash_text};
use crate::standin::errors::ApiError;
use crate::standin::shape::Fields;

/// A card as payment methods and charges show it.
#[derive(Clone, Debug)]
pub struct Card {
    /// `visa`, `mastercard`, `amex`
    pub brand: String,
    /// Two letters.
    pub country: String,
    /// 1 to 12.
    pub exp_month: i64,
    /// Four digits.
    pub exp_year: i64,
    /// The same for every copy of the card.
    pub fingerprint: String,
    /// `credit` or `debit`
    pub funding: String,
    /// The last four digits.
    pub last4: String,
}

/// Why a bank says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stripe's error code.
    pub code: &'static str,
    /// The bank's reason.
    pub decline_code: &'static str,
    /// The sentence for people.
    pub message: &'static str,
    /// Already when the card is kept for later, not only when it is asked for money.
    pub at_once: bool,
}

const fn refusal(code: &'static str, decline_code: &'static str, message: &'static str, at_once: bool) -> Refusal {
    Refusal { code, decline_code, message, at_once }
}

/// What a bank says that gives no reason.
pub const GENERIC: Refusal = refusal("card_declined", "generic_decline", DECLINED, true);

const DECLINED: &str = "Your card was declined.";
const FUNDS: &str = "Your card has insufficient funds.";
const EXPIRED: &str = "Your card has expired.";
const AUTHENTICATION: &str = "Your card was declined. This transaction requires authentication.";

/// Name after `pm_card_` and `tok_`, number, brand, funding, and what the bank says.
type TestCard = (&'static str, &'static str, &'static str, &'static str, Option<Refusal>);

const TEST_CARDS: [TestCard; 10] = [
    ("visa", "4242424242424242", "visa", "credit", None),
    ("visa_debit", "4000056655665556", "visa", "debit", None),
    ("mastercard", "5555555555554444", "mastercard", "credit", None),
    ("amex", "378282246310005", "amex", "credit", None),
    ("chargeDeclined", "4000000000000002", "visa", "credit", Some(GENERIC)),
    ("visa_chargeDeclined", "4000000000000002", "visa", "credit", Some(GENERIC)),
    (
        "chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "visa",
        "credit",
        Some(refusal("card_declined", "insufficient_funds", FUNDS, true)),
    ),
    (
        "chargeDeclinedExpiredCard",
        "4000000000000069",
        "visa",
        "credit",
        Some(refusal("expired_card", "expired_card", EXPIRED, true)),
    ),
    (
        "chargeCustomerFail",
        "4000000000000341",
        "visa",
        "credit",
        Some(refusal("card_declined", "generic_decline", DECLINED, false)),
    ),
    (
        "authenticationRequired",
        "4000002760003184",
        "visa",
        "credit",
        Some(refusal("authentication_required", "authentication_required", AUTHENTICATION, false)),
    ),
];

/// The card behind the "decline" button of a payment page.
pub const DECLINING: &str = "chargeDeclined";
/// The card behind the "pay" button of a payment page.
pub const PAYING: &str = "visa";

impl Card {
    /// The card of a seeded customer: the same number is the same card.
    pub fn drawn(number: u64, country: &str) -> Self {
        let mut dice = Dice::of(number, 13, 0);
        let mut pick = |words: &[&'static str]| dice.pick(words).copied().unwrap_or_default().to_owned();
        let (brand, funding) = (pick(&["visa", "visa", "mastercard", "amex"]), pick(&["credit", "debit"]));
        Self {
            brand,
            country: country.to_owned(),
            exp_month: dice.between(1, 12),
            exp_year: dice.between(2027, 2032),
            fingerprint: dice.letters(16),
            funding,
            last4: format!("{:04}", dice.between(0, 9999)),
        }
    }

    /// A test card by its name, such as `visa` of `pm_card_visa`.
    pub fn test(name: &str) -> Option<Self> {
        TEST_CARDS.iter().find(|card| card.0 == name).map(Self::from_row)
    }

    /// A test card by its number.
    pub fn numbered(number: &str) -> Option<Self> {
        TEST_CARDS.iter().find(|card| card.1 == number).map(Self::from_row)
    }

    fn from_row((_, number, brand, funding, _): &TestCard) -> Self {
        Self {
            brand: (*brand).to_owned(),
            country: "US".to_owned(),
            exp_month: 12,
            exp_year: 2034,
            fingerprint: fingerprint(number),
            funding: (*funding).to_owned(),
            last4: number[number.len() - 4..].to_owned(),
        }
    }

    /// The card of a payment method.
    pub fn of(method: &Value) -> Self {
        let card = &method["card"];
        let text = |name: &str| card[name].as_str().unwrap_or_default().to_owned();
        Self {
            brand: text("brand"),
            country: text("country"),
            exp_month: card["exp_month"].as_i64().unwrap_or(1),
            exp_year: card["exp_year"].as_i64().unwrap_or(2034),
            fingerprint: text("fingerprint"),
            funding: text("funding"),
            last4: text("last4"),
        }
    }

    /// Why this card is refused, if it is.
    pub fn refusal(&self) -> Option<Refusal> {
        TEST_CARDS.iter().find(|card| fingerprint(card.1) == self.fingerprint).and_then(|card| card.4)
    }

    /// The places of a shape that show a card.
    pub fn fields(&self, fields: Fields) -> Fields {
        fields
            .text("brand", &self.brand)
            .text("country", &self.country)
            .int("exp_month", self.exp_month)
            .int("exp_year", self.exp_year)
            .text("fingerprint", &self.fingerprint)
            .text("funding", &self.funding)
            .text("last4", &self.last4)
    }
}

fn fingerprint(number: &str) -> String {
    Dice::of(hash_text(number), 14, 0).letters(16)
}

impl Refusal {
    /// The error that a request gets.
    pub fn error(self) -> ApiError {
        ApiError::card(self.code, self.decline_code, self.message)
    }
}
