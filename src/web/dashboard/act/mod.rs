//! Pages that do one thing at Stripe: they say what will happen, ask what has to be known, and have one button. They work
//! without scripts, and a refusal stands at its field.

mod simple;
pub mod subject;

use askama::Template;
use axum::response::Response;

use crate::billing::{self, Outcome};
use crate::web::access::Staff;
use crate::web::error::Result;
use crate::web::forms::{Form, Refused, with_retry};
use crate::web::html::{self, Wanted};
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

/// The routes of acts that need no fields.
pub fn router() -> Routes {
    simple::router()
}

/// A link with its label.
#[derive(Clone, Debug)]
pub struct Way {
    /// What it is called.
    pub label: String,
    /// Where it leads.
    pub path: String,
}

/// What such a page shows.
#[derive(Clone, Debug)]
pub struct Act {
    /// What is done, such as `Cancel subscription`.
    pub title: String,
    /// What will happen, in whole sentences.
    pub text: Vec<String>,
    /// Where the form is sent.
    pub path: String,
    /// The page it came from, and where the person is led afterwards.
    pub back: Way,
    /// The button.
    pub button: &'static str,
    /// Whether it destroys something.
    pub danger: bool,
    /// The fields' values and problems.
    pub form: Form,
}

/// A page without fields.
#[derive(Template)]
#[template(path = "act/confirm.html", blocks = ["act"])]
pub struct Confirm {
    /// The frame.
    pub shell: Shell,
    /// What happens.
    pub act: Act,
}

/// A page of an act: the whole of it, and the part that htmx puts in place when the form comes back.
pub trait Page {
    /// The whole page.
    fn whole(&self) -> askama::Result<String>;
    /// The form with what stands around it.
    fn part(&self) -> askama::Result<String>;
}

/// Implements [`Page`] for page structs with the block `act`.
macro_rules! act_pages {
    ($($page:ty),+ $(,)?) => { $(
        impl $crate::web::dashboard::act::Page for $page {
            fn whole(&self) -> askama::Result<String> {
                askama::Template::render(self)
            }
            fn part(&self) -> askama::Result<String> {
                askama::Template::render(&self.as_act())
            }
        }
    )+ };
}
pub(crate) use act_pages;

act_pages!(Confirm);

/// The page as it is opened.
pub fn open(page: &impl Page) -> Result<Response> {
    Ok(html::rendered(http::StatusCode::OK, page.whole()?))
}

/// The page, or the part of it that htmx asked for.
pub fn shown(wanted: Wanted, page: &impl Page) -> Result<Response> {
    let html = if wanted.fragment { page.part()? } else { page.whole()? };
    Ok(html::rendered(http::StatusCode::OK, html))
}

/// The page of what was just made, or the list where it will appear.
pub fn made<P>(staff: &Staff<P>, nav: Nav, folder: &str, outcome: &billing::Result<Outcome>) -> String {
    let shell = staff.shell(nav);
    match outcome {
        Ok(Outcome::Done(done)) => shell.url(format!("{folder}/{}", done.id.as_ref().unwrap_or(&done.stripe_id))),
        _ => shell.url(folder),
    }
}

/// The page with a form that came back.
pub fn again(wanted: Wanted, page: &impl Page, refused: &Refused) -> Result<Response> {
    let html = if wanted.fragment { page.part()? } else { page.whole()? };
    Ok(with_retry(html::rendered(refused.status(), html), refused.status()))
}
