//! The questions, one harmless call each.

use super::{Endpoint, EndpointState, Owed, Report};
use crate::{
    connect::{
        Error, Result, Scope,
        check::{Asked, Extent, ask, to_text},
    },
    domain::event::EventStatus,
    store::{connections::Connection, inbox, webhook_events},
    stripe::{
        self, Client,
        endpoints::{self, api_version},
        events::SUBSCRIBED,
    },
};

/// Events that wait are counted up to here.
const COUNTED: i64 = 10_000;

impl Scope {
    /// Finds out everything.
    ///
    /// # Errors
    /// Stripe cannot be asked for what the mirror needs; a report without that would say nothing.
    pub(super) async fn look(&self, connection: &Connection, client: &Client) -> Result<Report> {
        let budget = client.budget(); // before this look takes its part of it
        // One call first: with a key that Stripe does not accept the other twenty would tell nothing more.
        let asked = match client.account().await {
            Err(error) if error.is_key_rejected() => Err(Error::KeyRejected),
            _ => ask(client, Extent::Whole).await,
        };
        let (accepted, permissions) = match asked {
            Ok(Asked { unreachable: Some(error), .. }) => return Err(error.into()),
            Ok(Asked { results, .. }) => (true, to_text(&results)),
            Err(Error::KeyRejected) => (false, "[]".to_owned()),
            Err(error) => return Err(error),
        };
        let (endpoint, owed) = if accepted {
            let (endpoint, owed) = tokio::join!(self.look_at_endpoint(connection, client), self.look_at_events(client));
            (endpoint?, owed?)
        } else {
            let cause = Error::KeyRejected.to_string();
            (described(EndpointState::Unknown(cause.clone()), connection), Owed::Unknown { cause })
        };
        let mut tx = self.app.db.read(&self.tenant).await?;
        let mut count = [0; 3];
        for (count, state) in count.iter_mut().zip([EventStatus::Received, EventStatus::Failed, EventStatus::Dead]) {
            *count = inbox::count_up_to(&mut tx, &self.project, state, COUNTED).await?;
        }
        let [received, failed, dead] = count;
        Ok(Report {
            accepted,
            key_kind: connection.key_kind.clone(),
            key_last4: connection.key_last4.clone(),
            livemode: connection.livemode,
            permissions,
            endpoint,
            owed,
            waiting: received + failed,
            dead,
            stripe_is_ahead: client.stripe_is_ahead(),
            budget,
        })
    }

    /// The endpoint that billfold made, or the one that a person made for this project's address.
    async fn look_at_endpoint(&self, connection: &Connection, client: &Client) -> Result<Endpoint> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let address = self.app.webhook_url(&mut tx, &self.project, connection).await?;
        drop(tx);
        let found = match &connection.endpoint_id {
            Some(id) => client.endpoint(id).await,
            None => client.endpoints().await.map(|all| all.into_iter().find(|one| Some(&one.url) == address.as_ref())),
        };
        Ok(match found {
            Ok(Some(endpoint)) => seen(endpoint, connection, address.as_deref()),
            Ok(None) if connection.endpoint_id.is_some() => described(EndpointState::Gone, connection),
            Ok(None) => described(EndpointState::None, connection),
            Err(stripe::Error::Refused { .. }) => described(EndpointState::Hidden, connection),
            Err(error) => described(EndpointState::Unknown(error.to_string()), connection),
        })
    }

    /// What Stripe has not delivered, and what of it has not arrived here by another way either.
    async fn look_at_events(&self, client: &Client) -> Result<Owed> {
        let undelivered = match client.undelivered().await {
            Ok(undelivered) => undelivered,
            Err(stripe::Error::Refused { .. }) => return Ok(Owed::Hidden),
            Err(error) => return Ok(Owed::Unknown { cause: error.to_string() }),
        };
        let wanted: Vec<_> =
            undelivered.events.iter().filter(|event| SUBSCRIBED.contains(&event.event_type.as_str())).collect();
        let mut tx = self.app.db.read(&self.tenant).await?;
        let ids = wanted.iter().map(|event| event.id.as_str());
        let here = webhook_events::known(&mut tx, &self.project, ids).await?;
        let lacking = || wanted.iter().filter(|event| !here.contains(&event.id));
        Ok(Owed::Counted {
            events: undelivered.events.len(),
            has_more: undelivered.has_more,
            not_here: lacking().count(),
            oldest: lacking().map(|event| event.created).min(),
        })
    }
}

/// An endpoint of which nothing but its state is known.
fn described(state: EndpointState, connection: &Connection) -> Endpoint {
    Endpoint {
        state,
        id: connection.endpoint_id.clone(),
        is_ours: connection.endpoint_id.is_some(),
        api_version: None,
        wanted_version: api_version().to_owned(),
        missing_events: Vec::new(),
    }
}

fn seen(endpoint: endpoints::Endpoint, connection: &Connection, address: Option<&str>) -> Endpoint {
    let state = match endpoint.status.as_str() {
        _ if address.is_some_and(|address| address != endpoint.url) => EndpointState::Elsewhere(endpoint.url),
        "disabled" => EndpointState::Disabled,
        _ => EndpointState::Enabled,
    };
    let gets = |wanted: &str| endpoint.enabled_events.iter().any(|one| one == "*" || one == wanted);
    let missing = SUBSCRIBED.iter().filter(|wanted| !gets(wanted));
    Endpoint {
        missing_events: missing.map(|&wanted| wanted.to_owned()).collect(),
        id: Some(endpoint.id),
        api_version: endpoint.api_version,
        ..described(state, connection)
    }
}
