//! What operators see of a pool.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sea_orm::{DatabaseConnection, DbBackend};

/// Adds the metrics of the pool behind `database`.
pub fn register_pool(database: &DatabaseConnection, registry: &mut Registry) {
    registry.register_collector(Box::new(Pool(database.clone())));
}

/// Reads the pool at each scrape.
struct Pool(DatabaseConnection);

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (most, open, idle) = match self.0.get_database_backend() {
            DbBackend::MySql => {
                let pool = self.0.get_mysql_connection_pool();
                (pool.options().get_max_connections(), pool.size(), pool.num_idle())
            }
            _ => {
                let pool = self.0.get_sqlite_connection_pool();
                (pool.options().get_max_connections(), pool.size(), pool.num_idle())
            }
        };
        for (name, help, value) in [
            ("database_connections_max", "Connections that the pool may open", i64::from(most)),
            ("database_connections", "Connections that are open", i64::from(open)),
            (
                "database_connections_idle",
                "Open connections that nobody uses",
                i64::try_from(idle).unwrap_or(0),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").finish_non_exhaustive()
    }
}
