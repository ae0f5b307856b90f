//! Name, time zone, dates and theme.

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::accounts::{self, profile};
use crate::domain::drafts::Flaw;
use crate::domain::reading::{Style, zones};
use crate::store::users::Taste;
use crate::web::access::SignedIn;
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::shell::{AccountNav, AccountShell};

#[derive(Template)]
#[template(path = "account/profile.html")]
struct Page {
    shell: AccountShell,
    form: Form,
    zones: Vec<(String, String)>,
    styles: Vec<(&'static str, &'static str)>,
    themes: [(&'static str, &'static str); 3],
}

impl Page {
    fn new(person: &SignedIn, form: Form) -> Self {
        Self {
            shell: person.shell(AccountNav::Profile),
            form,
            zones: zones().into_iter().map(|zone| (zone.clone(), zone.replace('_', " "))).collect(),
            styles: Style::ALL.into_iter().map(|style| (style.as_str(), style.label())).collect(),
            themes: [("auto", "As the system has it"), ("light", "Light"), ("dark", "Dark")],
        }
    }
}

pub(super) async fn show(person: SignedIn) -> Result<Response> {
    let (name, taste) = (person.user.name.clone(), person.user.taste.clone());
    let fields = [("name", name), ("time_zone", taste.time_zone), ("locale", taste.locale), ("theme", taste.theme)];
    html::page(&Page::new(&person, Form::new(fields)))
}

pub(super) async fn save(
    person: SignedIn,
    wanted: Wanted,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let of = |name: &str| typed.text(name).to_owned();
    let taste = Taste { time_zone: of("time_zone"), locale: of("locale"), theme: of("theme") };
    match profile::save(&person.app, &person.user, typed.text("name"), &taste, &person.origin).await {
        Ok(()) => Ok(with_theme(wanted.redirect_saying("/account", "Your profile is saved."), &taste.theme)),
        Err(accounts::Error::Invalid { field, message }) => {
            let form = Form::refused(typed, Refused::flawed(vec![Flaw::new(field, message)]));
            html::page_with(StatusCode::UNPROCESSABLE_ENTITY, &Page::new(&person, form))
        }
        Err(error) => Err(error.into()),
    }
}

/// The browser keeps the theme, so that pages before a sign-in have it as well.
pub fn with_theme(mut answer: Response, theme: &str) -> Response {
    let name = html::THEME_COOKIE;
    let cookie = match theme {
        "light" | "dark" => format!("{name}={theme}; Path=/; Max-Age=31536000; SameSite=Lax"),
        _ => format!("{name}=; Path=/; Max-Age=0; SameSite=Lax"),
    };
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}
