//! A tax id to be added to a customer.

use super::{Flaw, check_text};

/// Kinds that the portal offers: Stripe's word, and what people call it. Stripe knows more (docs.stripe.com/billing/customer/tax-ids);
/// staff add those at Stripe.
pub const TAX_ID_KINDS: [(&str, &str); 14] = [
    ("eu_vat", "EU VAT"),
    ("gb_vat", "GB VAT"),
    ("us_ein", "US EIN"),
    ("ch_vat", "CH MWST / TVA / IVA"),
    ("no_vat", "NO MVA"),
    ("ca_bn", "CA BN"),
    ("ca_gst_hst", "CA GST/HST"),
    ("au_abn", "AU ABN"),
    ("nz_gst", "NZ GST"),
    ("jp_cn", "JP 法人番号"),
    ("jp_trn", "JP 登録番号"),
    ("in_gst", "IN GST"),
    ("br_cnpj", "BR CNPJ"),
    ("mx_rfc", "MX RFC"),
];

/// What is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaxIdDraft {
    /// One of [`TAX_ID_KINDS`].
    pub kind: String,
    /// The number.
    pub value: String,
}

impl TaxIdDraft {
    /// What is wrong with it, as far as it can be told without asking Stripe.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if !TAX_ID_KINDS.iter().any(|(kind, _)| *kind == self.kind) {
            flaws.push(Flaw::new("type", "Not one of the kinds that can be chosen."));
        }
        check_text("value", Some(&self.value), true, 40, &mut flaws);
        flaws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_number_are_needed() {
        let flaws = |kind: &str, value: &str| {
            let draft = TaxIdDraft { kind: kind.to_owned(), value: value.to_owned() };
            draft.flaws().into_iter().map(|flaw| flaw.param).collect::<Vec<_>>()
        };
        assert!(flaws("eu_vat", "DE123456789").is_empty());
        assert_eq!(flaws("xx", " "), ["type", "value"]);
        assert_eq!(flaws("eu_vat", &"1".repeat(41)), ["value"]);
    }
}
