//! One base URL for both services.

use axum::Router;
use axum::extract::Request;
use tower::ServiceExt as _;

/// `/`, the page of the catalogue, `/books*`, `/protected` and the metadata of books-service go there, everything else to auth-service.
pub(crate) fn gateway(auth: Router, books: Router) -> Router {
    Router::new().fallback(move |request: Request| {
        let service = if is_for_books(request.uri().path()) { books.clone() } else { auth.clone() };
        service.oneshot(request)
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
