//! Runs of a backfill, with their types and ranges.
