//! Mirrored invoices.
