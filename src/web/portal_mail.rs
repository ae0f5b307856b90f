//! The mail that brings a customer a portal link, in the customer's language.

use http::HeaderMap;

use super::language;
use crate::app::Scope;
use crate::billing::portal::NewPortalLink;
use crate::billing::portal_settings::Brand;
use crate::domain::raw::Raw;
use crate::mail::{self, Mail};
use crate::store::customers::Detail;
use crate::vault::ExposeSecret as _;

/// Why a link was not mailed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody set mail up.
    #[error("{}", mail::OFF)]
    Off,
    /// Stripe knows no address.
    #[error("Stripe knows no e-mail address of this customer.")]
    NoAddress,
    /// The mail server.
    #[error("{0}")]
    Mail(#[from] mail::Error),
}

/// Mails a link that was just made to its customer, and waits for the mail server's word.
///
/// # Errors
/// Why it did not go; the link works all the same.
pub async fn send(scope: &Scope, customer: &Detail, brand: &Brand, link: &NewPortalLink) -> Result<(), Error> {
    let mailer = scope.app.mail.as_ref().ok_or(Error::Off)?;
    let address = customer.customer.email.trim();
    if address.is_empty() {
        return Err(Error::NoAddress);
    }
    let language = language::choose(&HeaderMap::new(), &language::preferred(&Raw::parse(&customer.raw)));
    let until = language.moment(link.expires);
    let said = |key: &str| language.say_with(key, &[("business", &brand.name), ("until", &until)]);
    let text = format!("{}\n\n{}\n\n{}\n", said("mail-text"), link.url.expose_secret(), said("mail-ignore"));
    let mail = Mail { to: address.to_owned(), subject: said("mail-subject"), text, html: None };
    Ok(mailer.send(&mail).await?)
}
