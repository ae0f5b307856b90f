-- Passkeys: what a browser or phone signs people in with. We keep the public half alone.

CREATE TABLE passkeys (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL,
  credential_id TEXT NOT NULL UNIQUE,          -- as the authenticator names it, base64url
  public_key TEXT NOT NULL,                    -- SubjectPublicKeyInfo, base64url
  counter INTEGER NOT NULL,                    -- of the last use; grows where the authenticator counts
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;
CREATE INDEX passkeys_user ON passkeys (user_id, created, id);
