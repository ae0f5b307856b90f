//! Invoices: finalize, send, collect, void, write off. Charges: give money back.

use super::{
    Action, Nonce, Outcome, Result,
    carry::{Intent, Target},
    error::check,
};
use crate::{
    app::Scope,
    domain::{drafts::RefundDraft, kind::Kind, raw::Raw},
    stripe::write::invoices::{self, refund},
};

/// What can be done with an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceAct {
    /// Makes a draft final.
    Finalize,
    /// Mails it to the customer.
    Send,
    /// Tries the payment now.
    Pay,
    /// Cancels it.
    Void,
    /// Writes it off.
    WriteOff,
}

impl Scope {
    /// Does something with an invoice, named by either id.
    pub async fn act_on_invoice(&self, nonce: &Nonce, id: &str, act: InvoiceAct) -> Result<Outcome> {
        let invoice = self.object(Kind::Invoice, id).await?;
        let id = &invoice.stripe_id;
        let (action, request) = match act {
            InvoiceAct::Finalize => (Action::FinalizeInvoice, invoices::finalize(id)),
            InvoiceAct::Send => (Action::SendInvoice, invoices::send(id)),
            InvoiceAct::Pay => (Action::PayInvoice, invoices::pay(id)),
            InvoiceAct::Void => (Action::VoidInvoice, invoices::void(id)),
            InvoiceAct::WriteOff => (Action::WriteOffInvoice, invoices::write_off(id)),
        };
        self.carry_out(nonce, Intent { action, target: Some(invoice.into()), request }).await
    }

    /// Gives money of a charge back, all that is left or a part.
    pub async fn refund_charge(&self, nonce: &Nonce, id: &str, draft: &RefundDraft) -> Result<Outcome> {
        let charge = self.object(Kind::Charge, id).await?;
        let raw = Raw::parse(&charge.raw);
        let taken = raw.int("/amount_captured").or(raw.int("/amount")).unwrap_or(0);
        let left =
            if raw.text("/status") == Some("succeeded") { taken - raw.int("/amount_refunded").unwrap_or(0) } else { 0 };
        let known = self.known(nonce).await?;
        if !known {
            check(draft.flaws(left))?;
        }
        let request = refund(&charge.stripe_id, draft);
        // Two refunds of one charge go one after the other.
        let target = Some(Target { stripe_id: charge.stripe_id, raw: None });
        self.carry_out(nonce, Intent { action: Action::CreateRefund, target, request }).await
    }
}
