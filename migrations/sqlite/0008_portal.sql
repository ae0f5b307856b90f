-- The customer portal: links that staff hand out, the visits that they open, and what a project's portal looks like and allows.
--
-- Links and visits are system tables: both are looked up by the hash of a secret before the tenant is known, so every other
-- query on them names the tenant itself. So are logos: they are public, and their address holds nothing but their hash.

CREATE TABLE portal_links (
  token_hash TEXT NOT NULL PRIMARY KEY,        -- SHA-256 of the token in the link
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,                   -- our id
  email_hash TEXT NOT NULL,                    -- SHA-256 of the customer's e-mail address: another address, and the link is over
  actions TEXT NOT NULL,                       -- what may be done, with spaces between; '' allows looking alone
  flow TEXT NOT NULL,                          -- the page that the visit begins with
  return_url TEXT,                             -- on an origin that the project allowed when the link was made
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,                    -- as the actor in audit_log
  expires INTEGER NOT NULL,                    -- unix seconds: until then it can be used, once
  used_at INTEGER, used_ip TEXT, used_agent TEXT, -- who used it
  revoked_at INTEGER                           -- ends the link and the visit that it opened
) STRICT;
CREATE UNIQUE INDEX portal_links_id ON portal_links (tenant_id, project_id, id);
CREATE INDEX portal_links_created ON portal_links (tenant_id, project_id, created);
CREATE INDEX portal_links_customer ON portal_links (tenant_id, project_id, customer_id, created);

CREATE TABLE portal_sessions (
  id_hash TEXT NOT NULL PRIMARY KEY,           -- SHA-256 of the cookie's value
  token_hash TEXT NOT NULL,                    -- the link that opened it: says who, where and what is allowed
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  checkout_id TEXT                             -- Stripe's id of the session in which a new card is typed in
) STRICT;
CREATE INDEX portal_sessions_expires ON portal_sessions (expires);

CREATE TABLE portal_logos (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  hash TEXT NOT NULL,                          -- SHA-256 of the bytes
  media_type TEXT NOT NULL,                    -- image/png, image/jpeg or image/webp
  bytes BLOB NOT NULL,
  PRIMARY KEY (tenant_id, project_id)
) STRICT;
CREATE INDEX portal_logos_hash ON portal_logos (hash);

-- Tenant tables from here on.
CREATE TABLE portal_settings (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  name TEXT NOT NULL,                          -- what customers know the business by; '' is the tenant's name
  colour TEXT NOT NULL,                        -- #rrggbb; '' is billfold's own
  support TEXT NOT NULL,                       -- where customers get help: an e-mail address or an https address; '' says nothing
  proration TEXT NOT NULL,                     -- how the rest of a period is settled, in Stripe's words
  updated INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, project_id)
) STRICT;

-- The prices that customers may change to.
CREATE TABLE portal_prices (
  tenant_id TEXT NOT NULL, project_id TEXT NOT NULL,
  price_id TEXT NOT NULL,                      -- our id
  PRIMARY KEY (tenant_id, project_id, price_id)
) STRICT;
