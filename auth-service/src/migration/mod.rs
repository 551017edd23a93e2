//! The schema, step by step. One DDL statement a step, since MySQL commits each by itself; every step can be run again.

#![expect(elided_lifetimes_in_paths, reason = "as the trait declares it; async-trait wants the same")]

use sea_orm_migration::prelude::*;

mod m20261124_000001_create_accounts;
mod m20261124_000002_create_sessions;
mod m20261124_000003_index_sessions_by_account;
mod m20261124_000004_index_sessions_by_expiry;
mod m20261124_000005_create_signing_keys;
mod m20261124_000006_create_audit_events;
mod m20261124_000007_index_audit_events_by_account;
mod m20261124_000008_create_throttles;
mod m20261124_000009_index_throttles_by_expiry;
mod m20261124_000010_index_audit_events_by_time;
mod m20261124_000011_index_audit_events_by_kind;
mod m20261124_000012_add_must_change_password;
mod m20261124_000013_create_clients;
mod m20261124_000014_create_client_origins;
mod m20261124_000015_create_one_time;
mod m20261124_000016_index_one_time_by_expiry;
mod m20261124_000017_create_device_codes;
mod m20261124_000018_index_device_codes_by_expiry;
mod m20261124_000019_create_consents;
mod m20261124_000020_add_sign_in_id_to_sessions;
mod m20261124_000021_add_claims_to_sessions;
mod m20261124_000022_add_review_at_to_clients;
mod m20261124_000023_index_clients_by_review;
mod m20261124_000024_index_sessions_by_client;
mod m20261124_000025_index_consents_by_client;
mod m20261124_000026_add_resource_to_consents;
mod m20261124_000027_index_one_time_by_use;
mod m20261124_000028_create_imports;
mod m20261124_000029_index_accounts_by_hash;
mod m20261124_000030_add_others_to_consents;
mod m20261128_000031_index_sessions_by_account_and_client;
mod m20261128_000032_index_accounts_by_disabled_and_hash;
mod m20261128_000033_drop_index_of_accounts_by_hash;

/// All steps in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_accounts::Migration),
            Box::new(m20261124_000002_create_sessions::Migration),
            Box::new(m20261124_000003_index_sessions_by_account::Migration),
            Box::new(m20261124_000004_index_sessions_by_expiry::Migration),
            Box::new(m20261124_000005_create_signing_keys::Migration),
            Box::new(m20261124_000006_create_audit_events::Migration),
            Box::new(m20261124_000007_index_audit_events_by_account::Migration),
            Box::new(m20261124_000008_create_throttles::Migration),
            Box::new(m20261124_000009_index_throttles_by_expiry::Migration),
            Box::new(m20261124_000010_index_audit_events_by_time::Migration),
            Box::new(m20261124_000011_index_audit_events_by_kind::Migration),
            Box::new(m20261124_000012_add_must_change_password::Migration),
            Box::new(m20261124_000013_create_clients::Migration),
            Box::new(m20261124_000014_create_client_origins::Migration),
            Box::new(m20261124_000015_create_one_time::Migration),
            Box::new(m20261124_000016_index_one_time_by_expiry::Migration),
            Box::new(m20261124_000017_create_device_codes::Migration),
            Box::new(m20261124_000018_index_device_codes_by_expiry::Migration),
            Box::new(m20261124_000019_create_consents::Migration),
            Box::new(m20261124_000020_add_sign_in_id_to_sessions::Migration),
            Box::new(m20261124_000021_add_claims_to_sessions::Migration),
            Box::new(m20261124_000022_add_review_at_to_clients::Migration),
            Box::new(m20261124_000023_index_clients_by_review::Migration),
            Box::new(m20261124_000024_index_sessions_by_client::Migration),
            Box::new(m20261124_000025_index_consents_by_client::Migration),
            Box::new(m20261124_000026_add_resource_to_consents::Migration),
            Box::new(m20261124_000027_index_one_time_by_use::Migration),
            Box::new(m20261124_000028_create_imports::Migration),
            Box::new(m20261124_000029_index_accounts_by_hash::Migration),
            Box::new(m20261124_000030_add_others_to_consents::Migration),
            Box::new(m20261128_000031_index_sessions_by_account_and_client::Migration),
            Box::new(m20261128_000032_index_accounts_by_disabled_and_hash::Migration),
            Box::new(m20261128_000033_drop_index_of_accounts_by_hash::Migration),
        ]
    }
}
