use std::fmt;
use std::str::FromStr;

use shared::random::Random;

use crate::state::App;

/// Consonants without those that look or sound alike: no words come up, and it does not matter how it is typed
/// (RFC 8628 §6.1). Eight of twenty are 34 bits, for ten minutes, behind a throttle.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// The code that a device shows: `WDJB-MJHT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserCode(String);

impl UserCode {
    /// Another one each time.
    pub(super) fn random(random: &dyn Random) -> Self {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let byte = usize::from(random.bytes::<1>()[0]);
            // The last sixteen values would make some letters likelier than others.
            if let (true, Some(letter)) = (byte < 240, LETTERS.get(byte % LETTERS.len())) {
                code.push(char::from(*letter));
            }
        }
        Self(code)
    }

    /// As the table holds it: a name that only this server can make from the code.
    pub(super) fn hidden(&self, app: &App) -> String {
        app.browser_sealer.blinder().blind(&format!("user code:{}", self.0))
    }
}

impl FromStr for UserCode {
    type Err = ();

    /// Reads a code in any case, with whatever between the letters.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() > 64 {
            return Err(());
        }
        let letters = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase());
        let letters: Vec<u8> = letters.collect();
        let good = letters.len() == LENGTH && letters.iter().all(|letter| LETTERS.contains(letter));
        String::from_utf8(letters).ok().filter(|_| good).map(Self).ok_or(())
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.0.split_at(LENGTH / 2);
        write!(f, "{left}-{right}")
    }
}

#[cfg(test)]
mod tests {
    use shared::random::SystemRandom;

    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = UserCode::random(&SystemRandom::new());
        let shown = code.to_string();
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!(" {} ", shown.replace('-', " ")),
        ] {
            assert_eq!(typed.parse(), Ok(code.clone()));
        }
        for bad in ["", "WDJB-MJH", "WDJB-MJHTT", "AAAA-AAAA", "WDJB-MJH1", &"W".repeat(100)] {
            assert!(bad.parse::<UserCode>().is_err(), "{bad}");
        }
    }
}
