-- A second factor at sign-in: codes of an authenticator app, and codes on paper for when that is lost.

ALTER TABLE users ADD COLUMN two_factor_at INTEGER;             -- since when a code is asked for; NULL: it is not
ALTER TABLE tenants ADD COLUMN requires_two_factor INTEGER NOT NULL CHECK (requires_two_factor IN (0, 1)) DEFAULT 0;

-- What people's secrets are sealed with, itself sealed by a master key; made when first needed.
ALTER TABLE instance ADD COLUMN sealed_data_key TEXT;
ALTER TABLE instance ADD COLUMN data_key_version INTEGER;

CREATE TABLE second_factors (
  user_id TEXT NOT NULL PRIMARY KEY,
  sealed_secret TEXT NOT NULL,                 -- what the app and we compute codes from
  version INTEGER NOT NULL,                    -- grows with each new secret, so that an older one put back does not open
  last_step INTEGER NOT NULL,                  -- the step of the last code that was taken: no code works twice
  created INTEGER NOT NULL,
  confirmed_at INTEGER                         -- NULL until the app has shown its first code
) STRICT;

CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL,
  code_hash TEXT NOT NULL,                     -- SHA-256 of the person's id and the code
  PRIMARY KEY (user_id, code_hash)
) STRICT;
