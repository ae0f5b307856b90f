//! The webhook endpoint that billfold makes in the tenant's account.

use std::collections::HashMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use stripe::StripeRequest as _;
use stripe_misc::webhook_endpoint::{
    CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents, DeleteWebhookEndpoint, ListWebhookEndpoint,
    RetrieveWebhookEndpoint, UpdateWebhookEndpoint,
};

use super::{client::Client, error::Error, events::SUBSCRIBED, raw::object_id};
use crate::domain::ids::path_segment;

/// The version that every call asks for and that endpoints are pinned to.
pub fn api_version() -> &'static str {
    static VERSION: stripe_shared::ApiVersion = stripe_shared::version::VERSION;
    VERSION.as_str()
}

/// The metadata by which billfold knows its own endpoints again: the project's id.
const OWNER: &str = "billfold_project";

/// A webhook endpoint in an account.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// Where Stripe delivers to.
    #[serde(default)]
    pub url: String,
    /// `enabled` or `disabled`: Stripe turns an endpoint off that fails for days.
    #[serde(default)]
    pub status: String,
    /// What its deliveries are rendered in; `None`: the account's own version.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The types of event that it gets; `*` stands for all.
    #[serde(default)]
    pub enabled_events: Vec<String>,
    /// Ours holds the project's id.
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Endpoint {
    /// The project that the endpoint was made for, when billfold made it.
    pub fn project(&self) -> Option<&str> {
        self.metadata.get(OWNER).map(String::as_str)
    }
}

/// A new endpoint with its signing secret, which Stripe shows this once.
#[derive(Debug)]
pub struct NewEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// `whsec_…`
    pub secret: SecretString,
}

#[derive(Deserialize)]
struct WithSecret {
    secret: Option<String>,
}

impl Client {
    /// Makes an endpoint for `url` that gets every subscribed event in our version.
    pub async fn create_endpoint(&self, url: &str, project: &str) -> Result<NewEndpoint, Error> {
        let events: Vec<CreateWebhookEndpointEnabledEvents> =
            SUBSCRIBED.iter().filter_map(|name| name.parse().ok()).collect();
        let request = CreateWebhookEndpoint::new(events, url)
            .api_version(stripe_shared::version::VERSION)
            .description("billfold keeps its mirror of this account exact")
            .metadata(HashMap::from([(OWNER.to_owned(), project.to_owned())]))
            .build();
        let raw: Box<RawValue> = self.call(&request).await?.value;
        let endpoint = decode(&raw)?;
        let secret = decode::<WithSecret>(&raw)?
            .secret
            .filter(|secret| !secret.is_empty())
            .ok_or_else(|| Error::Unreadable("the new webhook endpoint has no secret".to_owned()))?;
        Ok(NewEndpoint { endpoint, secret: SecretString::from(secret) })
    }

    /// The endpoint, or `None` when it is gone.
    pub async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, Error> {
        match self.call(&RetrieveWebhookEndpoint::new(path_segment(id).as_ref()).build()).await {
            Ok(answered) => Ok(Some(answered.value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives an endpoint another address; its secret stays.
    pub async fn move_endpoint(&self, id: &str, url: &str) -> Result<(), Error> {
        let request = UpdateWebhookEndpoint::new(path_segment(id).as_ref()).url(url).build();
        self.call::<serde::de::IgnoredAny>(&request).await.map(drop)
    }

    /// Removes an endpoint. One that is gone already counts as removed.
    pub async fn delete_endpoint(&self, id: &str) -> Result<(), Error> {
        let request = DeleteWebhookEndpoint::new(path_segment(id).as_ref()).build();
        match self.call::<serde::de::IgnoredAny>(&request).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every endpoint of the account, billfold's and others'. Stripe allows sixteen.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let mut endpoints = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut request = ListWebhookEndpoint::new().limit(100);
            if let Some(cursor) = &cursor {
                request = request.starting_after(cursor);
            }
            let page = self.page(&request.build(), cursor.as_deref()).await?;
            for raw in &page.data {
                endpoints.push(decode(raw)?);
            }
            cursor = page.data.last().map(|raw| object_id(raw)).transpose()?;
            if !page.has_more {
                return Ok(endpoints);
            }
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(raw: &RawValue) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|error| Error::Unreadable(error.to_string()))
}
