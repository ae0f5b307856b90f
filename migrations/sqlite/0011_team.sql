-- People in a team: who may come in, who is asked to, and what people decide about themselves.

ALTER TABLE members ADD COLUMN disabled_at INTEGER;             -- of this tenant alone; the person may belong to others

-- What a person decides about the pages, and when the person last came in.
ALTER TABLE users ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT 'en-GB';
ALTER TABLE users ADD COLUMN theme TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE users ADD COLUMN last_login_at INTEGER;

ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';   -- the network that the person signed in from

-- Who is asked to join. Looked up by the token's hash before a tenant is known.
CREATE TABLE invitations (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  email TEXT NOT NULL,                         -- normalised, as in users: the only address that may accept
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  token_hash TEXT NOT NULL UNIQUE,             -- SHA-256 of the link's token
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  UNIQUE (tenant_id, email)
) STRICT;

-- Links to a new password, by the token's hash.
CREATE TABLE password_resets (
  token_hash TEXT NOT NULL PRIMARY KEY,        -- SHA-256 of the link's token
  user_id TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX password_resets_user ON password_resets (user_id);
