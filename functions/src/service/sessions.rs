//! The end of a logout: the MQTT sessions of clients that were removed. What a try left undone, its repetition does.

use ilock_directory::Directory;
use ilock_events::{ClientName, Millis, PartyAddress};

use crate::error::ApiError;
use crate::service::mqtt_access::Broker;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// For so long a repeated logout ends the sessions of what an earlier try removed, in milliseconds. Whoever is answered 503
/// asks again within seconds.
const REPEATED_WITHIN_MS: i64 = 600_000;

/// See the module.
#[derive(Clone)]
pub struct Sessions {
    broker: Broker,
    directory: Directory,
}

impl Sessions {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { broker: Broker(wiring.carriers.mqtt()?), directory: wiring.directory()? })
    }

    /// Ends the sessions of the clients of `party` that were removed lately, by this request or by one before it, and of
    /// `named`. Answers which those are.
    ///
    /// # Errors
    /// 503 where one could not be ended: asking again is right.
    pub async fn end_of_removed(
        &self,
        party: &PartyAddress,
        named: Option<ClientName>,
        now: Millis,
    ) -> Result<Vec<ClientName>, ApiError> {
        let mut removed = self.directory.removed_since(party, now.plus(-REPEATED_WITHIN_MS)).await?;
        removed.extend(named.filter(|client| !removed.contains(client)));
        self.broker.end_sessions(removed.clone()).await?;
        Ok(removed)
    }

    /// Does what a logout that ended the logins of `party` may have left undone.
    ///
    /// # Errors
    /// As [`Sessions::end_of_removed`].
    pub async fn finish_logout(&self, party: &PartyAddress, now: Millis) -> Result<(), ApiError> {
        self.directory.remove_logged_out(party, now).await?;
        self.end_of_removed(party, None, now).await.map(drop)
    }
}
