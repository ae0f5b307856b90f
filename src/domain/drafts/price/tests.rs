//! Sentences and flaws of every pricing model.

use super::*;
use proptest::prelude::*;

fn draft(pricing: Pricing, period: Option<Period>) -> PriceDraft {
    PriceDraft {
        currency: "usd".to_owned(),
        pricing,
        period,
        nickname: None,
        lookup_key: None,
        metadata: Metadata::new(),
    }
}

fn usd(text: &str) -> Amount {
    Amount::major(text, "usd").unwrap()
}

fn monthly(meter: Option<&str>) -> Period {
    Period { interval: Interval::Month, count: 1, meter: meter.map(ToOwned::to_owned) }
}

fn tier(up_to: Option<i64>, unit: Option<&str>, flat: Option<&str>) -> Tier {
    Tier { up_to, unit_amount: unit.map(usd), flat_amount: flat.map(usd) }
}

#[test]
fn every_model_reads_like_a_sentence() {
    let free_first = vec![tier(Some(5), Some("0"), None), tier(None, Some("10"), None)];
    let steps = vec![tier(Some(10), Some("5"), None), tier(None, Some("4"), Some("1"))];
    for (pricing, period, unit, said) in [
        (Pricing::PerUnit(usd("99")), None, None, "$99.00"),
        (Pricing::PerUnit(usd("10")), Some(monthly(None)), None, "$10.00 per month"),
        (Pricing::PerUnit(usd("10")), Some(monthly(None)), Some("seat"), "$10.00 per seat per month"),
        (
            Pricing::PerUnit(usd("0.005")),
            Some(monthly(Some("mtr_1"))),
            Some("call"),
            "$0.005 per call, by usage, billed monthly",
        ),
        (Pricing::Package { amount: usd("5"), size: 100 }, Some(monthly(None)), None, "$5.00 per 100 units per month"),
        (
            Pricing::Tiered(Tiering::Graduated, free_first.clone()),
            Some(monthly(None)),
            Some("seat"),
            "$10.00 per seat per month, first 5 free",
        ),
        (
            Pricing::Tiered(Tiering::Graduated, free_first),
            Some(monthly(Some("mtr_1"))),
            Some("call"),
            "$10.00 per call, first 5 free, by usage, billed monthly",
        ),
        (
            Pricing::Tiered(Tiering::Volume, steps),
            Some(monthly(None)),
            Some("seat"),
            "Volume per seat: up to 10 $5.00 each, more $1.00 plus $4.00 each per month",
        ),
    ] {
        let draft = draft(pricing, period);
        assert_eq!(draft.flaws(), []);
        assert_eq!(draft.sentence(unit), said);
    }
}

#[test]
fn what_stripe_would_refuse_is_named_at_its_field() {
    let tiered = |tiers: Vec<Tier>| draft(Pricing::Tiered(Tiering::Graduated, tiers), Some(monthly(None)));
    let long = Some(Period { interval: Interval::Month, count: 37, meter: None });
    for (draft, params) in [
        (draft(Pricing::PerUnit(usd("-1")), None), vec!["unit_amount"]),
        (draft(Pricing::Package { amount: usd("1"), size: 1 }, None), vec!["transform_quantity[divide_by]"]),
        (draft(Pricing::PerUnit(usd("1")), long), vec!["recurring[interval_count]"]),
        (draft(Pricing::Tiered(Tiering::Volume, vec![]), None), vec!["tiers"]),
        (tiered(vec![tier(None, Some("1"), None)]), vec!["tiers"]),
        (
            tiered(vec![tier(Some(5), None, None), tier(Some(3), Some("1"), None)]),
            vec!["tiers[0][unit_amount]", "tiers[1][up_to]"],
        ),
        (
            tiered(vec![tier(Some(5), Some("1"), None), tier(Some(5), Some("1"), None), tier(None, Some("1"), None)]),
            vec!["tiers[1][up_to]"],
        ),
    ] {
        let found: Vec<String> = draft.flaws().into_iter().map(|flaw| flaw.param).collect();
        assert_eq!(found, params);
    }
}

proptest! {
    #[test]
    fn what_is_typed_in_major_units_comes_out_in_minor_units(
        minor in 0_i64..1_000_000_000_000,
        currency in prop::sample::select(vec!["usd", "jpy", "kwd"]),
    ) {
        let typed = Decimal::from_i128_with_scale(i128::from(minor), money::exponent(currency)).to_string();
        prop_assert_eq!(Amount::major(&typed, currency).and_then(Amount::whole), Some(minor));
    }

    #[test]
    fn any_text_is_an_amount_or_is_not(text in ".*") {
        let _ = (Amount::major(&text, "usd"), Amount::minor(&text));
    }

    #[test]
    fn a_price_without_flaws_always_has_a_sentence(
        amount in 0_i64..100_000, size in 2_i64..1_000, first in 1_i64..1_000, volume in any::<bool>(), count in 1_u64..4,
    ) {
        let amount = Amount::minor(&amount.to_string()).unwrap();
        let period = Some(Period { interval: Interval::Year, count, meter: None });
        let tiering = if volume { Tiering::Volume } else { Tiering::Graduated };
        let tiers = vec![
            Tier { up_to: Some(first), unit_amount: Some(amount), flat_amount: None },
            Tier { up_to: None, unit_amount: None, flat_amount: Some(amount) },
        ];
        for pricing in
            [Pricing::PerUnit(amount), Pricing::Package { amount, size }, Pricing::Tiered(tiering, tiers)]
        {
            let draft = draft(pricing, period.clone());
            prop_assert!(draft.flaws().is_empty());
            prop_assert!(draft.sentence(Some("seat")).contains('$'));
        }
    }
}
