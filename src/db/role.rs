//! The role that every transaction on Postgres takes on, `billfold_app`. It belongs to the server and not to the database: a dump does not
//! bring it, and whoever may make it need not be allowed to take it on.

use sqlx::PgPool;

use super::error::{Error, Result};

/// Makes the role, and lets whoever has opened the database take it on. Since Postgres 16 membership alone does not allow that: who makes a
/// role is a member that may only give it away, to itself as well. Processes that start at once wait for each other.
const PREPARE: &str = "
DO $$
BEGIN
  PERFORM pg_advisory_xact_lock(7216480925);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billfold_app') THEN
    BEGIN
      CREATE ROLE billfold_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL; -- made for another database of this server at the same moment
    END;
  END IF;
  IF NOT pg_has_role(current_user, 'billfold_app',
      CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
    GRANT billfold_app TO CURRENT_USER;
  END IF;
END $$";

const NOT_ALLOWED: &str = "42501";

/// Sees to the role before anything needs it.
///
/// # Errors
/// [`Error::Refused`] with what a superuser has to run, where the role of the connection string may not do it itself.
pub async fn prepare(pool: &PgPool) -> Result<()> {
    match sqlx::raw_sql(PREPARE).execute(pool).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NOT_ALLOWED) => {
            let role: String = sqlx::query_scalar("SELECT quote_ident(current_user)").fetch_one(pool).await?;
            Err(Error::Refused(format!(
                "the role of DATABASE_URL, {role}, may not take on billfold_app, the role that keeps tenants apart. \
                 Have a superuser run: CREATE ROLE billfold_app NOLOGIN; (where there is none) GRANT billfold_app TO {role};"
            )))
        }
        Err(error) => Err(error.into()),
    }
}
