//! Customers: make, change.

use stripe::StripeRequest as _;
use stripe_core::customer::{CreateCustomer, OptionalFieldsCustomerAddress, UpdateCustomer};
use stripe_shared::CustomerTaxExempt;

use super::WriteRequest;
use crate::domain::{
    drafts::{AddressDraft, CustomerDraft, TaxIdDraft},
    ids::path_segment,
};

/// Sets on a builder what the draft sets; both builders have the same methods.
macro_rules! filled {
    ($request:expr, $draft:expr) => {{
        let (mut request, draft): (_, &CustomerDraft) = ($request, $draft);
        if let Some(name) = &draft.name {
            request = request.name(name);
        }
        if let Some(email) = &draft.email {
            request = request.email(email);
        }
        if let Some(phone) = &draft.phone {
            request = request.phone(phone);
        }
        if let Some(description) = &draft.description {
            request = request.description(description);
        }
        if let Some(address) = &draft.address {
            request = request.address(fields(address));
        }
        if let Some(Ok(exempt)) = draft.tax_exempt.as_deref().map(str::parse::<CustomerTaxExempt>) {
            request = request.tax_exempt(exempt);
        }
        if let Some(locales) = &draft.preferred_locales {
            request = request.preferred_locales(locales.clone());
        }
        WriteRequest::of(request.build()).with_metadata(&draft.metadata)
    }};
}

/// A new customer.
pub fn create(draft: &CustomerDraft) -> WriteRequest {
    filled!(CreateCustomer::new(), draft)
}

/// Changes a customer.
pub fn update(id: &str, draft: &CustomerDraft) -> WriteRequest {
    filled!(UpdateCustomer::new(path_segment(id).as_ref()), draft)
}

/// Makes a saved way to pay (`pm_…`) the one by which a customer's invoices are paid.
pub fn set_card(id: &str, payment_method: &str) -> WriteRequest {
    let request = UpdateCustomer::new(path_segment(id).as_ref()).build();
    WriteRequest::of(request).with("invoice_settings[default_payment_method]", payment_method)
}

/// Adds a tax id to a customer.
pub fn add_tax_id(id: &str, draft: &TaxIdDraft) -> WriteRequest {
    let request = WriteRequest { delete: false, path: tax_ids(id), body: String::new() };
    request.with("type", &draft.kind).with("value", &draft.value)
}

/// Removes a tax id (`txi_…`) from a customer.
pub fn remove_tax_id(id: &str, tax_id: &str) -> WriteRequest {
    WriteRequest { delete: true, path: format!("{}/{}", tax_ids(id), path_segment(tax_id)), body: String::new() }
}

fn tax_ids(customer: &str) -> String {
    format!("/customers/{}/tax_ids", path_segment(customer))
}

fn fields(address: &AddressDraft) -> OptionalFieldsCustomerAddress {
    OptionalFieldsCustomerAddress {
        city: Some(address.city.clone()),
        country: Some(address.country.to_ascii_uppercase()),
        line1: Some(address.line1.clone()),
        line2: Some(address.line2.clone()),
        postal_code: Some(address.postal_code.clone()),
        state: Some(address.state.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::drafts::Metadata;

    #[test]
    fn only_what_is_set_is_sent() {
        let draft = CustomerDraft {
            name: Some("Ada Lovelace".to_owned()),
            phone: Some(String::new()),
            address: Some(AddressDraft { country: "gb".to_owned(), ..AddressDraft::default() }),
            metadata: Metadata::from([("seat".to_owned(), "7&8".to_owned())]),
            ..CustomerDraft::default()
        };
        let request = update("cus_1", &draft);
        assert_eq!((request.path.as_str(), request.delete), ("/customers/cus_1", false));
        let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(&request.body).unwrap();
        pairs.sort();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs,
            [
                pair("address[city]", ""),
                pair("address[country]", "GB"),
                pair("address[line1]", ""),
                pair("address[line2]", ""),
                pair("address[postal_code]", ""),
                pair("address[state]", ""),
                pair("metadata[seat]", "7&8"),
                pair("name", "Ada Lovelace"),
                pair("phone", ""),
            ]
        );
        assert_eq!(create(&CustomerDraft::default()).path, "/customers");
    }
}
