-- A second factor at sign-in: codes of an authenticator app, and codes on paper for when that is lost.

ALTER TABLE users ADD COLUMN two_factor_at BIGINT;             -- since when a code is asked for; NULL: it is not
ALTER TABLE tenants ADD COLUMN requires_two_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- What people's secrets are sealed with, itself sealed by a master key; made when first needed.
ALTER TABLE instance ADD COLUMN sealed_data_key TEXT COLLATE "C";
ALTER TABLE instance ADD COLUMN data_key_version BIGINT;

CREATE TABLE second_factors (
  user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  sealed_secret TEXT COLLATE "C" NOT NULL,                 -- what the app and we compute codes from
  version BIGINT NOT NULL,                    -- grows with each new secret, so that an older one put back does not open
  last_step BIGINT NOT NULL,                  -- the step of the last code that was taken: no code works twice
  created BIGINT NOT NULL,
  confirmed_at BIGINT                         -- NULL until the app has shown its first code
);

CREATE TABLE recovery_codes (
  user_id TEXT COLLATE "C" NOT NULL,
  code_hash TEXT COLLATE "C" NOT NULL,                     -- SHA-256 of the person's id and the code
  PRIMARY KEY (user_id, code_hash)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors, recovery_codes TO billfold_app;
