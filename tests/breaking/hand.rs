//! What a story does itself, so that it sees each answer: deliveries by hand, and a person who looks at pages.

use billfold::{domain::role::Role, standin::kind::Kind};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::harness::{Account, PASSWORD, Visitor, process::Ground};

/// Delivers events that Stripe could have made.
pub struct Hand<'a> {
    account: &'a Account<'a>,
    customer: Value,
    http: Client,
}

impl<'a> Hand<'a> {
    /// Of an account with a customer. The events tell of it as it is.
    pub fn of(account: &'a Account<'a>) -> Self {
        Self::of_each(account).swap_remove(0)
    }

    /// The same for each of its customers.
    pub fn of_each(account: &'a Account<'a>) -> Vec<Self> {
        let (customers, http) = (account.dump(Kind::Customer).into_iter(), Client::new());
        let there = customers.filter(|customer| customer["deleted"] != true);
        there.map(|customer| Self { account, customer, http: http.clone() }).collect()
    }

    /// A signature and a body, in which `padding` is what nobody reads.
    pub fn event(&self, id: &str, padding: &str) -> (String, String) {
        let now = billfold::clock::Clock::system().now();
        let event = json!({
            "id": id, "object": "event", "type": "customer.updated", "created": now - 60, "livemode": false,
            "data": { "object": self.customer }, "padding": padding,
        });
        let payload = event.to_string();
        (self.account.sign(&payload, now), payload)
    }

    /// Delivers such an event.
    pub async fn deliver(&self, id: &str, padding: &str) -> Response {
        let (signature, payload) = self.event(id, padding);
        self.send(signature, payload).await
    }

    /// Delivers that the customer is called this now, or again as at Stripe.
    pub async fn deliver_name(&self, id: &str, name: Option<&str>) -> Response {
        let (now, mut customer) = (billfold::clock::Clock::system().now(), self.customer.clone());
        if let Some(name) = name {
            customer["name"] = json!(name);
        }
        let event = json!({
            "id": id, "object": "event", "type": "customer.updated", "created": now, "livemode": false,
            "data": { "object": customer },
        });
        let payload = event.to_string();
        self.send(self.account.sign(&payload, now), payload).await
    }

    async fn send(&self, signature: String, payload: String) -> Response {
        let request = self.http.post(self.account.webhook_url()).header("stripe-signature", signature).body(payload);
        request.send().await.unwrap()
    }
}

/// Somebody of the business, signed in at this address.
pub async fn signed_in(ground: &Ground, base: &str, role: Role) -> Visitor {
    let email = ground.new_member(role).await;
    let visitor = Visitor::new(base).at_home(ground.tenant.home());
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    visitor.submit(&form.fill("email", &email).fill("password", PASSWORD)).await.expect(303);
    visitor
}
