//! Deliveries made by hand, and what became of events.

use reqwest::Method;
use serde_json::Value;

use super::{Account, Answer, Site};

impl Site {
    /// Turns switches of the stand-in, see [`billfold::standin::chaos::Chaos`].
    pub fn chaos(&self, switches: Value) {
        self.stripe.control().switches.change(None, switches).unwrap();
    }

    /// Delivers a payload to the account's endpoint, signed as Stripe would.
    pub async fn deliver(&self, account: &Account<'_>, payload: &str) -> Answer {
        let visitor = self.anonymous();
        let request = visitor
            .request(Method::POST, &account.webhook_url())
            .header("stripe-signature", account.sign(payload, self.app.clock.now()))
            .body(payload.to_owned());
        visitor.send(request).await
    }

    /// An event's status and outcome.
    pub async fn event(&self, id: &str) -> (String, Option<String>) {
        let tenant = self.tenant().await;
        let mut tx = self.app.db.read(&tenant.id).await.unwrap();
        tx.query("SELECT status, outcome FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 AND id = $3")
            .bind(&tenant.project)
            .bind(id)
            .fetch_one()
            .await
            .unwrap()
    }

    /// The ids of all stored events, in order of arrival.
    pub async fn event_ids(&self) -> Vec<String> {
        let tenant = self.tenant().await;
        let mut tx = self.app.db.read(&tenant.id).await.unwrap();
        tx.query("SELECT id FROM webhook_events WHERE tenant_id = $1 AND project_id = $2 ORDER BY arrival, id")
            .bind(&tenant.project)
            .fetch_values()
            .await
            .unwrap()
    }

    /// The kept counts of finished events by status.
    pub async fn event_counts(&self) -> Vec<(String, i64)> {
        let tenant = self.tenant().await;
        let mut tx = self.app.db.read(&tenant.id).await.unwrap();
        tx.query("SELECT status, n FROM counts WHERE tenant_id = $1 AND project_id = $2 AND kind = 'event' AND n <> 0 ORDER BY status")
            .bind(&tenant.project)
            .fetch_all()
            .await
            .unwrap()
    }
}

impl Site {
    /// An account's newest event, as Stripe lists it.
    pub async fn last_event(&self, account: &Account<'_>) -> Value {
        let url = format!("{}/v1/events?limit=1", self.stripe.url());
        let list = reqwest::Client::new().get(url).bearer_auth(&account.keys.secret_key).send().await.unwrap();
        let list: Value = serde_json::from_str(&list.text().await.unwrap()).unwrap();
        list["data"][0].clone()
    }
}
