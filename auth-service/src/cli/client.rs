//! `auth-service client create | list | delete`

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use sea_orm::DatabaseConnection;
use shared::clock::{Clock as _, SystemClock, Timestamp};
use shared::command::{self, say, table};
use shared::random::{Random, SystemRandom};
use shared::settings::Span;

use crate::audit::{Actor, Event, Kind};
use crate::clients::draft::{Draft, Proof, Registered};
use crate::clients::{Client, ClientId, ClientView, GrantType, RedirectUri, change, store};
use crate::config::{DatabaseSettings, resource};
use crate::migration::Migrator;

const PAGE: u64 = 500;

#[derive(Debug, Args)]
pub(super) struct ClientArguments {
    #[command(subcommand)]
    command: ClientCommand,
    #[command(flatten)]
    database: DatabaseSettings,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Registers a client. Its secret is shown this once
    #[command(after_help = CREATE_HELP)]
    Create(Box<CreateArguments>),
    /// Lists the clients by name
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Deletes a client; its sessions end
    Delete {
        /// Its client_id
        #[arg(value_parser = client_id, allow_hyphen_values = true)]
        id: ClientId,
    },
}

const CREATE_HELP: &str = "\
Examples:
  auth-service client create \"Reading list\" --redirect-uri https://app.example/callback
  auth-service client create Tool --public --redirect-uri http://127.0.0.1/callback
  auth-service client create \"Nightly export\" --grant client_credentials --scope books:read --json";

#[derive(Debug, Args)]
struct CreateArguments {
    /// What people are shown
    name: String,
    /// Its client_id [default: a random one]
    #[arg(long, value_parser = client_id)]
    id: Option<ClientId>,
    /// Where codes may be sent, exactly; may be given more than once
    #[arg(long = "redirect-uri", value_name = "URI", value_parser = redirect_uri)]
    redirect_uris: Vec<RedirectUri>,
    /// Where people may be sent after they signed out; may be given more than once
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", value_parser = redirect_uri)]
    post_logout_redirect_uris: Vec<RedirectUri>,
    /// What it may use; may be given more than once [default: authorization_code and refresh_token where there is a redirect
    /// URI, else client_credentials]
    #[arg(long = "grant", value_enum, value_name = "GRANT")]
    grants: Vec<GrantType>,
    /// The most that it may ask for, with spaces between the names [default: all but administration]
    #[arg(long)]
    scope: Option<String>,
    /// A resource that it may name (RFC 8707); may be given more than once
    #[arg(long = "resource", value_name = "URI", value_parser = resource)]
    resources: Vec<String>,
    /// It can keep no secret: a program in a browser, on a phone or a desk
    #[arg(long, conflicts_with = "jwks_file")]
    public: bool,
    /// It signs for itself (private_key_jwt) with a key of this JWK set
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
    /// It is your own: people are not asked whether they trust it
    #[arg(long)]
    first_party: bool,
    /// It must push its authorization requests (RFC 9126)
    #[arg(long)]
    require_par: bool,
    /// How long its access tokens last
    #[arg(long, value_name = "SPAN")]
    access_token_ttl: Option<Span>,
    /// How long its sessions last
    #[arg(long, value_name = "SPAN")]
    refresh_token_ttl: Option<Span>,
    /// As JSON, by the names of RFC 7591
    #[arg(long)]
    json: bool,
}

fn client_id(text: &str) -> Result<ClientId, &'static str> {
    text.parse()
}

fn redirect_uri(text: &str) -> Result<RedirectUri, &'static str> {
    text.parse()
}

impl ClientArguments {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (name, url) = ("AUTH_DATABASE_URL", self.database.url()?);
        let database = match self.command {
            ClientCommand::Create(_) => command::open_or_make::<Migrator>(name, &url).await?,
            _ => command::open::<Migrator>(name, &url).await?,
        };
        let now = SystemClock.now();
        match self.command {
            ClientCommand::Create(arguments) => create(&database, *arguments, now).await,
            ClientCommand::List { json } => list(&database, json).await,
            ClientCommand::Delete { id } => {
                let event = Event::new(Kind::ClientDeleted, Actor::Command);
                change::delete(&database, &id, &event, now).await?;
                say(&format!("{id} is deleted, and its sessions are over"));
                Ok(())
            }
        }
    }
}

async fn create(
    database: &DatabaseConnection,
    arguments: CreateArguments,
    now: Timestamp,
) -> anyhow::Result<()> {
    let proof = match (&arguments.jwks_file, arguments.public) {
        (Some(file), _) => Proof::Keys(
            fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
        ),
        (None, true) => Proof::None,
        (None, false) => Proof::NewSecret,
    };
    let draft = Draft {
        id: arguments.id,
        name: arguments.name,
        proof,
        redirect_uris: arguments.redirect_uris,
        post_logout_redirect_uris: arguments.post_logout_redirect_uris,
        grant_types: Some(arguments.grants).filter(|grants| !grants.is_empty()),
        scope: arguments.scope,
        resources: arguments.resources,
        first_party: arguments.first_party,
        pushed_only: arguments.require_par,
        access_token_ttl: arguments.access_token_ttl.map(Span::get),
        refresh_token_ttl: arguments.refresh_token_ttl.map(Span::get),
    };
    let random = SystemRandom::new();
    let random: &dyn Random = &random;
    let registered = draft.complete(random, now).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
        anyhow::anyhow!("{}", lines.join("; "))
    })?;
    let Registered { client, secret } = registered;
    change::create(database, &client, None, &Event::new(Kind::ClientCreated, Actor::Command), now).await?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&ClientView::from(client).with_secret(secret))?);
        return Ok(());
    }
    say(&format!("registered {}\nclient_id      {}", client.name, client.id));
    if let Some(secret) = secret {
        say(&format!("client_secret  {secret}\nThe secret is shown this once."));
    }
    Ok(())
}

async fn list(database: &DatabaseConnection, json: bool) -> anyhow::Result<()> {
    let mut after = String::new();
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let page = store::list(database, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        clients.extend(page);
    }
    if json {
        let views: Vec<_> = clients.into_iter().map(ClientView::from).collect();
        say(&serde_json::to_string_pretty(&views)?);
    } else {
        let rows = clients.iter().map(|client| {
            [client.id.as_str(), client.authentication.method(), client.name.as_str()].map(str::to_owned)
        });
        say(&table(["CLIENT_ID", "AUTHENTICATION", "NAME"], rows));
    }
    Ok(())
}
