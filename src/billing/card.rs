//! The card that is charged: typed in on a page of Stripe's, so that no number of it is ever seen here.

use super::{
    Action, Error, Nonce, Outcome, Result,
    carry::{Intent, Target},
    error::check,
};
use crate::{
    app::Scope,
    domain::{
        drafts::{CheckoutDraft, CheckoutMode},
        ids::path_segment,
        kind::Kind,
        raw::Raw,
    },
    store::{
        list::{Filter, Slice},
        mirror::Mirrored,
        subscriptions,
    },
    stripe::write,
};

/// Subscriptions whose card is looked at; nobody has more that go on.
const MOST: usize = 100;
/// What Stripe needs where a customer has never paid.
const CURRENCY: &str = "usd";

/// A saved way to pay, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Such as `visa`; for other ways to pay their kind, such as `sepa_debit`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// Month and year of its end.
    pub expires: Option<(i64, i64)>,
}

impl Scope {
    /// Makes the page on which a customer (our id) types a card in. Its address stands in the answer as `url`.
    pub async fn begin_card(&self, nonce: &Nonce, customer: &str) -> Result<Outcome> {
        let customer = self.object(Kind::Customer, customer).await?;
        let base = self.app.config.public_url();
        let base = base.trim_end_matches('/');
        let currency = Raw::parse(&customer.raw).text("/currency").unwrap_or(CURRENCY).to_owned();
        let draft = CheckoutDraft {
            mode: CheckoutMode::Setup,
            customer: Some(customer.stripe_id.clone()),
            success_url: format!("{base}/portal/card/done"),
            cancel_url: Some(format!("{base}/portal/card")),
            currency: Some(currency),
            ..CheckoutDraft::default()
        };
        check(draft.flaws())?;
        let request = write::checkout::create(Some(&customer.stripe_id), &[], &draft);
        self.carry_out(nonce, Intent { action: Action::CreateCheckout, target: None, request }).await
    }

    /// Makes the card of a finished session the one that is charged, for the customer (our id) and for each subscription that
    /// has a card of its own. However often it is called, it is done once. `None`: the customer has not finished.
    pub async fn finish_card(&self, customer: &str, session: &str) -> Result<Option<Outcome>> {
        let customer = self.object(Kind::Customer, customer).await?;
        let found = self.checkout(session).await?;
        let fits = found.reference("/customer") == Some(&customer.stripe_id) && found.text("/mode") == Some("setup");
        if !fits {
            return Err(Error::NotFound("checkout.session"));
        }
        if found.text("/status") != Some("complete") {
            return Ok(None);
        }
        let intent = found.reference("/setup_intent").unwrap_or_default().to_owned();
        let intent = self.reader().await?.read_path(&format!("/setup_intents/{}", path_segment(&intent))).await?;
        let intent = intent.map(|raw| Raw::parse(raw.get())).unwrap_or_default();
        let card = intent.reference("/payment_method").ok_or(Error::NotFound("payment_method"))?.to_owned();

        let request = write::customers::set_card(&customer.stripe_id, &card);
        let place = customer.id.clone();
        let mut last = self.set_card((session, Action::SetCustomerCard), customer, request).await?;
        for subscription in self.with_own_card(&place).await? {
            let request = write::subscriptions::set_card(&subscription.stripe_id, &card);
            let outcome = self.set_card((session, Action::SetSubscriptionCard), subscription, request).await?;
            if matches!(outcome, Outcome::Waiting(_)) {
                last = outcome;
            }
        }
        Ok(Some(last))
    }

    async fn set_card(
        &self,
        (session, action): (&str, Action),
        target: Mirrored,
        request: write::WriteRequest,
    ) -> Result<Outcome> {
        let nonce = Nonce::step(&format!("{session} {}", target.stripe_id));
        let target = Some(Target::from(target));
        self.carry_out(&nonce, Intent { action, target, request }).await
    }

    /// The customer's subscriptions that go on and do not use the customer's own card.
    async fn with_own_card(&self, customer: &str) -> Result<Vec<Mirrored>> {
        let mine = Filter { customers: Some(vec![customer.to_owned()]), ..Filter::default() };
        let mut tx = self.app.db.read(&self.tenant).await?;
        let found = subscriptions::list(&mut tx, &self.project, &mine, &Slice::newest(MOST)).await?.rows;
        drop(tx);
        let mut with_own = Vec::new();
        for subscription in found.into_iter().filter(|subscription| !subscription.is_over()) {
            let subscription = self.object(Kind::Subscription, &subscription.id).await?;
            if Raw::parse(&subscription.raw).reference("/default_payment_method").is_some() {
                with_own.push(subscription);
            }
        }
        Ok(with_own)
    }

    /// The way to pay that a customer (our id) is charged by; none when there is none.
    pub async fn card(&self, customer: &str) -> Result<Option<Card>> {
        let customer = self.object(Kind::Customer, customer).await?;
        // as Stripe charges: a subscription's own card comes before the customer's
        let own = self.with_own_card(&customer.id).await?;
        let own = own.first().map(|subscription| Raw::parse(&subscription.raw)).unwrap_or_default();
        let raw = Raw::parse(&customer.raw);
        let id = own.reference("/default_payment_method").or(raw.reference("/invoice_settings/default_payment_method"));
        let id = id.map(ToOwned::to_owned);
        let Some(id) = id else { return Ok(None) };
        let method = self.reader().await?.read_path(&format!("/payment_methods/{}", path_segment(&id))).await?;
        Ok(method.map(|raw| Card::of(&Raw::parse(raw.get()))))
    }
}

impl Card {
    fn of(method: &Raw) -> Self {
        let kind = method.text("/type").unwrap_or("card");
        let part = |name: &str| format!("/{kind}/{name}");
        Self {
            brand: method.text(&part("brand")).unwrap_or(kind).to_owned(),
            last4: method.text(&part("last4")).unwrap_or_default().to_owned(),
            expires: method.int(&part("exp_month")).zip(method.int(&part("exp_year"))),
        }
    }
}
