-- Passkeys: what a browser or phone signs people in with. We keep the public half alone.

CREATE TABLE passkeys (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL,
  credential_id TEXT COLLATE "C" NOT NULL UNIQUE,          -- as the authenticator names it, base64url
  public_key TEXT COLLATE "C" NOT NULL,                    -- SubjectPublicKeyInfo, base64url
  counter BIGINT NOT NULL,                    -- of the last use; grows where the authenticator counts
  name TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  last_used_at BIGINT
);
CREATE INDEX passkeys_user ON passkeys (user_id, created, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys TO billfold_app;
