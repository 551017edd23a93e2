//! From options to a running stack, and to its end.

use std::sync::Arc;
use std::time::Duration;

use shared::clock::{Clock, SystemClock};
use shared::command::say;
use shared::http::{Listener, ServeSettings, serve, shutdown_signal};
use shared::random::{Random, SystemRandom};
use shared::telemetry::Telemetry;
use shared::{database, telemetry};

use crate::data_dir::DataDir;
use crate::demo;
use crate::gateway::gateway;
use crate::greeting::greeting;
use crate::options::{Options, Urls, auth_settings, books_settings, is_silent, url};
use crate::ports::Ports;

/// How long the greeting waits for books-service to have its keys.
const KEYS_LOADED: Duration = Duration::from_secs(5);

/// Runs the stack until it is asked to end.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let stack = Stack::start(&options).await?;
    let Stack { auth, books, listeners, urls, data, notes, telemetry: _telemetry } = stack;
    let shutdown = shutdown_signal()?;
    // Before anybody is answered: whoever finds the stack ready finds the demo.
    let demo = options.demo(auth.app.config.listen);
    let admin_password = if demo { demo::make(&data, &auth.app, &books.app).await? } else { None };
    let [public, auth_public, auth_management, books_public, books_management] = listeners;
    let (auth_end, books_end) = (&auth.app.config.serve, &books.app.config.serve);
    let serve =
        |listener, routes, end: &ServeSettings| serve(listener, routes, end.clone(), shutdown.clone());
    let all = async {
        tokio::join!(
            serve(
                public,
                gateway(auth.routes.clone(), books.routes.clone(), Arc::clone(&auth.app.random)),
                auth_end
            ),
            serve(auth_public, auth.routes.clone(), auth_end),
            serve(auth_management, auth.management.clone(), auth_end),
            serve(books_public, books.routes.clone(), books_end),
            serve(books_management, books.management.clone(), books_end),
        )
    };
    let greet = async {
        // The greeting holds a password that is nowhere else, so nothing may keep it back for long.
        drop(tokio::time::timeout(KEYS_LOADED, books.keys_loaded()).await);
        say(&greeting(&data, &urls, &notes, demo, admin_password.as_deref()));
    };
    tokio::pin!(all);
    tokio::select! {
        _ = &mut all => return Ok(()),
        () = greet => {}
    }
    all.await;
    Ok(())
}

fn is_set(variable: &str) -> bool {
    !is_silent(&[variable])
}

/// Everything that is needed to serve. The listeners are bound, so that connections wait rather than fail.
struct Stack {
    auth: auth_service::Service,
    books: books_service::Service,
    /// Gateway, auth-service, its management, books-service, its management.
    listeners: [Listener; 5],
    urls: Urls,
    data: DataDir,
    /// What is not as usual.
    notes: Vec<String>,
    telemetry: Telemetry,
}

impl Stack {
    async fn start(options: &Options) -> anyhow::Result<Self> {
        let data = DataDir::open(&options.data_dir)?;
        let mut ports = Ports::default();
        let public = ports.bind("STACK_LISTEN", options.gateway(), options.listen.is_some()).await?;
        let gateway_url = url(public.address()?);
        let auth_settings = auth_settings(&data, &gateway_url)?;
        let telemetry = telemetry::init(auth_settings.log_format, &auth_settings.traces, "stack")?;
        let (auth_config, sealer) = auth_settings.check()?;
        let auth_public = ports.bind("AUTH_LISTEN", auth_config.listen, is_set("AUTH_LISTEN")).await?;
        let auth_management = ports
            .bind("AUTH_MANAGEMENT_LISTEN", auth_config.management_listen, is_set("AUTH_MANAGEMENT_LISTEN"))
            .await?;
        let auth_url = url(auth_public.address()?);
        let books_config = books_settings(&data, &gateway_url, &auth_settings, &auth_url)?.check()?;
        anyhow::ensure!(
            books_config.audience == auth_config.audience,
            "BOOKS_AUDIENCE: is not AUTH_AUDIENCE ({}), so books-service would refuse every token",
            auth_config.audience
        );
        let books_public = ports.bind("BOOKS_LISTEN", books_config.listen, is_set("BOOKS_LISTEN")).await?;
        let books_management = ports
            .bind(
                "BOOKS_MANAGEMENT_LISTEN",
                books_config.management_listen,
                is_set("BOOKS_MANAGEMENT_LISTEN"),
            )
            .await?;

        let urls = Urls { gateway: gateway_url, auth: auth_url, books: url(books_public.address()?) };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let auth_database = database::connect_with(
            "AUTH_DATABASE_URL",
            &auth_config.database_url,
            auth_config.database_connections,
        )
        .await?;
        let books_database = database::connect_with(
            "BOOKS_DATABASE_URL",
            &books_config.database_url,
            books_config.database_connections,
        )
        .await?;
        let auth = auth_service::Service::start(
            auth_config,
            sealer,
            auth_database,
            Arc::clone(&clock),
            Arc::clone(&random),
        )
        .await?;
        if !options.demo(auth.app.config.listen) && options.is_on_a_network(auth.app.config.listen) {
            demo::refuse_known_password(&auth.app).await?;
        }
        let books = books_service::Service::start(books_config, books_database, clock, random).await?;
        let listeners = [public, auth_public, auth_management, books_public, books_management];
        Ok(Self { auth, books, listeners, urls, data, notes: ports.notes().to_vec(), telemetry })
    }
}
