//! Which project a Stripe account and mode belongs to.
