//! A tenant's environments.
