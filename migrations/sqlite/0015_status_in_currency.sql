-- Void invoices in yen: a status and a currency together, in the order of the list.
CREATE INDEX subscriptions_currency_status ON subscriptions (tenant_id, project_id, currency, status, created, id);
CREATE INDEX invoices_currency_status ON invoices (tenant_id, project_id, currency, status, created, id);
-- As 0005_planner says it of the others.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('subscriptions', 'subscriptions_currency_status', '1500000 750000 400000 60000 8000 2 1'),
  ('invoices', 'invoices_currency_status', '3000000 1500000 750000 160000 20000 2 1');
