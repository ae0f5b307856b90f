-- The customer portal: links that staff hand out, the visits that they open, and what a project's portal looks like and allows.
--
-- Links and visits are system tables: both are looked up by the hash of a secret before the tenant is known, so every other
-- query on them names the tenant itself. So are logos: they are public, and their address holds nothing but their hash.

CREATE TABLE portal_links (
  token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link
  id TEXT COLLATE "C" NOT NULL,
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  customer_id TEXT COLLATE "C" NOT NULL, -- our id
  email_hash TEXT COLLATE "C" NOT NULL, -- SHA-256 of the customer's e-mail address: another address, and the link is over
  actions TEXT COLLATE "C" NOT NULL, -- what may be done, with spaces between; '' allows looking alone
  flow TEXT COLLATE "C" NOT NULL, -- the page that the visit begins with
  return_url TEXT COLLATE "C", -- on an origin that the project allowed when the link was made
  created BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL, -- as the actor in audit_log
  expires BIGINT NOT NULL, -- unix seconds: until then it can be used, once
  used_at BIGINT, used_ip TEXT COLLATE "C", used_agent TEXT COLLATE "C", -- who used it
  revoked_at BIGINT -- ends the link and the visit that it opened
);
CREATE UNIQUE INDEX portal_links_id ON portal_links (tenant_id, project_id, id);
CREATE INDEX portal_links_created ON portal_links (tenant_id, project_id, created);
CREATE INDEX portal_links_customer ON portal_links (tenant_id, project_id, customer_id, created);

CREATE TABLE portal_sessions (
  id_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's value
  token_hash TEXT COLLATE "C" NOT NULL, -- the link that opened it: says who, where and what is allowed
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  checkout_id TEXT COLLATE "C" -- Stripe's id of the session in which a new card is typed in
);
CREATE INDEX portal_sessions_expires ON portal_sessions (expires);

CREATE TABLE portal_logos (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  hash TEXT COLLATE "C" NOT NULL, -- SHA-256 of the bytes
  media_type TEXT COLLATE "C" NOT NULL, -- image/png, image/jpeg or image/webp
  bytes BYTEA NOT NULL,
  PRIMARY KEY (tenant_id, project_id)
);
CREATE INDEX portal_logos_hash ON portal_logos (hash);

GRANT SELECT, INSERT, UPDATE, DELETE ON portal_links, portal_sessions, portal_logos TO billfold_app;

-- Tenant tables from here on.
CREATE TABLE portal_settings (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL, -- what customers know the business by; '' is the tenant's name
  colour TEXT COLLATE "C" NOT NULL, -- #rrggbb; '' is billfold's own
  support TEXT COLLATE "C" NOT NULL, -- where customers get help: an e-mail address or an https address; '' says nothing
  proration TEXT COLLATE "C" NOT NULL, -- how the rest of a period is settled, in Stripe's words
  updated BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, project_id)
);

-- The prices that customers may change to.
CREATE TABLE portal_prices (
  tenant_id TEXT COLLATE "C" NOT NULL, project_id TEXT COLLATE "C" NOT NULL,
  price_id TEXT COLLATE "C" NOT NULL, -- our id
  PRIMARY KEY (tenant_id, project_id, price_id)
);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['portal_settings', 'portal_prices'] LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO billfold_app', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))
      WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), ''''))', t);
  END LOOP;
END $$;
