-- Every event's row changes once, when the event is finished, and mostly a whole page of rows at once: half of each page is room for that, and
-- no index is written again. With a fifth, half of the changes found none.
ALTER TABLE webhook_events SET (fillfactor = 50);

-- A body of more than 2 kB is less than half as long with lz4 and stays in its row, instead of in pieces of another table with an index of
-- its own. Not every server has lz4; there bodies stay as they were.
DO $$
BEGIN
  ALTER TABLE event_payloads ALTER COLUMN payload SET COMPRESSION lz4;
  ALTER TABLE event_payloads ALTER COLUMN payload SET STORAGE EXTENDED;
  ALTER TABLE event_payloads SET (toast_tuple_target = 4080);
EXCEPTION
  WHEN feature_not_supported OR syntax_error THEN NULL;
END $$;
