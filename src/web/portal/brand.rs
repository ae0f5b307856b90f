//! A business's colour and logo, at addresses that say what they hold, so browsers keep them for good.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, header};

use crate::app::App;
use crate::domain::brand::Colour;
use crate::store::portal_logos;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::routes::Routes;

const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Letters of a SHA-256 in hex.
const HASH: usize = 64;

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/portal/brand/{file}", get(colour)).route("/portal/logo/{hash}", get(logo))
}

/// `/portal/brand/0a63c4.css`: made from its own name.
async fn colour(Path(file): Path<String>) -> Result<Response> {
    let colour = file.strip_suffix(".css").and_then(|digits| Colour::parse(&format!("#{digits}")));
    let digits = colour.ok_or(Error::NotFound)?.digits();
    let button = ["bg", "border-color", "hover-bg", "hover-border-color", "active-bg", "active-border-color"];
    let button = button.map(|part| format!("--tblr-btn-{part}:#{digits}")).join(";");
    let css = format!(
        ".app-portal{{border-top:.375rem solid #{digits}}}.app-portal .btn-primary{{{button};--tblr-btn-color:#fff;--tblr-btn-hover-color:#fff;--tblr-btn-active-color:#fff}}.app-portal .form-check-input:checked{{background-color:#{digits};border-color:#{digits}}}\n"
    );
    lasting("text/css; charset=utf-8", css.into())
}

/// `/portal/logo/{sha-256}`
async fn logo(State(app): State<App>, Path(hash): Path<String>) -> Result<Response> {
    if hash.len() != HASH {
        return Err(Error::NotFound);
    }
    let mut tx = app.db.system_read().await?;
    let logo = portal_logos::by_hash(&mut tx, &hash).await?.ok_or(Error::NotFound)?;
    lasting(&logo.media_type, logo.bytes.into())
}

fn lasting(media_type: &str, body: Body) -> Result<Response> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).map_err(Error::internal)?);
    answer.headers_mut().insert(header::CACHE_CONTROL, FOR_GOOD);
    Ok(answer)
}
