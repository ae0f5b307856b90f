-- The schema that a program must know to work on this database. A migration that takes something away raises it, see
-- migrations/README.md; one that only adds leaves it, and older programs go on.
ALTER TABLE instance ADD COLUMN contract_floor BIGINT NOT NULL DEFAULT 0;
