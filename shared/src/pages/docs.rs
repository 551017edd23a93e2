//! `/docs`: Swagger UI, which shows the OpenAPI document beside it and signs in to try what it describes.

use axum::Router;

use super::files::{File, Files};
use super::page::Page;

/// Where people come back to who signed in for a page of documents: at the root of its origin, so that the client that
/// stands for the page has one address there, whatever services are behind it.
pub const REDIRECT: &str = "/docs/oauth2-redirect.html";

const FILES: [File; 4] = [
    File::gzip("swagger-ui-bundle.js", include_bytes!("../../pages/swagger-ui/swagger-ui-bundle.js.gz")),
    File::gzip("swagger-ui.css", include_bytes!("../../pages/swagger-ui/swagger-ui.css.gz")),
    File::gzip("oauth2-redirect.js", include_bytes!("../../pages/swagger-ui/oauth2-redirect.js.gz")),
    File::plain("docs.js", include_bytes!("../../pages/docs/docs.js")),
];
const STYLE: File = File::plain("docs.css", include_bytes!("../../pages/docs/docs.css"));

/// The page and its files.
#[derive(Clone, Debug)]
pub struct Docs {
    page: Page,
    redirect: Page,
    files: Files,
}

impl Docs {
    /// For a service whose issuer is at this origin.
    pub fn new(issuer_origin: &str) -> Self {
        let files = Files::new(FILES.into_iter().chain([STYLE]));
        // Neither is alone in its window: whoever signs in does so in another one, which tells this one how it went.
        let page = Page::new(include_str!("../../pages/docs/docs.html"), &files, &[issuer_origin]);
        let redirect = Page::new(include_str!("../../pages/docs/oauth2-redirect.html"), &files, &[]);
        Self { page, redirect, files }
    }

    /// Serves the page at `path`, beside `openapi.json`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        Router::new()
            .route(path, self.page.route())
            .route(&format!("{path}/oauth2-redirect.html"), self.redirect.route())
            .merge(self.files.routes(path))
    }
}
