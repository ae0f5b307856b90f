//! What customers read, in their own language. A language is a Fluent file in `templates/portal/languages`, named by its
//! code; English is the one that has every message, and the suite holds the others against it.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use http::{HeaderMap, header};
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::YMD;
use icu_datetime::input::Date;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal as Digits;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::Locale;
use rust_decimal::Decimal;
use time::OffsetDateTime;
use unic_langid::LanguageIdentifier;

use crate::domain::money;
use crate::domain::price::{Cost, Period, Terms, Tier};
use crate::domain::raw::Raw;
use crate::web::html;

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// The cookie that keeps a choice.
const COOKIE: &str = "billfold-portal-language";
/// Seconds for which a choice is kept: a year.
const KEPT: u32 = 31_536_000;
const ENGLISH: &str = "en";
/// The currencies whose sign belongs to nobody else.
const UNMISTAKABLE: [&str; 2] = ["eur", "gbp"];

static LANGUAGES: LazyLock<Vec<Language>> =
    LazyLock::new(|| FILES.iter().filter_map(|(code, text)| Language::read(code, text)).collect());

/// A language that the portal speaks.
pub struct Language {
    /// As in the `lang` attribute, such as `de`.
    pub code: &'static str,
    id: LanguageIdentifier,
    locale: Locale,
    messages: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code)
    }
}

/// Every language, in the order of their codes.
pub fn all() -> &'static [Language] {
    &LANGUAGES
}

/// The language with a code.
pub fn by_code(code: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.code == code)
}

/// The language for somebody: what they chose here, what Stripe knows of them (`preferred`), what their browser asks for, or
/// English.
pub fn choose(headers: &HeaderMap, preferred: &[String]) -> &'static Language {
    if let Some(chosen) = html::cookie(headers, COOKIE).and_then(by_code) {
        return chosen;
    }
    let sent = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut wanted: Vec<LanguageIdentifier> = preferred.iter().filter_map(|code| code.parse().ok()).collect();
    wanted.extend(accepted_languages::parse(sent));
    let known: Vec<LanguageIdentifier> = LANGUAGES.iter().map(|language| language.id.clone()).collect();
    let best = negotiate_languages(&wanted, &known, None, NegotiationStrategy::Lookup).into_iter().next();
    let best = best.and_then(|id| LANGUAGES.iter().find(|language| language.id == *id));
    best.unwrap_or_else(english)
}

/// The languages that Stripe knows a customer to prefer, the first one first.
pub fn preferred(customer: &Raw) -> Vec<String> {
    let locales = customer.list("/preferred_locales");
    locales.iter().filter_map(|locale| locale.text("").map(ToOwned::to_owned)).collect()
}

/// The cookie of a choice.
pub fn cookie(language: &Language) -> String {
    format!("{COOKIE}={}; Path=/portal; Max-Age={KEPT}; SameSite=Lax", language.code)
}

/// The language that has every message.
pub fn english() -> &'static Language {
    // `en.ftl` is compiled in and read by the suite, so there is one
    by_code(ENGLISH).unwrap_or(&LANGUAGES[0])
}

impl Language {
    fn read(code: &'static str, text: &str) -> Option<Self> {
        let id: LanguageIdentifier = code.parse().ok()?;
        let mut messages = FluentBundle::new_concurrent(vec![id.clone()]);
        messages.set_use_isolating(false); // the marks around each value would be copied with an amount
        // what Fluent cannot read is left out and said in English; the suite reads every file strictly
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(readable, _)| readable);
        messages.add_resource(resource).ok()?;
        Some(Self { locale: code.parse().ok()?, code, id, messages })
    }

    /// What the language calls itself.
    pub fn name(&self) -> String {
        self.say("language")
    }

    /// A message; in English when this language lacks it.
    pub fn say(&self, key: impl AsRef<str>) -> String {
        self.say_with(key, &[])
    }

    /// A message with values in it.
    pub fn say_with(&self, key: impl AsRef<str>, values: &[(&str, &str)]) -> String {
        let key = key.as_ref();
        self.find(key, values).or_else(|| english().find(key, values)).unwrap_or_else(|| key.to_owned())
    }

    /// A message with values in it, if this language has it.
    pub fn find(&self, key: &str, values: &[(&str, &str)]) -> Option<String> {
        let pattern = self.messages.get_message(key)?.value()?;
        let arguments: FluentArgs<'_> = values.iter().copied().collect();
        let mut problems = Vec::new();
        let text = self.messages.format_pattern(pattern, Some(&arguments), &mut problems).into_owned();
        problems.is_empty().then_some(text)
    }

    /// A day: `December 20, 2026`. `at` is in unix seconds, UTC.
    pub fn day(&self, at: i64) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let date = Date::try_new_gregorian(moment.year(), u8::from(moment.month()), moment.day());
        let formatter = FixedCalendarDateTimeFormatter::try_new((&self.locale).into(), YMD::long());
        match (date, formatter) {
            (Ok(date), Ok(formatter)) => formatter.format(&date).to_string(),
            _ => crate::domain::time::day(at),
        }
    }

    /// A day and the time of day: `December 20, 2026, 14:05 UTC`.
    pub fn moment(&self, at: i64) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        format!("{}, {:02}:{:02} UTC", self.day(at), moment.hour(), moment.minute())
    }

    /// A number with the separators of the language.
    pub fn number(&self, number: impl std::fmt::Display) -> String {
        let text = number.to_string();
        let formatter = DecimalFormatter::try_new((&self.locale).into(), DecimalFormatterOptions::default());
        match (text.parse::<Digits>(), formatter) {
            (Ok(digits), Ok(formatter)) => formatter.format(&digits).to_string(),
            _ => text,
        }
    }

    /// An amount with everything that tells its currency: `$1,234.50 USD`. `minor` is in minor units.
    pub fn money(&self, minor: i64, currency: &str) -> String {
        self.amount("money-whole", money::major(minor, currency), currency)
    }

    fn amount(&self, key: &str, amount: Decimal, currency: &str) -> String {
        let code = money::code(currency);
        let symbol = money::symbol(currency).unwrap_or(&code);
        let clear = UNMISTAKABLE.contains(&currency.to_ascii_lowercase().as_str());
        let unit = if clear { symbol } else { &code };
        let sign = if amount.is_sign_negative() { "-" } else { "" };
        let digits = self.number(amount.abs());
        let values = [("sign", sign), ("symbol", symbol), ("amount", digits.as_str()), ("code", &code), ("unit", unit)];
        self.say_with(key, &values)
    }

    /// What a price costs, in a sentence. `unit` is the product's word for one unit, as the business wrote it.
    pub fn price(&self, terms: &Terms, unit: Option<&str>) -> String {
        let cost = self.cost(terms, unit);
        let Some(period) = &terms.period else { return cost };
        let often = self.often(period);
        let key = if terms.metered { "price-metered" } else { "price-recurring" };
        self.say_with(key, &[("cost", &cost), ("often", &often)])
    }

    fn cost(&self, terms: &Terms, unit: Option<&str>) -> String {
        let show = |amount: &Decimal| self.amount("money", *amount, &terms.currency);
        let word = unit.map_or_else(|| self.say("unit"), ToOwned::to_owned);
        match &terms.cost {
            Cost::Each(amount) if unit.is_some() || terms.metered => {
                self.say_with("price-each", &[("amount", &show(amount)), ("unit", &word)])
            }
            Cost::Each(amount) => show(amount),
            Cost::Pack(amount, size) => {
                let size = self.number(size);
                self.say_with("price-pack", &[("amount", &show(amount)), ("size", &size), ("unit", &word)])
            }
            Cost::AfterFree(amount, free) => {
                let free = self.number(free);
                self.say_with("price-after-free", &[("amount", &show(amount)), ("unit", &word), ("free", &free)])
            }
            Cost::Tiers { tiers, .. } if tiers.is_empty() => self.say("price-tiered"),
            Cost::Tiers { volume, tiers } => {
                let steps: Vec<String> = tiers.iter().map(|tier| self.tier(tier, terms, *volume)).collect();
                steps.join(", ")
            }
            Cost::Chosen => self.say("price-chosen"),
            Cost::Unknown => self.say("price-unknown"),
        }
    }

    fn tier(&self, tier: &Tier, terms: &Terms, volume: bool) -> String {
        let show = |amount: Decimal| self.amount("money", amount, &terms.currency);
        let cost = match (tier.each, tier.flat) {
            (Some(each), Some(flat)) => {
                self.say_with("tier-flat-and-each", &[("flat", &show(flat)), ("each", &show(each))])
            }
            (Some(each), None) => self.say_with("tier-each", &[("each", &show(each))]),
            (None, Some(flat)) => self.say_with("tier-flat", &[("flat", &show(flat))]),
            (None, None) => self.say("tier-free"),
        };
        match (tier.up_to, volume) {
            (Some(up_to), true) => self.say_with("tier-all-up-to", &[("cost", &cost), ("count", &self.number(up_to))]),
            (Some(up_to), false) => self.say_with("tier-up-to", &[("cost", &cost), ("count", &self.number(up_to))]),
            (None, true) => self.say_with("tier-more", &[("cost", &cost)]),
            (None, false) => self.say_with("tier-rest", &[("cost", &cost)]),
        }
    }

    fn often(&self, period: &Period) -> String {
        let many = if period.count > 1 { "many" } else { "one" };
        self.say_with(format!("every-{}-{many}", period.interval), &[("count", &self.number(period.count))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::terms;

    fn keys(text: &str) -> Vec<&str> {
        let keys = text.lines().filter_map(|line| line.split_once(" = ").or(line.split_once(" =")));
        let mut keys: Vec<&str> = keys.map(|(key, _)| key).filter(|key| !key.starts_with([' ', '#', '['])).collect();
        keys.sort_unstable();
        keys
    }

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text.split("{ $").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn every_language_says_everything_with_the_same_values() {
        let (_, english) = FILES.iter().find(|(code, _)| *code == ENGLISH).expect("en.ftl");
        assert!(FILES.len() >= 5 && keys(english).len() > 50, "{}", keys(english).len());
        for (code, text) in FILES {
            assert!(FluentResource::try_new((*text).to_owned()).is_ok(), "{code}.ftl cannot be read");
            assert_eq!(keys(text), keys(english), "{code}.ftl");
            for key in keys(english) {
                let line =
                    |text: &'static str| text.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
                if !key.starts_with("money") {
                    assert_eq!(placeholders(line(text)), placeholders(line(english)), "{code}.ftl: {key}");
                }
            }
        }
    }

    #[test]
    fn the_language_is_the_chosen_the_known_or_the_browsers() {
        let headers = |cookie: &str, accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            headers
        };
        let spoken = |headers: &HeaderMap, known: &[&str]| {
            let known: Vec<String> = known.iter().map(|&code| code.to_owned()).collect();
            choose(headers, &known).code
        };
        assert_eq!(spoken(&HeaderMap::new(), &[]), "en");
        assert_eq!(spoken(&headers("a=b", "pt-BR, fr-CH;q=0.8, en;q=0.1"), &[]), "fr");
        assert_eq!(spoken(&headers("a=b", "fr"), &["ja-JP"]), "ja");
        assert_eq!(spoken(&headers("billfold-portal-language=de", "fr"), &["ja"]), "de");
        assert_eq!(spoken(&headers("billfold-portal-language=xx", "*;q=%,, -"), &["", "x-y-z"]), "en");
    }

    #[test]
    fn amounts_days_and_prices_read_as_at_home() {
        let [en, de, fr, ja] = ["en", "de", "fr", "ja"].map(|code| by_code(code).expect("a language"));
        assert_eq!(en.money(-123_450, "usd"), "-$1,234.50 USD");
        assert_eq!(de.money(123_450, "eur"), "1.234,50\u{a0}€");
        assert_eq!(de.money(-123_450, "usd"), "-1.234,50\u{a0}USD");
        assert_eq!(fr.money(123_450, "eur"), "1\u{202f}234,50\u{a0}€");
        assert_eq!(ja.money(500, "jpy"), "¥500 JPY");
        assert_eq!(en.day(1_797_724_800), "December 20, 2026");
        assert_eq!(de.day(1_797_724_800), "20. Dezember 2026");
        assert_eq!(ja.day(1_797_724_800), "2026年12月20日");
        assert_eq!(en.moment(1_797_724_800 + 3_900), "December 20, 2026, 01:05 UTC");
        let month = r#""recurring":{"interval":"month","interval_count":1}"#;
        let seat = terms(&Raw::parse(&format!(r#"{{"currency":"eur","unit_amount":7400,{month}}}"#)));
        assert_eq!(en.price(&seat, Some("seat")), "€74.00 per seat per month");
        assert_eq!(de.price(&seat, Some("Platz")), "74,00\u{a0}€ pro Platz im Monat");
        let metered = terms(&Raw::parse(
            r#"{"currency":"usd","unit_amount_decimal":"0.5","recurring":{"interval":"month","interval_count":3,"usage_type":"metered"}}"#,
        ));
        assert_eq!(en.price(&metered, None), "$0.005 per unit, by usage, billed every 3 months");
        let tiers = r#""tiers":[{"up_to":10,"unit_amount":500},{"up_to":null,"unit_amount":400,"flat_amount":100}]"#;
        let steps =
            format!(r#"{{"currency":"usd","billing_scheme":"tiered","tiers_mode":"graduated",{tiers},{month}}}"#);
        assert_eq!(
            en.price(&terms(&Raw::parse(&steps)), None),
            "units up to 10: $5.00 each, the rest: $1.00 plus $4.00 each per month"
        );
    }
}
