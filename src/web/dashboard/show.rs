//! Small values that several pages show: amounts with their code, names with a fallback, parts of Stripe's objects in words.

use crate::domain::money;
use crate::domain::raw::Raw;
use crate::web::access::Viewer;

use super::jump::is_id;

/// An amount for a template: the number, and the code that stands small beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// `$1,234.50`
    pub text: String,
    /// `USD`
    pub code: String,
}

/// `minor` in minor units.
pub fn amount(minor: i64, currency: &str) -> Amount {
    Amount { text: money::format(minor, currency), code: money::code(currency) }
}

/// A name, else the e-mail address, else the id.
pub fn called<'a>(name: &'a str, email: &'a str, id: &'a str) -> &'a str {
    [name, email].into_iter().find(|text| !text.trim().is_empty()).unwrap_or(id)
}

/// The page of an object in Stripe's dashboard, below its address; none for an id that does not belong into an address.
pub fn stripe_path(viewer: &Viewer, folder: &str, id: &str) -> Option<String> {
    let mode = if viewer.project.livemode == Some(false) { "test/" } else { "" };
    is_id(id).then(|| format!("{mode}{folder}/{id}"))
}

/// A label and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// What it says.
    pub text: String,
}

/// The texts that are there, with their labels.
pub fn facts<const N: usize>(all: [(&'static str, Option<String>); N]) -> Vec<Fact> {
    all.into_iter().filter_map(|(label, text)| text.map(|text| Fact { label, text })).collect()
}

/// An address in one line.
pub fn address(raw: &Raw, pointer: &str) -> Option<String> {
    let part = |name: &str| raw.text(&format!("{pointer}/{name}")).map(ToOwned::to_owned);
    let city = [part("postal_code"), part("city")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [part("line1"), part("line2"), Some(city), part("state"), part("country")];
    let line = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    (!line.is_empty()).then_some(line)
}

/// The discounts of an object: `Welcome: 20% off for 3 months`. Their shape changed twice; an id that is all there is says so.
pub fn discounts(raw: &Raw) -> Vec<String> {
    let many = raw.list("/discounts");
    let one = raw.at("/discount");
    let all = if many.is_empty() && !one.is_empty() { vec![one] } else { many };
    all.iter().map(discount).collect()
}

fn discount(discount: &Raw) -> String {
    let coupon = [discount.at("/source/coupon"), discount.at("/coupon")].into_iter().find(|coupon| !coupon.is_empty());
    let Some(coupon) = coupon else {
        return discount.text("").or(discount.text("/id")).unwrap_or("Discount").to_owned();
    };
    let name = coupon.text("/name").or(coupon.reference("")).unwrap_or("Coupon");
    let off = match (coupon.number("/percent_off"), coupon.int("/amount_off")) {
        (Some(percent), _) => format!(": {percent}% off"),
        (None, Some(minor)) => {
            format!(": {} off", money::with_code(minor, coupon.text("/currency").unwrap_or_default()))
        }
        (None, None) => String::new(),
    };
    let duration = match (coupon.text("/duration"), coupon.int("/duration_in_months")) {
        (Some("repeating"), Some(months)) => format!(" for {months} months"),
        (Some("once"), _) => " once".to_owned(),
        (Some("forever"), _) => " forever".to_owned(),
        _ => String::new(),
    };
    format!("{name}{off}{duration}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_always_called_something() {
        assert_eq!(called("Ada", "a@x.example", "cus_1"), "Ada");
        assert_eq!(called(" ", "a@x.example", "cus_1"), "a@x.example");
        assert_eq!(called("", "", "cus_1"), "cus_1");
    }

    #[test]
    fn an_address_has_only_the_parts_it_has() {
        let raw = Raw::parse(
            r#"{"address":{"line1":"1 Main St","line2":null,"city":"Bern","postal_code":"3000","country":"CH"}}"#,
        );
        assert_eq!(address(&raw, "/address").as_deref(), Some("1 Main St, 3000 Bern, CH"));
        assert_eq!(address(&raw, "/shipping"), None);
    }

    #[test]
    fn discounts_of_every_age_are_read() {
        for (json, said) in [
            (
                r#"{"discount":{"coupon":{"name":"Welcome","percent_off":20,"duration":"repeating","duration_in_months":3}}}"#,
                "Welcome: 20% off for 3 months",
            ),
            (
                r#"{"discounts":[{"source":{"coupon":{"id":"x","amount_off":500,"currency":"usd","duration":"once"}}}]}"#,
                "x: $5.00 USD off once",
            ),
            (r#"{"discounts":[{"source":{"coupon":"SUMMER"}}]}"#, "SUMMER"),
            (r#"{"discounts":["di_1"]}"#, "di_1"),
        ] {
            assert_eq!(discounts(&Raw::parse(json)), [said], "{json}");
        }
        assert!(discounts(&Raw::parse("{}")).is_empty());
    }
}
