-- Who somebody is at the operator's identity provider (OpenID Connect). A person has linked it while signed in here.

CREATE TABLE openid_identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,                       -- never changes there and is never given to somebody else
  user_id TEXT NOT NULL,
  email TEXT NOT NULL,                         -- there, when it was linked; '' when it was not told
  created INTEGER NOT NULL,
  last_used_at INTEGER,
  PRIMARY KEY (issuer, subject)
) STRICT;
CREATE UNIQUE INDEX openid_identities_user ON openid_identities (user_id, issuer);
