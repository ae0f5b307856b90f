//! Which project a webhook URL belongs to.
