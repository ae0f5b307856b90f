-- Who somebody is at the operator's identity provider (OpenID Connect). A person has linked it while signed in here.

CREATE TABLE openid_identities (
  issuer TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,                       -- never changes there and is never given to somebody else
  user_id TEXT COLLATE "C" NOT NULL,
  email TEXT COLLATE "C" NOT NULL,                         -- there, when it was linked; '' when it was not told
  created BIGINT NOT NULL,
  last_used_at BIGINT,
  PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX openid_identities_user ON openid_identities (user_id, issuer);

GRANT SELECT, INSERT, UPDATE, DELETE ON openid_identities TO billfold_app;
