-- What a tenant owns besides the mirror. Every key starts with the tenant.

CREATE TABLE projects (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE connections (
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  state TEXT NOT NULL,                         -- connected, key_rejected, disconnected
  account_id TEXT,
  account_name TEXT,
  livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  key_kind TEXT NOT NULL,                      -- restricted or secret
  key_last4 TEXT NOT NULL,
  sealed_key TEXT,
  credential_version INTEGER NOT NULL,
  sealed_token TEXT,                           -- the webhook URL's token, to show the URL again
  endpoint_id TEXT,                            -- Stripe's we_…, when billfold made the endpoint
  api_version TEXT NOT NULL,                   -- pinned for calls and for the endpoint
  permissions TEXT NOT NULL,                   -- JSON: the result of the last check, per permission
  connected_at INTEGER NOT NULL,
  checked_at INTEGER NOT NULL,
  disconnected_at INTEGER,
  first_event_at INTEGER,
  last_event_at INTEGER,
  last_error TEXT,
  PRIMARY KEY (tenant_id, project_id)
) STRICT;

CREATE TABLE signing_secrets (
  tenant_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  id TEXT NOT NULL,
  sealed TEXT NOT NULL CHECK (length(sealed) > 0),
  version INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (tenant_id, project_id, id)
) STRICT;

CREATE TABLE audit_log (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  project_id TEXT,
  at INTEGER NOT NULL,                         -- unix microseconds
  actor TEXT NOT NULL,                         -- user id, or the name of the part of billfold that acted
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,                        -- JSON without secrets
  request_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX audit_log_at ON audit_log (tenant_id, at, id);
