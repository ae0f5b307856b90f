//! The one row about this installation: first-run set-up.
