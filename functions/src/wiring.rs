//! The parts of the house, put together from settings; and out of them the state of each function.

use std::sync::Arc;

use ilock_auth::AccessTokens;
use ilock_directory::Directory;
use ilock_log::{EventLog, Ledger};
use ilock_notify::push::PushCarrier;
use ilock_notify::{Mqtt, RingTimer};

use crate::app::{Access, App, Broker, MqttAccess, Welcome};
use crate::calls::Calls;
use crate::dismissals::Dismissals;
use crate::ledger::LedgerKeeper;
use crate::phones::{Pushes, WakingPhones};
use crate::projector::Projector;
use crate::rooms::Rooms;
use crate::settings::{BadSetting, Settings};
use crate::telling::Telling;
use crate::trtc_callback::RoomWatch;
use ilock_env::Clock;

/// What every part is made of.
#[derive(Clone)]
pub struct Wiring {
    /// What the operator decided.
    pub settings: Settings,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The carrier of pushes, where they are used.
    pub push: Option<Arc<dyn PushCarrier>>,
    /// The time.
    pub clock: Clock,
}

/// One method a part. Each reads what its part needs, and nothing else.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Wiring {
    /// The log.
    pub fn log(&self) -> Result<EventLog, BadSetting> {
        Ok(EventLog::new(self.dynamodb.clone(), self.settings.events_table()?))
    }

    /// What enters commits into the ledger.
    pub fn ledger(&self) -> Result<LedgerKeeper, BadSetting> {
        Ok(LedgerKeeper { ledger: Ledger::new(self.dynamodb.clone(), self.settings.ledger_table()?) })
    }

    /// The directory.
    pub fn directory(&self) -> Result<Directory, BadSetting> {
        Ok(Directory::new(self.dynamodb.clone(), self.settings.directory_table()?))
    }

    /// Token verification.
    pub fn access(&self) -> Result<Access, BadSetting> {
        let tokens = AccessTokens::new(self.settings.access()?)
            .map_err(|error| BadSetting { name: "AUTH_ALGORITHMS", why: error.to_string() })?;
        Ok(Access { tokens: Arc::new(tokens), clock: self.clock.clone() })
    }

    /// Who may connect to the broker.
    pub fn mqtt_access(&self) -> Result<MqttAccess, BadSetting> {
        Ok(MqttAccess { tokens: Arc::new(self.settings.mqtt_tokens()?), arns: self.settings.arns()? })
    }

    /// What a client connects with.
    pub fn welcome(&self) -> Result<Welcome, BadSetting> {
        Ok(Welcome {
            tokens: Arc::new(self.settings.mqtt_tokens()?),
            token_seconds: self.settings.mqtt_token_seconds()?,
            payload_keys: Arc::new(self.settings.payload_keys()?),
            broker_url: self.settings.mqtt_url()?,
            websocket_url: self.settings.mqtt_websocket_url()?,
        })
    }

    /// Tickets.
    pub fn rooms(&self) -> Result<Rooms, BadSetting> {
        Ok(Rooms {
            trtc: Arc::new(self.settings.trtc()?),
            payload_keys: Arc::new(self.settings.payload_keys()?),
            in_messages: self.settings.sig_in_messages()?,
            ticket_seconds: self.settings.ticket_seconds()?,
            clock: self.clock.clone(),
        })
    }

    /// Telling, by `mqtt`.
    pub fn telling(&self, mqtt: Arc<dyn Mqtt>) -> Result<Telling, BadSetting> {
        Ok(Telling {
            log: self.log()?,
            mqtt,
            push: match &self.push {
                Some(carrier) => Some(WakingPhones::new(carrier.clone(), self.directory()?)),
                None => None,
            },
            tickets: Arc::new(self.rooms()?),
            clock: self.clock.clone(),
            fast_path: self.settings.fast_path()?,
        })
    }

    /// Commands; what follows from them is told by `mqtt`, and `timer` ends the ringing.
    pub fn calls(&self, mqtt: Arc<dyn Mqtt>, timer: Arc<dyn RingTimer>) -> Result<Calls, BadSetting> {
        Ok(Calls { log: self.log()?, telling: self.telling(mqtt)?, timer, clock: self.clock.clone() })
    }

    /// Who hears of rooms.
    pub fn room_watch(&self) -> Result<RoomWatch, BadSetting> {
        Ok(RoomWatch { key: self.settings.trtc_callback_key(), room_api: self.settings.room_api(self.clock.clone())? })
    }

    /// The projector.
    pub fn projector(&self, mqtt: Arc<dyn Mqtt>) -> Result<Projector, BadSetting> {
        Ok(Projector {
            log: self.log()?,
            directory: self.directory()?,
            telling: self.telling(mqtt)?,
            rooms: Dismissals::new(self.settings.room_api(self.clock.clone())?),
        })
    }

    /// Everything, on these carriers.
    pub fn app(&self, mqtt: Arc<dyn Mqtt>, timer: Arc<dyn RingTimer>) -> Result<App, BadSetting> {
        Ok(App {
            access: self.access()?,
            mqtt: self.mqtt_access()?,
            welcome: self.welcome()?,
            broker: Broker(mqtt.clone()),
            directory: self.directory()?,
            pushes: Pushes(self.push.clone()),
            calls: self.calls(mqtt, timer)?,
            log: self.log()?,
            rooms: self.rooms()?,
            room_watch: self.room_watch()?,
            clock: self.clock.clone(),
        })
    }
}
