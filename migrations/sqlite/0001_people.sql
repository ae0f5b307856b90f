-- The businesses, the people who log in, and the queue. System tables: no customer data, reached before a tenant is known.

CREATE TABLE instance (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  setup_token_hash TEXT,                       -- SHA-256 of the one-time set-up link's token
  setup_finished_at INTEGER                    -- set once, never cleared: set-up is closed for good
) STRICT;
INSERT INTO instance (id) VALUES (1);

CREATE TABLE tenants (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  sealed_data_key TEXT NOT NULL,               -- the tenant's data key, sealed by a master key
  data_key_version INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,                  -- normalised: trimmed, lower case
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,                 -- argon2id, PHC string
  session_version INTEGER NOT NULL,            -- raised to end every session of the user
  created INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;

CREATE TABLE members (
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
) STRICT;
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
  id_hash TEXT NOT NULL PRIMARY KEY,           -- SHA-256 of the cookie's value
  user_id TEXT,
  data TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE login_failures (
  subject TEXT NOT NULL PRIMARY KEY,           -- SHA-256 of "account:<e-mail>" or "ip:<address>"
  failures INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX login_failures_first ON login_failures (first_at);

CREATE TABLE webhook_routes (
  token_hash TEXT NOT NULL PRIMARY KEY,        -- SHA-256 of the token in the webhook URL
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;
CREATE INDEX webhook_routes_project ON webhook_routes (tenant_id, project_id);

CREATE TABLE account_routes (
  account_id TEXT NOT NULL,                    -- Stripe's acct_…: one account and mode belongs to one project
  livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  PRIMARY KEY (account_id, livemode)
) STRICT;
CREATE INDEX account_routes_project ON account_routes (tenant_id, project_id);

CREATE TABLE jobs (
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  run_at INTEGER NOT NULL,
  wakes INTEGER NOT NULL,                      -- raised by each wish for a run, so that a wish during a run is not lost
  fence INTEGER NOT NULL,                      -- raised by each claim; work commits only under the fence it claimed
  lease_until INTEGER NOT NULL,                -- 0: free
  leased_by TEXT NOT NULL,
  attempts INTEGER NOT NULL,                   -- failures in a row
  last_error TEXT,
  PRIMARY KEY (kind, tenant_id, project_id)
) STRICT;
CREATE INDEX jobs_due ON jobs (run_at);
