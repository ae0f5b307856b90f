-- What SQLite's planner should believe about the indexes, so that its plans do not depend on whether somebody ran ANALYZE:
-- a project has many rows, a status or a currency a good part of them, an id one, a customer a few. Postgres counts for itself.
-- Per index: rows in all, then how many rows share its first column, its first two, and so on.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('customers', 'sqlite_autoindex_customers_1', '1000000 500000 250000 1'),
  ('customers', 'customers_created', '1000000 500000 250000 2 1'),
  ('customers', 'customers_status', '1000000 500000 250000 50000 2 1'),
  ('customers', 'customers_email', '1000000 500000 250000 2 1'),
  ('products', 'sqlite_autoindex_products_1', '1000 500 250 1'),
  ('products', 'products_created', '1000 500 250 2 1'),
  ('products', 'products_status', '1000 500 250 50 2 1'),
  ('prices', 'sqlite_autoindex_prices_1', '4000 2000 1000 1'),
  ('prices', 'prices_created', '4000 2000 1000 2 1'),
  ('prices', 'prices_product', '4000 2000 1000 4 2 1'),
  ('subscriptions', 'sqlite_autoindex_subscriptions_1', '1500000 750000 400000 1'),
  ('subscriptions', 'subscriptions_created', '1500000 750000 400000 2 1'),
  ('subscriptions', 'subscriptions_status', '1500000 750000 400000 50000 2 1'),
  ('subscriptions', 'subscriptions_customer', '1500000 750000 400000 2 2 1'),
  ('subscriptions', 'subscriptions_currency', '1500000 750000 400000 60000 2 1'),
  ('subscription_items', 'sqlite_autoindex_subscription_items_1', '2000000 1000000 500000 2 1'),
  ('subscription_items', 'subscription_items_price', '2000000 1000000 500000 5000 1'),
  ('invoices', 'sqlite_autoindex_invoices_1', '3000000 1500000 750000 1'),
  ('invoices', 'invoices_created', '3000000 1500000 750000 2 1'),
  ('invoices', 'invoices_status', '3000000 1500000 750000 150000 2 1'),
  ('invoices', 'invoices_currency', '3000000 1500000 750000 160000 2 1'),
  ('invoices', 'invoices_number', '3000000 1500000 750000 1'),
  ('invoices', 'invoices_customer', '3000000 1500000 750000 10 2 1'),
  ('charges', 'sqlite_autoindex_charges_1', '3000000 1500000 750000 1'),
  ('charges', 'charges_created', '3000000 1500000 750000 2 1'),
  ('charges', 'charges_customer', '3000000 1500000 750000 10 2 1'),
  ('search', 'sqlite_autoindex_search_1', '1000000 500000 250000 200000 1');
