//! Ports for a stack whose user has not chosen any: the usual ones, or the next that are free.

use std::net::SocketAddr;

use shared::http::Listener;

/// How far apart the ports are that are tried: those of one stack lie close together.
const STEP: u16 = 10;
const TRIES: u16 = 20;

/// Binds the listeners of a stack, and remembers what to tell of them.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    notes: Vec<String>,
}

impl Ports {
    /// Binds `address`, which the setting `name` holds. Where nobody has `chosen` it, and it is taken, another port is taken
    /// in its place.
    pub(crate) async fn bind(
        &mut self,
        name: &str,
        address: SocketAddr,
        chosen: bool,
    ) -> anyhow::Result<Listener> {
        let taken = match Listener::bind(name, address).await {
            Err(error) if !chosen => error,
            result => return result,
        };
        for step in 1..=TRIES {
            let Some(port) = STEP.checked_mul(step).and_then(|far| address.port().checked_add(far)) else {
                break;
            };
            if let Ok(listener) = Listener::bind(name, SocketAddr::new(address.ip(), port)).await {
                self.notes.push(format!("{taken}; took port {port}"));
                return Ok(listener);
            }
        }
        Err(taken)
    }

    /// What is not as usual.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_replaced_unless_somebody_chose_it() {
        let holder = Listener::bind("TEST", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let taken = holder.address().unwrap();
        let mut ports = Ports::default();
        let other = ports.bind("TEST", taken, false).await.unwrap().address().unwrap();
        assert_eq!((other.port() - taken.port()) % STEP, 0);
        assert!(ports.notes()[0].contains(&format!("cannot listen on {taken}")), "{:?}", ports.notes());
        let refused = ports.bind("TEST", taken, true).await.unwrap_err().to_string();
        let ours = format!("(process {}) has", std::process::id());
        assert!(refused.contains(&ours), "{refused}");
    }
}
