-- Keys of the REST API, what was done with them, and the answers that are kept so that a repeated request gets the same one.

-- A system table: a key is looked up by its hash before its tenant is known. It holds no customer data.
CREATE TABLE api_keys (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  key_hash TEXT COLLATE "C" NOT NULL UNIQUE,               -- SHA-256 of the key
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  shown TEXT COLLATE "C" NOT NULL,                         -- bs_1a2b…c3d4
  name TEXT COLLATE "C" NOT NULL,
  scopes TEXT COLLATE "C" NOT NULL,                        -- 'customers:read invoices:read'; empty allows nothing
  created BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,                    -- user id, or the name of the part of billfold that acted
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  replaces TEXT COLLATE "C",                               -- the key it was rolled from
  replaced_by TEXT COLLATE "C",                            -- the key it was rolled to
  last_used_at BIGINT, last_used_from TEXT COLLATE "C"    -- noted at most once a minute
);
CREATE INDEX api_keys_project ON api_keys (tenant_id, project_id, created, id);

-- One line per request, kept for 30 days.
CREATE TABLE api_requests (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, key_id TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,                         -- unix microseconds
  request_id TEXT COLLATE "C" NOT NULL,
  method TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,                          -- the pattern, never an id
  status BIGINT NOT NULL,
  micros BIGINT NOT NULL,                     -- how long it took
  PRIMARY KEY (tenant_id, project_id, key_id, at, request_id)
);
CREATE INDEX api_requests_at ON api_requests (tenant_id, project_id, at);

-- Requests per key and hour: what is counted stays right when the log is cut short under load.
CREATE TABLE api_key_hours (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, key_id TEXT COLLATE "C" NOT NULL,
  hour BIGINT NOT NULL,                       -- unix seconds of its beginning
  n BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, key_id, hour)
);

-- When a key last used a scope that it has.
CREATE TABLE api_key_scopes (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL, key_id TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,
  last_used_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id, key_id, scope)
);

-- Requests that named an Idempotency-Key, and their answers, for 24 hours.
CREATE TABLE idempotency (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  key_hash TEXT COLLATE "C" NOT NULL,                      -- SHA-256 of the Idempotency-Key
  fingerprint TEXT COLLATE "C" NOT NULL,                   -- SHA-256 of method, path and body
  started_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  status BIGINT,                              -- of the answer; NULL while the request runs
  body TEXT COLLATE "C",                                   -- of the answer
  PRIMARY KEY (tenant_id, project_id, key_hash)
);
CREATE INDEX idempotency_expires ON idempotency (tenant_id, project_id, expires_at);

DO $$
DECLARE t text;
BEGIN
  GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO billfold_app;
  FOREACH t IN ARRAY ARRAY['api_requests', 'api_key_hours', 'api_key_scopes', 'idempotency'] LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO billfold_app', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))
      WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))', t);
  END LOOP;
END $$;
