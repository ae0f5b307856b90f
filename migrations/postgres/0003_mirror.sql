-- The mirror: Stripe's objects as Stripe sent them, plus the columns that are listed, filtered and summed.
-- id is derived from project and stripe_id. version_at: the unix second this state is proven for. Money in minor units.
-- No foreign keys between mirrored tables: children may arrive first.

CREATE TABLE customers (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- active, delinquent, deleted
  name TEXT COLLATE "C" NOT NULL, email TEXT COLLATE "C" NOT NULL, currency TEXT COLLATE "C", balance BIGINT NOT NULL,
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX customers_created ON customers (tenant_id, project_id, created, id);
CREATE INDEX customers_status ON customers (tenant_id, project_id, status, created, id);
CREATE INDEX customers_email ON customers (tenant_id, project_id, email, id);

CREATE TABLE products (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- active, archived, deleted
  name TEXT COLLATE "C" NOT NULL, description TEXT COLLATE "C", default_price_id TEXT COLLATE "C",
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
);
CREATE INDEX products_created ON products (tenant_id, project_id, created, id);
CREATE INDEX products_status ON products (tenant_id, project_id, status, created, id);

CREATE TABLE prices (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- active, archived, deleted
  product_id TEXT COLLATE "C" NOT NULL, nickname TEXT COLLATE "C", lookup_key TEXT COLLATE "C", currency TEXT COLLATE "C" NOT NULL,
  unit_amount BIGINT,                         -- NULL: tiered, or a decimal finer than the minor unit (see raw)
  recurring_interval TEXT COLLATE "C", recurring_count BIGINT, usage_type TEXT COLLATE "C", billing_scheme TEXT COLLATE "C" NOT NULL,
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
);
CREATE INDEX prices_created ON prices (tenant_id, project_id, created, id);
CREATE INDEX prices_product ON prices (tenant_id, project_id, product_id, created, id);

CREATE TABLE subscriptions (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- Stripe's own words
  customer_id TEXT COLLATE "C" NOT NULL, currency TEXT COLLATE "C" NOT NULL,
  amount BIGINT NOT NULL,                     -- per period of the first item, licensed items only
  recurring_interval TEXT COLLATE "C", recurring_count BIGINT,
  price_id TEXT COLLATE "C", quantity BIGINT,             -- of the first item
  item_count BIGINT NOT NULL, items_digest TEXT COLLATE "C" NOT NULL,
  current_period_start BIGINT, current_period_end BIGINT,
  cancel_at_period_end BOOLEAN NOT NULL,
  cancel_at BIGINT, canceled_at BIGINT, ended_at BIGINT, trial_end BIGINT,
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX subscriptions_created ON subscriptions (tenant_id, project_id, created, id);
CREATE INDEX subscriptions_status ON subscriptions (tenant_id, project_id, status, created, id);
CREATE INDEX subscriptions_currency ON subscriptions (tenant_id, project_id, currency, created, id);
CREATE INDEX subscriptions_customer ON subscriptions (tenant_id, project_id, customer_id, created, id);

CREATE TABLE subscription_items (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, subscription_id TEXT COLLATE "C" NOT NULL,
  stripe_id TEXT COLLATE "C" NOT NULL,                     -- si_…
  price_id TEXT COLLATE "C" NOT NULL, product_id TEXT COLLATE "C" NOT NULL,
  quantity BIGINT,                            -- NULL: metered
  PRIMARY KEY (tenant_id, project_id, subscription_id, stripe_id)
);
CREATE INDEX subscription_items_price ON subscription_items (tenant_id, project_id, price_id, subscription_id);

CREATE TABLE invoices (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- draft, open, paid, uncollectible, void, deleted
  customer_id TEXT COLLATE "C", subscription_id TEXT COLLATE "C",
  number TEXT COLLATE "C" NOT NULL, customer_name TEXT COLLATE "C" NOT NULL, customer_email TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL, total BIGINT NOT NULL, amount_due BIGINT NOT NULL,
  amount_paid BIGINT NOT NULL, amount_remaining BIGINT NOT NULL,
  due_date BIGINT, period_start BIGINT, period_end BIGINT, paid_at BIGINT,
  attempt_count BIGINT NOT NULL, next_payment_attempt BIGINT,
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX invoices_created ON invoices (tenant_id, project_id, created, id);
CREATE INDEX invoices_status ON invoices (tenant_id, project_id, status, created, id);
CREATE INDEX invoices_currency ON invoices (tenant_id, project_id, currency, created, id);
CREATE INDEX invoices_number ON invoices (tenant_id, project_id, number);
CREATE INDEX invoices_customer ON invoices (tenant_id, project_id, customer_id, created, id);

CREATE TABLE charges (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, stripe_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL, version_at BIGINT NOT NULL, synced_at BIGINT NOT NULL, deleted_at BIGINT,
  status TEXT COLLATE "C" NOT NULL,                        -- succeeded, pending, failed
  customer_id TEXT COLLATE "C", invoice_id TEXT COLLATE "C", payment_intent TEXT COLLATE "C",
  currency TEXT COLLATE "C" NOT NULL, amount BIGINT NOT NULL, amount_refunded BIGINT NOT NULL,
  disputed BOOLEAN NOT NULL,
  failure_message TEXT COLLATE "C", description TEXT COLLATE "C",
  raw TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX charges_created ON charges (tenant_id, project_id, created, id);
CREATE INDEX charges_customer ON charges (tenant_id, project_id, customer_id, created, id);

-- How many objects of a kind have a status; kept by the same transaction that changes them.
CREATE TABLE counts (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL, status TEXT COLLATE "C" NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, kind, status)
);

-- The words an object is found by.
CREATE TABLE search (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, kind TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,             -- used by SQLite's index; kept here so that both schemas are one
  words TEXT COLLATE "C" NOT NULL,             -- lower case
  PRIMARY KEY (tenant_id, project_id, kind, id)
);
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX search_words ON search USING gin (words gin_trgm_ops);

-- Finds the ids of the objects of one kind whose words match every pattern (one per line). Under row-level security the
-- planner may not use LIKE, which is not leakproof, with an index; so this function runs as the owner and names the tenant itself.
CREATE FUNCTION search_ids(project text, object_kind text, patterns text, most bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  query text := 'SELECT id FROM public.search WHERE tenant_id = $1 AND project_id = $2 AND kind = $3';
  pattern text;
BEGIN
  FOREACH pattern IN ARRAY string_to_array(patterns, E'\n') LOOP
    query := query || format(' AND words LIKE %L', pattern);
  END LOOP;
  RETURN QUERY EXECUTE query || ' LIMIT $4' USING NULLIF(current_setting('app.tenant_id', true), ''), project, object_kind, most;
END $$;
REVOKE EXECUTE ON FUNCTION search_ids FROM PUBLIC;
