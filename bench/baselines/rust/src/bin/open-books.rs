//! books-service without its guard: its own handlers and its own edge, put together here, since the product has no
//! setting that takes the guard away.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use books_service::books;
use books_service::config::Settings;
use books_service::state::App;
use clap::Parser;
use shared::clock::SystemClock;
use shared::database;
use shared::http::{Description, Edge, Listener, Metrics, serve, shutdown_signal};
use shared::random::SystemRandom;
use shared::telemetry;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Arguments::parse().settings;
    let _telemetry = telemetry::init(settings.log_format, &settings.traces, "open-books")?;
    let config = settings.check()?;
    let address: SocketAddr = config.listen;
    let (edge, serving) = (config.edge.clone(), config.serve.clone());
    let database =
        database::connect_with("BOOKS_DATABASE_URL", &config.database_url, config.database_connections)
            .await?;
    let app = Arc::new(App { config, database, clock: Arc::new(SystemClock), description: Description::default() });
    let edge = Edge::new(edge, Arc::new(Metrics::new()), Arc::new(SystemRandom::new()));
    let routes = Router::new().route("/books/{id}", get(books::get::get)).with_state(app);
    let listener = Listener::bind("BOOKS_LISTEN", address).await?;
    serve(listener, edge.surround(routes), serving, shutdown_signal()?).await;
    Ok(())
}
