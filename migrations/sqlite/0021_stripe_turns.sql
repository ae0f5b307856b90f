-- When which process may ask Stripe: several share the rate of an account, and each takes the next stretch of its time.
-- A system table: no customer data. SQLite is for one process, which has nobody to share with.

CREATE TABLE stripe_turns (
  account_id TEXT NOT NULL,                    -- Stripe's acct_…, or our id of the project where it is not known
  livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  taken_until INTEGER NOT NULL,                -- unix microseconds by the database's clock
  PRIMARY KEY (account_id, livemode)
) STRICT;
