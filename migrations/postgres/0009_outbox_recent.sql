-- The page of what was asked of Stripe, newest first.
CREATE INDEX outbox_recent ON outbox (tenant_id, project_id, created, id);
