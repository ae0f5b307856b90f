-- Void invoices in yen: a status and a currency together, in the order of the list.
CREATE INDEX subscriptions_currency_status ON subscriptions (tenant_id, project_id, currency, status, created, id);
CREATE INDEX invoices_currency_status ON invoices (tenant_id, project_id, currency, status, created, id);
