//! The last refused deliveries of a project.
