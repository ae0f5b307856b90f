//! Mirrored subscriptions and their items.
