//! Amounts as people read them. Stripe gives every amount as an integer in the currency's minor unit; how many decimals
//! that unit has is Stripe's own table, which differs from ISO 4217 and from every currency library.

use rust_decimal::Decimal;
use rusty_money::{Findable, FormattableCurrency, Formatter, Money, Params, Position, iso};

/// Currencies whose minor unit is the whole unit (docs.stripe.com/currencies, "Zero-decimal currencies").
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies with a thousandth as minor unit (same page, "Three-decimal currencies").
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies that have no fraction any more, while Stripe still counts in hundredths (same page, "Special cases").
const HUNDREDTHS_BY_HABIT: [&str; 2] = ["isk", "ugx"];

/// How many decimals Stripe's minor unit of a currency has. `currency` is an ISO code in any case; unknown ones have two.
pub fn exponent(currency: &str) -> u32 {
    let is = |code: &&str| code.eq_ignore_ascii_case(currency);
    if ZERO_DECIMAL.iter().any(is) {
        0
    } else if THREE_DECIMAL.iter().any(is) {
        3
    } else {
        2
    }
}

/// An amount with its sign, symbol and separators, exact to the last digit: `-$1,234.50`. The symbol alone does not tell
/// dollars apart: show [`code`] beside it. `minor` is in minor units.
pub fn format(minor: i64, currency: &str) -> String {
    write(major(minor, currency), currency)
}

/// An amount in whole units with the currency's decimals: `1234.50`. `minor` is in minor units.
pub fn major(minor: i64, currency: &str) -> Decimal {
    let by_habit = HUNDREDTHS_BY_HABIT.iter().any(|code| code.eq_ignore_ascii_case(currency));
    if by_habit && minor % 100 == 0 {
        return Decimal::from(minor / 100);
    }
    Decimal::from_i128_with_scale(i128::from(minor), exponent(currency))
}

/// A decimal amount in minor units, as in `unit_amount_decimal`, with as many decimals as it needs: `0.05` cents is
/// `$0.0005`. None when the text is no decimal.
pub fn format_decimal(minor: &str, currency: &str) -> Option<String> {
    Some(write(major_decimal(minor, currency)?, currency))
}

/// As [`major`], of a decimal amount in minor units.
pub fn major_decimal(minor: &str, currency: &str) -> Option<Decimal> {
    let mut amount = decimal(minor)?.normalize();
    amount.set_scale(amount.scale() + exponent(currency)).ok()?;
    Some(amount)
}

/// Whether a decimal unit amount times a quantity is an amount, all in minor units.
pub fn is_product(unit: &str, quantity: i64, amount: i64) -> bool {
    let Some(unit) = decimal(unit).map(|unit| unit.normalize()) else { return false };
    // Decimals are rounded where they grow too long; these integers never are.
    let product = unit.mantissa().checked_mul(i128::from(quantity));
    let shifted = i128::from(amount).checked_mul(10_i128.pow(unit.scale()));
    product.is_some() && product == shifted
}

/// A number as it is typed or sent: sign, digits and a point, exactly or not at all.
pub fn decimal(text: &str) -> Option<Decimal> {
    // the crate reads `1_000` as well, which nobody means who types it
    Decimal::from_str_exact(text.trim()).ok().filter(|_| !text.contains('_'))
}

/// A plain number with separators: `1,500,000`.
pub fn grouped(number: i64) -> String {
    write(Decimal::from(number), "")
}

/// The ISO code in capitals.
pub fn code(currency: &str) -> String {
    currency.to_ascii_uppercase()
}

/// Amount and code in one text: `$1,234.50 USD`.
pub fn with_code(minor: i64, currency: &str) -> String {
    format!("{} {}", format(minor, currency), code(currency))
}

/// The currency's sign where it stands well before an amount, such as `$`.
pub fn symbol(currency: &str) -> Option<&'static str> {
    let known = iso::Currency::find(&code(currency))?;
    Some(known.symbol()).filter(|symbol| is_sign(symbol))
}

/// As [`format()`], of an amount in whole units.
pub fn write(amount: Decimal, currency: &str) -> String {
    let known = iso::Currency::find(&code(currency)).unwrap_or(iso::XXX);
    let params = Params {
        digit_separator: ',',
        exponent_separator: '.',
        separator_pattern: &[3; 10],
        positions: &[Position::Sign, Position::Symbol, Position::Amount],
        rounding: None,
        symbol: Some(known.symbol()).filter(|symbol| is_sign(symbol)),
        code: None,
    };
    Formatter::money(&Money::from_decimal(amount, known), params)
}

/// Whether a symbol stands well before an amount in a left-to-right text: `$` and `R$` do, `kr.` and `د.ك` do not.
fn is_sign(symbol: &str) -> bool {
    matches!(symbol.chars().next_back(), Some('$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_have_stripes_decimals() {
        for (minor, currency, shown) in [
            (1_000, "usd", "$10.00"),
            (-1_000, "usd", "-$10.00"),
            (5, "eur", "€0.05"),
            (0, "usd", "$0.00"),
            (500, "jpy", "¥500"),
            (-12_345, "JPY", "-¥12,345"),
            (5_120, "kwd", "5.120"),
            (123_456, "huf", "1,234.56"),
            (100, "twd", "$1.00"),
            (500, "isk", "5"),
            (4_010, "isk", "40.10"),
            (500, "ugx", "5"),
            (1_500, "mga", "1,500"),
            (250_000, "brl", "R$2,500.00"),
            (9_007_199_254_740_993, "usd", "$90,071,992,547,409.93"),
            (i64::MIN, "jpy", "-¥9,223,372,036,854,775,808"),
            (100, "zzz", "1.00"),
        ] {
            assert_eq!(format(minor, currency), shown, "{minor} {currency}");
        }
        assert_eq!(grouped(1_500_000), "1,500,000");
        assert_eq!(with_code(-12, "usd"), "-$0.12 USD");
    }

    #[test]
    fn unit_amounts_may_be_finer_than_the_minor_unit() {
        for (minor, currency, shown) in [
            ("0.05", "usd", "$0.0005"),
            ("1000", "usd", "$10.00"),
            ("1050.5", "usd", "$10.505"),
            ("1.50", "usd", "$0.015"),
            ("100", "jpy", "¥100"),
            ("0.5", "jpy", "¥0.5"),
            ("0", "usd", "$0.00"),
            ("2500000000", "usd", "$25,000,000.00"),
        ] {
            assert_eq!(format_decimal(minor, currency).as_deref(), Some(shown), "{minor} {currency}");
        }
        for wrong in ["", "much", "1_000", "1e3", "0x10", "1,000", "1 000", &"9".repeat(40)] {
            assert_eq!(format_decimal(wrong, "usd"), None, "{wrong}");
        }
        assert!(is_product("0.5", 30, 15) && !is_product("700", 30, 4_200) && !is_product("x", 1, 1));
        let nearly_one = "0.9999999999999999999999999999";
        assert!(!is_product(nearly_one, 100_000_001, 100_000_001), "no rounding");
        assert!(
            is_product("79228162514264337593543950335", 0, 0) && !is_product("79228162514264337593543950335", 9, 9)
        );
    }

    proptest! {
        #[test]
        fn every_digit_survives(minor in any::<i64>(), currency in prop::sample::select(vec!["usd", "jpy", "kwd", "xyz"])) {
            let digits: String = format(minor, currency).chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            prop_assert_eq!(digits.parse::<i64>(), Ok(minor));
        }
    }
}
