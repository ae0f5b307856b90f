-- What a tenant owns besides the mirror. Every key starts with the tenant.

CREATE TABLE projects (
  tenant_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);

CREATE TABLE connections (
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,                         -- connected, key_rejected, disconnected
  account_id TEXT COLLATE "C",
  account_name TEXT COLLATE "C",
  livemode BOOLEAN NOT NULL,
  key_kind TEXT COLLATE "C" NOT NULL,                      -- restricted or secret
  key_last4 TEXT COLLATE "C" NOT NULL,
  sealed_key TEXT COLLATE "C",
  credential_version BIGINT NOT NULL,
  sealed_token TEXT COLLATE "C",                           -- the webhook URL's token, to show the URL again
  endpoint_id TEXT COLLATE "C",                            -- Stripe's we_…, when billfold made the endpoint
  api_version TEXT COLLATE "C" NOT NULL,                   -- pinned for calls and for the endpoint
  permissions TEXT COLLATE "C" NOT NULL,                   -- JSON: the result of the last check, per permission
  connected_at BIGINT NOT NULL,
  checked_at BIGINT NOT NULL,
  disconnected_at BIGINT,
  first_event_at BIGINT,
  last_event_at BIGINT,
  last_error TEXT COLLATE "C",
  PRIMARY KEY (tenant_id, project_id)
);

CREATE TABLE signing_secrets (
  tenant_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  sealed TEXT COLLATE "C" NOT NULL CHECK (length(sealed) > 0),
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  expires_at BIGINT,
  PRIMARY KEY (tenant_id, project_id, id)
);

CREATE TABLE audit_log (
  tenant_id TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C",
  at BIGINT NOT NULL,                         -- unix microseconds
  actor TEXT COLLATE "C" NOT NULL,                         -- user id, or the name of the part of billfold that acted
  action TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C" NOT NULL,                        -- JSON without secrets
  request_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_at ON audit_log (tenant_id, at, id);
