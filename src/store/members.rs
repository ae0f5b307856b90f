//! Which user is in which tenant, with which role.
