-- Keys of the REST API, what was done with them, and the answers that are kept so that a repeated request gets the same one.

-- A system table: a key is looked up by its hash before its tenant is known. It holds no customer data.
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  key_hash TEXT NOT NULL UNIQUE,               -- SHA-256 of the key
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  shown TEXT NOT NULL,                         -- bs_1a2b…c3d4
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,                        -- 'customers:read invoices:read'; empty allows nothing
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,                    -- user id, or the name of the part of billfold that acted
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  replaces TEXT,                               -- the key it was rolled from
  replaced_by TEXT,                            -- the key it was rolled to
  last_used_at INTEGER, last_used_from TEXT    -- noted at most once a minute
) STRICT;
CREATE INDEX api_keys_project ON api_keys (tenant_id, project_id, created, id);

-- One line per request, kept for 30 days.
CREATE TABLE api_requests (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, key_id TEXT NOT NULL,
  at INTEGER NOT NULL,                         -- unix microseconds
  request_id TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,                          -- the pattern, never an id
  status INTEGER NOT NULL,
  micros INTEGER NOT NULL,                     -- how long it took
  PRIMARY KEY (tenant_id, project_id, key_id, at, request_id)
) STRICT;
CREATE INDEX api_requests_at ON api_requests (tenant_id, project_id, at);

-- Requests per key and hour: what is counted stays right when the log is cut short under load.
CREATE TABLE api_key_hours (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, key_id TEXT NOT NULL,
  hour INTEGER NOT NULL,                       -- unix seconds of its beginning
  n INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id, key_id, hour)
) STRICT;

-- When a key last used a scope that it has.
CREATE TABLE api_key_scopes (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL, key_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  last_used_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id, key_id, scope)
) STRICT;

-- Requests that named an Idempotency-Key, and their answers, for 24 hours.
CREATE TABLE idempotency (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  key_hash TEXT NOT NULL,                      -- SHA-256 of the Idempotency-Key
  fingerprint TEXT NOT NULL,                   -- SHA-256 of method, path and body
  started_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  status INTEGER,                              -- of the answer; NULL while the request runs
  body TEXT,                                   -- of the answer
  PRIMARY KEY (tenant_id, project_id, key_hash)
) STRICT;
CREATE INDEX idempotency_expires ON idempotency (tenant_id, project_id, expires_at);
