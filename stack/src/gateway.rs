//! One base URL for both services.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use shared::random::Random;
use shared::telemetry::trace;
use tower::ServiceExt as _;

/// `/`, the page of the catalogue, `/books*`, `/protected` and the metadata of books-service go there, everything else to
/// auth-service.
///
/// It takes on the trace of the caller, or begins one, and hands it on.
pub(crate) fn gateway(auth: Router, books: Router, random: Arc<dyn Random>) -> Router {
    Router::new().fallback(move |mut request: Request| {
        let (service, to) = match is_for_books(request.uri().path()) {
            true => (books.clone(), "books-service"),
            false => (auth.clone(), "auth-service"),
        };
        let span = tracing::info_span!(
            "gateway",
            otel.name = trace::is_exporting().then_some("gateway"),
            otel.kind = trace::is_exporting().then_some("internal"),
            to,
            trace_id = tracing::field::Empty
        );
        trace::join(&span, request.headers(), &*random).hand_on(request.headers_mut());
        // Within no other span: the line of the log is the service's own.
        async move {
            let answer = service.oneshot(request).await;
            drop(span);
            answer
        }
    })
}

fn is_for_books(path: &str) -> bool {
    path == "/"
        || path.starts_with("/books")
        || path == "/protected"
        || path == "/.well-known/oauth-protected-resource"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_service() {
        for path in [
            "/",
            "/books",
            "/books/1",
            "/books/ui/x/books.js",
            "/books/docs",
            "/protected",
            "/.well-known/oauth-protected-resource",
        ] {
            assert!(is_for_books(path), "{path}");
        }
        for path in ["/docs", "/login", "/.well-known/jwks.json", "/protected/books", "/me"] {
            assert!(!is_for_books(path), "{path}");
        }
    }
}
