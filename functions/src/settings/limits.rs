//! How often things may happen.

use ilock_directory::{Limit, MAX_CLIENTS, PressLimits};

use super::{BadSetting, Settings, bad};

const HOUR_MS: i64 = 3_600_000;

/// The most times that a limit may allow: each is remembered.
const MOST_TIMES: u32 = 1_000;

/// How many clients a party may have, and how often it may register.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationLimits {
    pub registrations: Limit,
    pub clients: usize,
}

/// The most presses that a limit may allow: each has a slot.
const MOST_PRESSES: u32 = 100;

/// The most strangers that a limit may allow: each of their calls is looked at.
const MOST_STRANGERS: u32 = 10;

impl Settings {
    /// `LIMIT_PRESSES_A_MINUTE`, `LIMIT_PAIR_PRESSES_A_MINUTE`, `LIMIT_STRANGERS_AT_ONCE`: how often a caller may ring within a
    /// minute, in all and for one person, and how many strangers may ring one person at a time; none with `off`.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn press_limits(&self) -> Result<Option<PressLimits>, BadSetting> {
        let pair = self.number("LIMIT_PAIR_PRESSES_A_MINUTE", 6, 1..=MOST_PRESSES)?;
        let strangers = self.number("LIMIT_STRANGERS_AT_ONCE", 3, 1..=MOST_STRANGERS)?;
        if self.get("LIMIT_PRESSES_A_MINUTE").as_deref() == Some("off") {
            return Ok(None);
        }
        let caller = self.number("LIMIT_PRESSES_A_MINUTE", 20, 1..=MOST_PRESSES);
        let caller = caller.map_err(|error| bad(error.name, format!("{}, or off", error.why)))?;
        let whole = |number: u32| number.try_into().unwrap_or(usize::MAX);
        Ok(Some(PressLimits { caller: whole(caller), pair: whole(pair), strangers: whole(strangers) }))
    }

    /// `LIMIT_REGISTRATIONS_AN_HOUR`, `LIMIT_CLIENTS`: how often a party may register, and how many clients it may have.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn registration_limits(&self) -> Result<RegistrationLimits, BadSetting> {
        let most = u32::try_from(MAX_CLIENTS).unwrap_or(u32::MAX);
        let clients = self.number("LIMIT_CLIENTS", most, 1..=most)?;
        let times = self.number("LIMIT_REGISTRATIONS_AN_HOUR", 60, 1..=MOST_TIMES)?;
        Ok(RegistrationLimits {
            registrations: Limit { times: times.try_into().unwrap_or(usize::MAX), within_ms: HOUR_MS },
            clients: clients.try_into().unwrap_or(MAX_CLIENTS),
        })
    }
}
