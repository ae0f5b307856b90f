-- When which process may ask Stripe: several share the rate of an account, and each takes the next stretch of its time.
-- A system table: no customer data.

CREATE TABLE stripe_turns (
  account_id TEXT COLLATE "C" NOT NULL,                    -- Stripe's acct_…, or our id of the project where it is not known
  livemode BOOLEAN NOT NULL,
  taken_until BIGINT NOT NULL,                -- unix microseconds by the database's clock
  PRIMARY KEY (account_id, livemode)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON stripe_turns TO billfold_app;
