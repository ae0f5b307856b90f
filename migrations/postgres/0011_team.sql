-- People in a team: who may come in, who is asked to, and what people decide about themselves.

ALTER TABLE members ADD COLUMN disabled_at BIGINT;             -- of this tenant alone; the person may belong to others

-- What a person decides about the pages, and when the person last came in.
ALTER TABLE users ADD COLUMN time_zone TEXT COLLATE "C" NOT NULL DEFAULT 'UTC';
ALTER TABLE users ADD COLUMN locale TEXT COLLATE "C" NOT NULL DEFAULT 'en-GB';
ALTER TABLE users ADD COLUMN theme TEXT COLLATE "C" NOT NULL DEFAULT 'auto';
ALTER TABLE users ADD COLUMN last_login_at BIGINT;

ALTER TABLE sessions ADD COLUMN address TEXT COLLATE "C" NOT NULL DEFAULT '';   -- the network that the person signed in from

-- Who is asked to join. Looked up by the token's hash before a tenant is known.
CREATE TABLE invitations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  tenant_id TEXT COLLATE "C" NOT NULL,
  email TEXT COLLATE "C" NOT NULL,                         -- normalised, as in users: the only address that may accept
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  token_hash TEXT COLLATE "C" NOT NULL UNIQUE,             -- SHA-256 of the link's token
  created BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  expires_at BIGINT NOT NULL,
  UNIQUE (tenant_id, email)
);

-- Links to a new password, by the token's hash.
CREATE TABLE password_resets (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,        -- SHA-256 of the link's token
  user_id TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON invitations, password_resets TO billfold_app;
