//! The whole route table, by who may call.

use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use shared::bearer::Bearer;
use shared::pages::Docs;

use crate::state::AppState;
use crate::{books, metadata, openapi, page, protected};

/// All routes of the service.
pub fn routes(app: AppState, bearer: &Bearer) -> Router {
    let issuer_origin = app.config.jwks.issuer.url().origin().ascii_serialization();
    let docs = Docs::new(&issuer_origin);
    let anybody = Router::new()
        .route("/openapi.json", get(openapi::document))
        .merge(page::routes(&issuer_origin))
        .merge(docs.routes("/docs"))
        // The same behind a gateway, where the plain addresses are another service's.
        .route("/books/openapi.json", get(openapi::document))
        .merge(docs.routes("/books/docs"))
        .merge(metadata::metadata(&app.config).routes());

    let any_token =
        Router::new().route("/protected", get(protected::protected)).route_layer(bearer.any_token());

    let readers = Router::new()
        .route("/books", get(books::list::list))
        .route("/books/{id}", get(books::get::get))
        .route_layer(bearer.scope("books:read"));

    let writers = Router::new()
        .route("/books", post(books::create::create))
        .route(
            "/books/{id}",
            put(books::change::replace)
                .merge(patch(books::change::patch))
                .merge(delete(books::delete::delete)),
        )
        .route_layer(bearer.scope("books:write"));

    anybody.merge(any_token).merge(readers).merge(writers).with_state(app)
}
