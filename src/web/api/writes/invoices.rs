//! What is done with invoices.

use axum::response::Response;

use super::{Once, refused, shown};
use crate::billing::invoices::InvoiceAct;
use crate::web::api::guard::Caller;
use crate::web::api::invoices;
use crate::web::api::objects::path_id;
use crate::web::api::parameters::Asked;
use crate::web::error::Result;
use crate::web::extract::Path;

async fn act(caller: &Caller, once: &Once, id: Path<String>, act: InvoiceAct) -> Result<Response> {
    let outcome = caller.scope().act_on_invoice(&once.0, &path_id(id)?, act).await.map_err(refused)?;
    shown(outcome, |id| async move { invoices::one(caller, &Asked::default(), &id).await }).await
}

pub(crate) async fn finalize(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    act(&caller, &once, id, InvoiceAct::Finalize).await
}

pub(crate) async fn send(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    act(&caller, &once, id, InvoiceAct::Send).await
}

pub(crate) async fn pay(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    act(&caller, &once, id, InvoiceAct::Pay).await
}

pub(crate) async fn void(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    act(&caller, &once, id, InvoiceAct::Void).await
}

pub(crate) async fn write_off(caller: Caller, _: Asked, once: Once, id: Path<String>) -> Result<Response> {
    act(&caller, &once, id, InvoiceAct::WriteOff).await
}
