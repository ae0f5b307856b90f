//! No digit of an amount is lost between Stripe's minor units and what people read and type; what cannot be said exactly is refused.

use billfold::domain::{drafts::Amount, money};
use rust_decimal::Decimal;

use super::bytes::{Bytes, text};

const CURRENCIES: [&str; 10] = ["usd", "eur", "JPY", "kwd", "isk", "ugx", "huf", "brl", "zzz", ""];

/// Panics when an amount changes.
pub fn judge(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let named = bytes.text();
    let currency = if named.is_empty() { bytes.one_of(&CURRENCIES) } else { &named };
    let (minor, quantity) = (bytes.int(), bytes.int());
    whole(minor, currency);
    decimal(&text(bytes.take(64)), currency, quantity);
    decimal(&Decimal::from_i128_with_scale(minor.into(), u32::from(bytes.byte() % 13)).to_string(), currency, quantity);
}

/// An integer of minor units: as it is shown, and as it would be typed.
fn whole(minor: i64, currency: &str) {
    let exact = Exact::new(minor.into(), 0);
    let shown = money::format(minor, currency);
    assert_eq!(shown_as(&shown).in_minor_units(currency), Some(exact), "{minor} {currency} is shown as {shown}");
    let typed = money::major(minor, currency).to_string();
    assert_eq!(Amount::major(&typed, currency).and_then(Amount::whole), Some(minor), "{minor} {currency}: {typed}");
    assert_eq!(Amount::minor(&minor.to_string()).and_then(Amount::whole), Some(minor));
    assert_eq!(shown_as(&money::grouped(minor)), exact);
}

/// A decimal text, in minor and in major units.
fn decimal(sent: &str, currency: &str, quantity: i64) {
    let meant = Exact::read(sent.trim());
    if let Some(shown) = money::format_decimal(sent, currency) {
        assert_eq!(shown_as(&shown).in_minor_units(currency), meant, "{sent} {currency} is shown as {shown}");
    }
    for (amount, meant) in [
        (Amount::minor(sent), meant),
        (Amount::major(sent, currency), meant.and_then(|meant| meant.in_minor_units(currency))),
    ] {
        let Some(amount) = amount else { continue };
        let exact = Exact::read(&amount.text()).expect("a decimal");
        assert_eq!(Some(exact), meant, "{sent} {currency} became {amount:?}");
        assert!(exact.scale <= 12, "{sent} became {amount:?}");
        let whole = i64::try_from(exact.digits).ok().filter(|_| exact.scale == 0);
        assert_eq!(amount.whole(), whole, "{amount:?}");
        if let Some(hundredths) = amount.hundredths() {
            assert_eq!(Exact::new(hundredths.into(), 2), exact, "{amount:?}");
        }
        // the sign and the digits decide about an order
        assert_eq!(amount, Amount::minor(&amount.text()).expect("reads back"));
    }
    if let Some(meant) = meant
        && let Some(product) = meant.digits.checked_mul(quantity.into())
        && let Ok(product) = i64::try_from(product)
    {
        let exact = Exact::new(product.into(), meant.scale);
        for amount in [product, product / 10_i64.checked_pow(meant.scale).unwrap_or(i64::MAX)] {
            let is = money::is_product(sent, quantity, amount);
            assert!(!is || Exact::new(amount.into(), 0) == exact, "{quantity} times {sent} is not {amount}");
        }
    }
}

/// A decimal without rounding: digits, and how many of them stand behind the point; neither ends in a zero there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exact {
    digits: i128,
    scale: u32,
}

impl Exact {
    const fn new(mut digits: i128, mut scale: u32) -> Self {
        while scale > 0 && digits % 10 == 0 {
            (digits, scale) = (digits / 10, scale - 1);
        }
        Self { digits, scale }
    }

    /// A sign, digits and a point, and nothing else.
    fn read(text: &str) -> Option<Self> {
        let (sign, number) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (before, behind) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{before}{behind}");
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let digits: i128 = digits.parse().ok().filter(|_| plain)?;
        Some(Self::new(sign * digits, u32::try_from(behind.len()).ok()?))
    }

    /// An amount in whole units, in the minor units of the currency.
    fn in_minor_units(self, currency: &str) -> Option<Self> {
        let more = money::exponent(currency);
        let up = more.saturating_sub(self.scale);
        Some(Self::new(self.digits.checked_mul(10_i128.pow(up))?, self.scale + up - more))
    }
}

/// What a person reads: sign, digits and point.
fn shown_as(shown: &str) -> Exact {
    let plain: String = shown.chars().filter(|letter| letter.is_ascii_digit() || matches!(letter, '-' | '.')).collect();
    Exact::read(&plain).unwrap_or_else(|| panic!("{shown} is no amount"))
}
