//! Products and prices: make, change, archive.

use stripe::StripeRequest as _;
use stripe_product::{
    price::{
        CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, CreatePriceRecurringUsageType,
        CreatePriceTiers, CreatePriceTiersUpTo, CreatePriceTransformQuantity, CreatePriceTransformQuantityRound,
        UpdatePrice,
    },
    product::{CreateProduct, UpdateProduct},
};
use stripe_shared::{PriceBillingScheme, PriceTiersMode};

use super::WriteRequest;
use crate::domain::{
    drafts::{Interval, Period, PriceDraft, Pricing, ProductDraft, Tier, Tiering},
    ids::path_segment,
};

/// Sets on a builder what the draft sets besides the name.
macro_rules! filled {
    ($request:expr, $draft:expr) => {{
        let (mut request, draft): (_, &ProductDraft) = ($request, $draft);
        if let Some(description) = &draft.description {
            request = request.description(description);
        }
        if let Some(label) = &draft.unit_label {
            request = request.unit_label(label);
        }
        if let Some(descriptor) = &draft.statement_descriptor {
            request = request.statement_descriptor(descriptor);
        }
        WriteRequest::of(request.build()).with_metadata(&draft.metadata)
    }};
}

/// A new product. Empty texts are left out: there is nothing yet that they could remove.
pub fn create_product(draft: &ProductDraft) -> WriteRequest {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let draft = ProductDraft {
        description: filled(&draft.description),
        unit_label: filled(&draft.unit_label),
        statement_descriptor: filled(&draft.statement_descriptor),
        ..draft.clone()
    };
    filled!(CreateProduct::new(draft.name.clone().unwrap_or_default()), &draft)
}

/// Changes a product.
pub fn update_product(id: &str, draft: &ProductDraft) -> WriteRequest {
    let mut request = UpdateProduct::new(path_segment(id).as_ref());
    if let Some(name) = &draft.name {
        request = request.name(name);
    }
    filled!(request, draft)
}

/// Offers a product, or archives it.
pub fn set_product_active(id: &str, active: bool) -> WriteRequest {
    WriteRequest::of(UpdateProduct::new(path_segment(id).as_ref()).active(active).build())
}

/// Offers a price, or archives it.
pub fn set_price_active(id: &str, active: bool) -> WriteRequest {
    WriteRequest::of(UpdatePrice::new(path_segment(id).as_ref()).active(active).build())
}

/// Makes a price the one that its product is sold at.
pub fn set_default_price(product: &str, price: &str) -> WriteRequest {
    WriteRequest::of(UpdateProduct::new(path_segment(product).as_ref()).default_price(price).build())
}

/// Changes what staff call a price, and the tenant's own name for it.
pub fn rename_price(id: &str, nickname: &str, lookup_key: &str) -> WriteRequest {
    let request = UpdatePrice::new(path_segment(id).as_ref()).nickname(nickname).lookup_key(lookup_key);
    WriteRequest::of(request.build())
}

/// A new price of a product.
pub fn create_price(product: &str, draft: &PriceDraft) -> WriteRequest {
    // Parsing a currency never fails: Stripe's crate keeps what it does not know, and Stripe decides.
    let currency = draft.currency.parse().unwrap_or(stripe_types::Currency::USD);
    let mut request = CreatePrice::new(currency).product(product);
    match &draft.pricing {
        Pricing::PerUnit(amount) => request = with_amount(request, *amount),
        Pricing::Package { amount, size } => {
            let round = CreatePriceTransformQuantityRound::Up;
            request = with_amount(request, *amount)
                .transform_quantity(CreatePriceTransformQuantity { divide_by: *size, round });
        }
        Pricing::Tiered(tiering, tiers) => {
            let mode = match tiering {
                Tiering::Graduated => PriceTiersMode::Graduated,
                Tiering::Volume => PriceTiersMode::Volume,
            };
            let tiers: Vec<CreatePriceTiers> = tiers.iter().map(tier).collect();
            request = request.billing_scheme(PriceBillingScheme::Tiered).tiers_mode(mode).tiers(tiers);
        }
    }
    if let Some(period) = &draft.period {
        request = request.recurring(recurring(period));
    }
    if let Some(nickname) = draft.nickname.as_ref().filter(|text| !text.is_empty()) {
        request = request.nickname(nickname);
    }
    if let Some(key) = draft.lookup_key.as_ref().filter(|text| !text.is_empty()) {
        request = request.lookup_key(key);
    }
    WriteRequest::of(request.build()).with_metadata(&draft.metadata)
}

fn with_amount(request: CreatePrice, amount: crate::domain::drafts::Amount) -> CreatePrice {
    match amount.whole() {
        Some(minor) => request.unit_amount(minor),
        None => request.unit_amount_decimal(amount.text()),
    }
}

fn tier(tier: &Tier) -> CreatePriceTiers {
    let mut made = CreatePriceTiers::new(tier.up_to.map_or(CreatePriceTiersUpTo::Inf, CreatePriceTiersUpTo::I64));
    match tier.unit_amount.map(|amount| (amount.whole(), amount.text())) {
        Some((Some(minor), _)) => made.unit_amount = Some(minor),
        Some((None, text)) => made.unit_amount_decimal = Some(text),
        None => {}
    }
    match tier.flat_amount.map(|amount| (amount.whole(), amount.text())) {
        Some((Some(minor), _)) => made.flat_amount = Some(minor),
        Some((None, text)) => made.flat_amount_decimal = Some(text),
        None => {}
    }
    made
}

fn recurring(period: &Period) -> CreatePriceRecurring {
    let interval = match period.interval {
        Interval::Day => CreatePriceRecurringInterval::Day,
        Interval::Week => CreatePriceRecurringInterval::Week,
        Interval::Month => CreatePriceRecurringInterval::Month,
        Interval::Year => CreatePriceRecurringInterval::Year,
    };
    let mut made = CreatePriceRecurring::new(interval);
    made.interval_count = Some(period.count);
    if let Some(meter) = &period.meter {
        made.meter = Some(meter.clone());
        made.usage_type = Some(CreatePriceRecurringUsageType::Metered);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::drafts::{Amount, Metadata};

    fn sent(pricing: Pricing, meter: Option<&str>) -> Vec<String> {
        let period = Period { interval: Interval::Month, count: 1, meter: meter.map(ToOwned::to_owned) };
        let draft = PriceDraft {
            currency: "eur".to_owned(),
            pricing,
            period: Some(period),
            nickname: None,
            lookup_key: None,
            metadata: Metadata::new(),
        };
        let request = create_price("prod_1", &draft);
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&request.body).unwrap();
        let mut sent: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        sent.sort();
        sent
    }

    #[test]
    fn each_model_is_sent_as_stripe_documents_it() {
        let minor = |text: &str| Amount::minor(text).unwrap();
        let common = ["currency=eur", "product=prod_1", "recurring[interval]=month", "recurring[interval_count]=1"];
        let check = |pricing, meter, own: &[&str]| {
            let mut expected: Vec<&str> = common.into_iter().chain(own.iter().copied()).collect();
            expected.sort_unstable();
            assert_eq!(sent(pricing, meter), expected);
        };
        check(Pricing::PerUnit(minor("1000")), None, &["unit_amount=1000"]);
        check(
            Pricing::PerUnit(minor("0.5")),
            Some("mtr_1"),
            &["unit_amount_decimal=0.5", "recurring[meter]=mtr_1", "recurring[usage_type]=metered"],
        );
        check(
            Pricing::Package { amount: minor("500"), size: 100 },
            None,
            &["unit_amount=500", "transform_quantity[divide_by]=100", "transform_quantity[round]=up"],
        );
        let tiers = vec![
            Tier { up_to: Some(5), unit_amount: Some(minor("0")), flat_amount: None },
            Tier { up_to: None, unit_amount: Some(minor("1000")), flat_amount: Some(minor("2.5")) },
        ];
        check(
            Pricing::Tiered(Tiering::Graduated, tiers),
            None,
            &[
                "billing_scheme=tiered",
                "tiers_mode=graduated",
                "tiers[0][unit_amount]=0",
                "tiers[0][up_to]=5",
                "tiers[1][flat_amount_decimal]=2.5",
                "tiers[1][unit_amount]=1000",
                "tiers[1][up_to]=inf",
            ],
        );
    }
}
