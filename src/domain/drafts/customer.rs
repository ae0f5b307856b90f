//! A customer to be made or changed.

use super::{Flaw, Metadata, check_metadata, check_text};

/// What is set. `None` leaves a value as it is, an empty text removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerDraft {
    /// Name of a person or business.
    pub name: Option<String>,
    /// Where invoices go.
    pub email: Option<String>,
    /// With its country code, best.
    pub phone: Option<String>,
    /// For staff.
    pub description: Option<String>,
    /// Billing address.
    pub address: Option<AddressDraft>,
    /// `none`, `exempt` or `reverse`.
    pub tax_exempt: Option<String>,
    /// Languages, the preferred one first.
    pub preferred_locales: Option<Vec<String>>,
    /// Own keys and values.
    pub metadata: Metadata,
}

/// An address, as a whole: what is left out is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressDraft {
    /// Street.
    pub line1: String,
    /// Flat, floor.
    pub line2: String,
    /// Town.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// State, county, province.
    pub state: String,
    /// Two letters, ISO 3166-1.
    pub country: String,
}

/// What Stripe takes as `tax_exempt`.
const TAX_EXEMPT: [&str; 3] = ["none", "exempt", "reverse"];

impl CustomerDraft {
    /// What is wrong with it, as far as it can be told without asking Stripe.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        check_text("name", self.name.as_deref(), false, 256, &mut flaws);
        check_text("phone", self.phone.as_deref(), false, 20, &mut flaws);
        check_text("description", self.description.as_deref(), false, 350, &mut flaws);
        if let Some(email) = self.email.as_deref().filter(|email| !email.is_empty())
            && (!email.contains('@') || email.len() > 512 || email.contains(char::is_whitespace))
        {
            flaws.push(Flaw::new("email", "This is not an e-mail address."));
        }
        if let Some(address) = &self.address {
            let country = &address.country;
            let two_letters = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
            if !(country.is_empty() || two_letters) {
                flaws.push(Flaw::new("address[country]", "The country's two letters, such as DE or US."));
            }
        }
        if self.tax_exempt.as_deref().is_some_and(|exempt| !TAX_EXEMPT.contains(&exempt)) {
            flaws.push(Flaw::new("tax_exempt", "One of none, exempt and reverse."));
        }
        check_metadata(&self.metadata, &mut flaws);
        flaws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_named() {
        let draft = CustomerDraft {
            email: Some("ada".to_owned()),
            address: Some(AddressDraft { country: "Germany".to_owned(), ..AddressDraft::default() }),
            tax_exempt: Some("maybe".to_owned()),
            metadata: Metadata::from([("a[b]".to_owned(), String::new())]),
            ..CustomerDraft::default()
        };
        let params: Vec<String> = draft.flaws().into_iter().map(|flaw| flaw.param).collect();
        assert_eq!(params, ["email", "address[country]", "tax_exempt", "metadata"]);
        assert!(CustomerDraft { email: Some(String::new()), ..CustomerDraft::default() }.flaws().is_empty());
    }
}
