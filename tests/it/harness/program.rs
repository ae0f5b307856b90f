//! A program of a business: it holds a key, sends JSON, and knows no cookies.

use billfold::{
    accounts::api_keys::{KeyWish, MadeKey},
    app::{App, By, Scope},
    domain::api_key::ApiScopes,
};
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;

use super::{answer::Answer, people::Tenant};

/// A program with a key, or one that was forgotten to be given any.
pub struct Program {
    http: Client,
    base: String,
    key: Option<String>,
}

impl Program {
    /// A program that sends `key`.
    pub fn new(base: &str, key: Option<&str>) -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), key: key.map(str::to_owned) }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Writes, with a body or without, once for each `Idempotency-Key`.
    pub async fn post(&self, path: &str, key: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(Method::POST, path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.send(request).await
    }

    /// A request that carries the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    /// Sends a request and reads its answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let name = format!("{} {}", request.method(), request.url());
        Answer::read(name, self.http.execute(request).await.unwrap()).await
    }
}

/// A business's place for use cases, in the name of the story.
pub fn scope(app: &App, tenant: &Tenant) -> Scope {
    Scope { app: app.clone(), tenant: tenant.id.clone(), project: tenant.project.clone(), by: By::part("story") }
}

/// Makes a key for a business's first project.
pub async fn new_key(app: &App, tenant: &Tenant, scopes: ApiScopes) -> MadeKey {
    let wish = KeyWish { name: "A program".to_owned(), scopes, days: 90 };
    scope(app, tenant).create_api_key(&wish).await.unwrap()
}
