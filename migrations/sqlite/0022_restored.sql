-- What waited for Stripe when the database was put back from a backup may have been sent since: billfold looks before it sends.
ALTER TABLE outbox ADD COLUMN restored_at INTEGER; -- unix seconds
