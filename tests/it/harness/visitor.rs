//! Somebody with a browser: cookies, the headers a browser sends, forms with their tokens. Redirects are not followed by
//! themselves, because where an answer leads is part of most stories.

use std::sync::Mutex;

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};

use super::answer::{Answer, Form};

/// A browser's window onto a site.
pub struct Visitor {
    http: Client,
    base: String,
    /// What relative paths begin with: `/t/{tenant}/p/{project}/` for a signed-in person.
    home: String,
    /// The form token of the last page that had one.
    token: Mutex<String>,
}

impl Visitor {
    /// Opens an empty browser: no cookie, no history.
    pub fn new(base: &str) -> Self {
        let http = Client::builder().cookie_store(true).redirect(Policy::none()).no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), home: "/".to_owned(), token: Mutex::default() }
    }

    /// From now on relative paths begin with `home`.
    pub fn at_home(mut self, home: String) -> Self {
        self.home = home;
        self
    }

    /// The same browser, cookies and all, when the site is at another address.
    pub fn moved_to(mut self, base: &str) -> Self {
        base.clone_into(&mut self.base);
        self
    }

    /// What relative paths begin with.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Opens a page. A path without a leading slash is relative to the visitor's project.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Fetches what htmx would swap in.
    pub async fn get_partial(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("hx-request", "true").header("hx-request-type", "partial"))
            .await
    }

    /// Sends a form as it was filled in.
    pub async fn submit(&self, form: &Form) -> Answer {
        let body = serde_urlencoded::to_string(&form.fields).unwrap();
        let request = self.request(Method::POST, &form.action);
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Sends fields that no page offered, with the right form token: what a curious person does with developer tools.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        if self.token.lock().unwrap().is_empty() {
            self.get("").await;
        }
        let mut fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fields.push(("csrf".to_owned(), self.token.lock().unwrap().clone()));
        self.submit(&Form { action: path.to_owned(), fields }).await
    }

    /// The form token of the last page that had one.
    pub fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    /// Opens where an answer leads, until it leads nowhere.
    pub async fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            let target = answer.header("location").to_owned();
            if target.is_empty() {
                break;
            }
            answer = self.get(&target).await;
        }
        answer
    }

    /// A request with the headers that a browser adds by itself.
    #[expect(clippy::needless_pass_by_value, reason = "reads well where it is called: Method::GET")]
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            format!("{}{}{path}", self.base, self.home)
        };
        let request = self.http.request(method.clone(), url).header("accept", "text/html,application/xhtml+xml");
        let request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "navigate");
        if method == Method::GET { request } else { request.header("origin", &self.base) }
    }

    /// Sends a request and reads its answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let name = format!("{} {}", request.method(), request.url().path());
        let answer = Answer::read(name, self.http.execute(request).await.unwrap()).await;
        if let Some(token) = answer.attributes("input[name=csrf]", "value").first() {
            token.clone_into(&mut self.token.lock().unwrap());
        }
        answer
    }
}
