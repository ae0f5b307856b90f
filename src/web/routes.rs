//! A router that knows its addresses. The surfaces for people are made of these, so that the isolation self-test and the suite can
//! try every address that there is, without a second list of them.

use axum::Router;
use axum::routing::MethodRouter;

use crate::app::App;

/// Routes, and where they are.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    router: Router<App>,
    paths: Vec<String>,
}

impl Routes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more address.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter<App>) -> Self {
        self.paths.push(path.to_owned());
        Self { router: self.router.route(path, methods), ..self }
    }

    /// With those of another.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// With layers around all of them.
    #[must_use]
    pub fn within(self, layers: impl FnOnce(Router<App>) -> Router<App>) -> Self {
        Self { router: layers(self.router), ..self }
    }

    /// Every address, with `{names}` where something may stand.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// For serving.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}
