-- The businesses, the people who log in, and the queue. System tables: no customer data, reached before a tenant is known.

CREATE TABLE instance (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  setup_token_hash TEXT COLLATE "C",                       -- SHA-256 of the one-time set-up link's token
  setup_finished_at BIGINT                    -- set once, never cleared: set-up is closed for good
);
INSERT INTO instance (id) VALUES (1);

CREATE TABLE tenants (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  sealed_data_key TEXT COLLATE "C" NOT NULL,               -- the tenant's data key, sealed by a master key
  data_key_version BIGINT NOT NULL,
  created BIGINT NOT NULL
);

CREATE TABLE users (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  email TEXT COLLATE "C" NOT NULL UNIQUE,                  -- normalised: trimmed, lower case
  name TEXT COLLATE "C" NOT NULL,
  password_hash TEXT COLLATE "C" NOT NULL,                 -- argon2id, PHC string
  session_version BIGINT NOT NULL,            -- raised to end every session of the user
  created BIGINT NOT NULL,
  disabled_at BIGINT
);

CREATE TABLE members (
  tenant_id TEXT COLLATE "C" NOT NULL,
  user_id TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
  id_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,           -- SHA-256 of the cookie's value
  user_id TEXT COLLATE "C",
  data TEXT COLLATE "C" NOT NULL,
  user_agent TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE login_failures (
  subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,           -- SHA-256 of "account:<e-mail>" or "ip:<address>"
  failures BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  blocked_until BIGINT NOT NULL
);
CREATE INDEX login_failures_first ON login_failures (first_at);

CREATE TABLE webhook_routes (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,        -- SHA-256 of the token in the webhook URL
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  expires_at BIGINT
);
CREATE INDEX webhook_routes_project ON webhook_routes (tenant_id, project_id);

CREATE TABLE account_routes (
  account_id TEXT COLLATE "C" NOT NULL,                    -- Stripe's acct_…: one account and mode belongs to one project
  livemode BOOLEAN NOT NULL,
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id, livemode)
);
CREATE INDEX account_routes_project ON account_routes (tenant_id, project_id);

CREATE TABLE jobs (
  kind TEXT COLLATE "C" NOT NULL,
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  run_at BIGINT NOT NULL,
  wakes BIGINT NOT NULL,                      -- raised by each wish for a run, so that a wish during a run is not lost
  fence BIGINT NOT NULL,                      -- raised by each claim; work commits only under the fence it claimed
  lease_until BIGINT NOT NULL,                -- 0: free
  leased_by TEXT COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL,                   -- failures in a row
  last_error TEXT COLLATE "C",
  PRIMARY KEY (kind, tenant_id, project_id)
);
CREATE INDEX jobs_due ON jobs (run_at);
