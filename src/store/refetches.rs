//! Objects to be read again from Stripe.
