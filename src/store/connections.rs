//! A project's Stripe account.
