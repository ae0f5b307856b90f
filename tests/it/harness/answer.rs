//! What came back, with the questions a story asks of it.

use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};

/// An answer whose body has been read.
#[derive(Debug)]
pub struct Answer {
    /// `GET /path`, for messages.
    pub request: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// A form as it stands on a page: where it goes and what its fields hold.
#[derive(Clone, Debug)]
pub struct Form {
    /// The path it is sent to.
    pub action: String,
    /// Names and values, hidden ones included.
    pub fields: Vec<(String, String)>,
}

impl Answer {
    pub(super) async fn read(request: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        Self { request, status, headers, body }
    }

    /// Fails the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self
    }

    /// A header's value; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The visible text, with single spaces.
    pub fn text(&self) -> String {
        let page = Html::parse_document(&self.body);
        let body = page.select(&selector("body")).next().unwrap_or_else(|| page.root_element());
        text_of(body)
    }

    /// The text of every element that fits a CSS selector.
    pub fn all(&self, css: &str) -> Vec<String> {
        Html::parse_document(&self.body).select(&selector(css)).map(text_of).collect()
    }

    /// The text of the one element that fits.
    #[track_caller]
    pub fn one(&self, css: &str) -> String {
        let mut found = self.all(css);
        assert_eq!(found.len(), 1, "{}: {css} fits {found:?} in {}", self.request, self.text());
        found.remove(0)
    }

    /// Whether anything fits.
    pub fn has(&self, css: &str) -> bool {
        Html::parse_document(&self.body).select(&selector(css)).next().is_some()
    }

    /// An attribute of every element that fits.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let page = Html::parse_document(&self.body);
        page.select(&selector(css)).filter_map(|element| element.attr(name).map(str::to_owned)).collect()
    }

    /// Every form that fits, with the values its fields have.
    pub fn forms(&self, css: &str) -> Vec<Form> {
        Html::parse_document(&self.body).select(&selector(css)).map(form).collect()
    }

    /// The first form that fits.
    #[track_caller]
    pub fn form(&self, css: &str) -> Form {
        let found = self.forms(css).into_iter().next();
        found.unwrap_or_else(|| panic!("{}: no form {css} in {}", self.request, self.text()))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.body))
    }
}

impl Form {
    /// The value a field has.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map_or_else(|| panic!("{} has no field {name}", self.action), |(_, value)| value.as_str())
    }

    /// Types into a field; fails when the form has no such field, as a person would.
    #[track_caller]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(field, _)| field == name);
        let Some(field) = field else { panic!("{} has no field {name}: {:?}", self.action, self.fields) };
        value.clone_into(&mut field.1);
        self
    }
}

fn form(element: ElementRef<'_>) -> Form {
    let fields = element.select(&selector("input[name], select[name], textarea[name]")).filter_map(field).collect();
    Form { action: element.attr("action").unwrap_or_default().to_owned(), fields }
}

/// A field's name and value as a browser would send them; `None` for an empty check box.
fn field(element: ElementRef<'_>) -> Option<(String, String)> {
    let name = element.attr("name")?.to_owned();
    let value = element.attr("value").unwrap_or_default().to_owned();
    match (element.value().name(), element.attr("type").unwrap_or("text")) {
        ("input", "checkbox" | "radio") if element.attr("checked").is_none() => None,
        ("input", "submit" | "button") => None,
        ("textarea", _) => Some((name, element.text().collect())),
        ("select", _) => {
            let options: Vec<_> = element.select(&selector("option")).collect();
            let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first());
            Some((name, chosen.and_then(|option| option.attr("value")).unwrap_or_default().to_owned()))
        }
        _ => Some((name, value)),
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css}: {error}"))
}

fn text_of(element: ElementRef<'_>) -> String {
    let words: String = element.text().flat_map(|text| [text, " "]).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
