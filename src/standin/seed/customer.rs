//! Seeded customers.

use super::Seed;
use super::names::{self, Place};
use super::payment;
use crate::standin::dice::Dice;
use crate::standin::kind::Kind;
use crate::standin::objects::customer::SHAPE;
use crate::standin::shape::{Fields, push_text};

/// What other objects need to know about a customer.
#[derive(Debug)]
pub struct Who {
    /// Name, possibly of a company.
    pub name: String,
    /// E-mail address, different for every customer of an account.
    pub email: String,
    /// Currency, country, city, postal code, language.
    pub place: &'static Place,
    /// House number and street.
    pub street: String,
    /// The prefix of the customer's invoice numbers.
    pub prefix: String,
}

/// Where customer `n` lives, which decides the currency.
pub fn place(seed: u64, n: u64) -> &'static Place {
    let mut dice = Dice::of(seed, 3, n);
    let group = match (n, dice.below(100)) {
        (3, _) | (_, 95..=97) => names::YEN,
        (5, _) | (_, 98..=99) => names::DINAR,
        (_, 0..=54) => names::DOLLAR,
        (_, 55..=80) => names::EURO,
        _ => names::POUND,
    };
    dice.pick(group).unwrap_or(&names::DOLLAR[0])
}

/// Everything personal about customer `n`.
pub fn who(seed: u64, n: u64) -> Who {
    let mut dice = Dice::of(seed, 4, n);
    let mut word = |list: &'static [&'static str]| dice.pick(list).copied().unwrap_or_default();
    let (given, family) = (word(names::GIVEN), word(names::FAMILY));
    let (company, trade, mail, street) =
        (word(names::COMPANY), word(names::TRADE), word(names::MAIL), word(names::STREETS));
    let business = dice.chance(0.35);
    let (name, email) = if business {
        let domain = format!("{}-{}.example", ascii(company), ascii(trade));
        (format!("{company} {trade}"), format!("{}{n}@{domain}", ["billing", "accounts", "finance"][(n % 3) as usize]))
    } else {
        (format!("{given} {family}"), format!("{}.{}{n}@{mail}", ascii(given), ascii(family)))
    };
    Who {
        name,
        email,
        place: place(seed, n),
        street: format!("{} {street}", 1 + dice.below(240)),
        prefix: dice.letters(8).to_uppercase(),
    }
}

/// Letters that fit a mailbox name.
fn ascii(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if plain.is_empty() { "customer".to_owned() } else { plain }
}

/// The address of a customer as JSON.
pub fn push_address(who: &Who, out: &mut Vec<u8>) {
    let (_, country, city, postal_code, _) = *who.place;
    for (name, value) in [
        ("{\"city\":", city),
        (",\"country\":", country),
        (",\"line1\":", who.street.as_str()),
        (",\"line2\":null,\"postal_code\":", postal_code),
    ] {
        out.extend_from_slice(name.as_bytes());
        push_text(out, value);
    }
    out.extend_from_slice(b",\"state\":null}");
}

/// Writes customer `n`.
pub fn write(seed: &Seed, n: u64, out: &mut Vec<u8>) {
    let who = who(seed.calendar.seed, n);
    let mut dice = Dice::of(seed.calendar.seed, 5, n);
    let (currency, _, _, _, locale) = *who.place;
    let payment_method = seed.ids.id(Kind::PaymentMethod, n);
    let fields = Fields::new()
        .text("id", &seed.ids.id(Kind::Customer, n))
        .with("address", |out| push_address(&who, out))
        .int("created", seed.calendar.customer(n))
        .text("currency", currency)
        .flag("delinquent", seed.is_delinquent(n))
        .text("email", &who.email)
        .text("invoice_prefix", &who.prefix)
        .opt_text("payment_method", payment::is_default(seed, n).then_some(payment_method.as_str()))
        .flag("livemode", seed.live)
        .with("metadata", |out| push_metadata(&mut dice, n, out))
        .text("name", &who.name)
        .int("next_invoice_sequence", seed.next_invoice_sequence(n))
        .opt_text("phone", dice.chance(0.3).then_some("+15550100200"))
        .with("locales", |out| {
            out.push(b'[');
            push_text(out, locale);
            out.push(b']');
        });
    SHAPE.write(&fields, out);
}

fn push_metadata(dice: &mut Dice, n: u64, out: &mut Vec<u8>) {
    let text = match dice.below(4) {
        0 => format!(r#"{{"account_id":"{n}","source":"website"}}"#),
        1 => format!(r#"{{"account_id":"{n}"}}"#),
        _ => "{}".to_owned(),
    };
    out.extend_from_slice(text.as_bytes());
}
