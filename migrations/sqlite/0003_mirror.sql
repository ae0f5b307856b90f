-- The mirror: Stripe's objects as Stripe sent them, plus the columns that are listed, filtered and summed.
-- id is derived from project and stripe_id. version_at: the unix second this state is proven for. Money in minor units.
-- No foreign keys between mirrored tables: children may arrive first.

CREATE TABLE customers (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- active, delinquent, deleted
  name TEXT NOT NULL, email TEXT NOT NULL, currency TEXT, balance INTEGER NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX customers_created ON customers (tenant_id, project_id, created, id);
CREATE INDEX customers_status ON customers (tenant_id, project_id, status, created, id);
CREATE INDEX customers_email ON customers (tenant_id, project_id, email, id);

CREATE TABLE products (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- active, archived, deleted
  name TEXT NOT NULL, description TEXT, default_price_id TEXT,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX products_created ON products (tenant_id, project_id, created, id);
CREATE INDEX products_status ON products (tenant_id, project_id, status, created, id);

CREATE TABLE prices (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- active, archived, deleted
  product_id TEXT NOT NULL, nickname TEXT, lookup_key TEXT, currency TEXT NOT NULL,
  unit_amount INTEGER,                         -- NULL: tiered, or a decimal finer than the minor unit (see raw)
  recurring_interval TEXT, recurring_count INTEGER, usage_type TEXT, billing_scheme TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX prices_created ON prices (tenant_id, project_id, created, id);
CREATE INDEX prices_product ON prices (tenant_id, project_id, product_id, created, id);

CREATE TABLE subscriptions (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- Stripe's own words
  customer_id TEXT NOT NULL, currency TEXT NOT NULL,
  amount INTEGER NOT NULL,                     -- per period of the first item, licensed items only
  recurring_interval TEXT, recurring_count INTEGER,
  price_id TEXT, quantity INTEGER,             -- of the first item
  item_count INTEGER NOT NULL, items_digest TEXT NOT NULL,
  current_period_start INTEGER, current_period_end INTEGER,
  cancel_at_period_end INTEGER NOT NULL CHECK (cancel_at_period_end IN (0, 1)),
  cancel_at INTEGER, canceled_at INTEGER, ended_at INTEGER, trial_end INTEGER,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX subscriptions_created ON subscriptions (tenant_id, project_id, created, id);
CREATE INDEX subscriptions_status ON subscriptions (tenant_id, project_id, status, created, id);
CREATE INDEX subscriptions_currency ON subscriptions (tenant_id, project_id, currency, created, id);
CREATE INDEX subscriptions_customer ON subscriptions (tenant_id, project_id, customer_id, created, id);

CREATE TABLE subscription_items (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, subscription_id TEXT NOT NULL,
  stripe_id TEXT NOT NULL,                     -- si_…
  price_id TEXT NOT NULL, product_id TEXT NOT NULL,
  quantity INTEGER,                            -- NULL: metered
  PRIMARY KEY (tenant_id, project_id, subscription_id, stripe_id)
) STRICT;
CREATE INDEX subscription_items_price ON subscription_items (tenant_id, project_id, price_id, subscription_id);

CREATE TABLE invoices (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- draft, open, paid, uncollectible, void, deleted
  customer_id TEXT, subscription_id TEXT,
  number TEXT NOT NULL, customer_name TEXT NOT NULL, customer_email TEXT NOT NULL,
  currency TEXT NOT NULL, total INTEGER NOT NULL, amount_due INTEGER NOT NULL,
  amount_paid INTEGER NOT NULL, amount_remaining INTEGER NOT NULL,
  due_date INTEGER, period_start INTEGER, period_end INTEGER, paid_at INTEGER,
  attempt_count INTEGER NOT NULL, next_payment_attempt INTEGER,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX invoices_created ON invoices (tenant_id, project_id, created, id);
CREATE INDEX invoices_status ON invoices (tenant_id, project_id, status, created, id);
CREATE INDEX invoices_currency ON invoices (tenant_id, project_id, currency, created, id);
CREATE INDEX invoices_number ON invoices (tenant_id, project_id, number);
CREATE INDEX invoices_customer ON invoices (tenant_id, project_id, customer_id, created, id);

CREATE TABLE charges (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, id TEXT NOT NULL, stripe_id TEXT NOT NULL,
  created INTEGER NOT NULL, version_at INTEGER NOT NULL, synced_at INTEGER NOT NULL, deleted_at INTEGER,
  status TEXT NOT NULL,                        -- succeeded, pending, failed
  customer_id TEXT, invoice_id TEXT, payment_intent TEXT,
  currency TEXT NOT NULL, amount INTEGER NOT NULL, amount_refunded INTEGER NOT NULL,
  disputed INTEGER NOT NULL CHECK (disputed IN (0, 1)),
  failure_message TEXT, description TEXT,
  raw TEXT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;
CREATE INDEX charges_created ON charges (tenant_id, project_id, created, id);
CREATE INDEX charges_customer ON charges (tenant_id, project_id, customer_id, created, id);

-- How many objects of a kind have a status; kept by the same transaction that changes them.
CREATE TABLE counts (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id, kind, status)
) WITHOUT ROWID, STRICT;

-- The words an object is found by. scope: three characters made from the project, so that the
-- trigram index answers for one project without walking the others.
CREATE TABLE search (
  row INTEGER NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  scope TEXT NOT NULL,
  words TEXT NOT NULL,                         -- lower case
  UNIQUE (tenant_id, project_id, kind, id)
) STRICT;
CREATE VIRTUAL TABLE search_index USING fts5 (scope, words, content='search', content_rowid='row', tokenize='trigram', detail='full');
CREATE TRIGGER search_inserted AFTER INSERT ON search BEGIN
  INSERT INTO search_index (rowid, scope, words) VALUES (new.row, new.scope, new.words);
END;
CREATE TRIGGER search_deleted AFTER DELETE ON search BEGIN
  INSERT INTO search_index (search_index, rowid, scope, words) VALUES ('delete', old.row, old.scope, old.words);
END;
CREATE TRIGGER search_updated AFTER UPDATE ON search WHEN old.words <> new.words BEGIN
  INSERT INTO search_index (search_index, rowid, scope, words) VALUES ('delete', old.row, old.scope, old.words);
  INSERT INTO search_index (rowid, scope, words) VALUES (new.row, new.scope, new.words);
END;
