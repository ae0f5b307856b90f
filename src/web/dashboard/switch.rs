//! New projects. Switching itself is a link: tenant and project stand in every address.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::accounts::projects;
use crate::web::access::{Admin, WholeTenant};
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};
use crate::web::standing::{self, Within};

/// The routes.
pub fn router() -> Routes {
    Routes::new().route("/t/{tenant}/projects/new", get(form)).route("/t/{tenant}/projects", post(create))
}

#[derive(Deserialize)]
struct Submitted {
    name: String,
}

#[derive(Template)]
#[template(path = "switch/new.html")]
struct NewProjectPage {
    shell: Shell,
    name: String,
    problem: Option<String>,
}

async fn form(admin: Admin<WholeTenant>) -> Result<Response> {
    html::page(&NewProjectPage { shell: admin.shell(Nav::None), name: String::new(), problem: None })
}

async fn create(
    admin: Within<standing::Projects, Admin<WholeTenant>>,
    wanted: Wanted,
    headers: HeaderMap,
    ProtectedForm(sent): ProtectedForm<Submitted>,
) -> Result<Response> {
    match projects::create(&admin.app, &admin.tenant, &sent.name, &admin.by(&headers)).await {
        Ok(project) => {
            let next = format!("/t/{}/p/{project}/connection", admin.tenant);
            Ok(wanted.redirect_saying(&next, "Project created. Now connect its Stripe account."))
        }
        Err(refused) => match refused.field() {
            Some((_, text)) => {
                let problem = Some(text.to_owned());
                let page = NewProjectPage { shell: admin.shell(Nav::None), name: sent.name, problem };
                html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
            }
            None => Err(Error::from(refused)),
        },
    }
}
