//! Registers clients, and tells the person's other phones of a new one.

use futures::future::join_all;
use ilock_directory::{Account, Client, Directory, NewRegistration, Registered, Registration, TooOften};
use ilock_env::random;
use ilock_events::{ClientChange, ClientSync, Generation, MessageId, Millis, PartyAddress, PartyKind, topics};
use ilock_notify::Publish;

use crate::error::{ApiError, TooMany};
use crate::http::asker::Caller;
use crate::service::mqtt_access::Broker;
use crate::settings::BadSetting;
use crate::settings::limits::RegistrationLimits;
use crate::wiring::Wiring;

/// How long the news of a client is kept for a phone that is away: as long as IoT Core keeps its session.
const NEWS_SECONDS: u32 = 3600;

/// What a registration did to a client: the `index`th of which this is told.
struct News<'a> {
    action: ClientChange,
    client: &'a Client,
    index: usize,
}

/// See the module.
#[derive(Clone)]
pub struct Registrar {
    directory: Directory,
    broker: Broker,
    limits: RegistrationLimits,
}

impl Registrar {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            directory: wiring.directory()?,
            broker: Broker(wiring.carriers.mqtt()?),
            limits: wiring.settings.registration_limits()?,
        })
    }

    /// Refuses whoever has registered too often, before anything is asked of others for them. It counts nothing.
    ///
    /// # Errors
    /// 429 (42904).
    pub fn check_limit(&self, account: &Account, now: Millis) -> Result<(), ApiError> {
        account.may_register(now, self.limits.registrations).map_err(refused)
    }

    /// Counts a registration that came to nothing after others had been asked: else it could be tried without end.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn count_failed(&self, caller: &Caller, now: Millis) -> Result<(), ApiError> {
        Ok(self.directory.count_registration(&caller.at(), now, self.limits.registrations).await?)
    }

    /// Registers `client` of `caller`, by the login that asks. Answers what its password carries.
    ///
    /// # Errors
    /// 403 (40302), 429 (42904), 503, and what the directory says.
    pub async fn register(&self, caller: &Caller, client: Client) -> Result<(Generation, NewRegistration), ApiError> {
        let client = Client { login: caller.login.clone(), token_until: Some(caller.token_until), ..client };
        let generation = Generation::of_bytes(random()?);
        let registration = Registration {
            tenant: caller.tenant.clone(),
            party: caller.party.clone(),
            client,
            generation: generation.clone(),
            most_clients: self.limits.clients,
            limit: self.limits.registrations,
        };
        let made = match Box::pin(self.directory.register(&registration)).await? {
            Registered::Yes(made) => *made,
            Registered::TooOften(too_often) => return Err(refused(too_often)),
            Registered::LoggedOut => return Err(ApiError::LoggedOut),
            Registered::Contended => return Err(ApiError::Busy),
        };
        futures::join!(self.tell_of_new(caller, &registration, &made), self.end_dropped(caller, &registration, &made));
        Ok((generation, made))
    }

    /// A login on another phone, or another login under the name of one, is what somebody who stole one would make: so the
    /// person's phones say so.
    async fn tell_of_new(&self, caller: &Caller, registration: &Registration, made: &NewRegistration) {
        if made.is_news {
            let told = News { action: ClientChange::ClientAdded, client: &registration.client, index: 0 };
            self.tell(caller, told, registration).await;
        }
    }

    async fn end_dropped(&self, caller: &Caller, registration: &Registration, made: &NewRegistration) {
        let each = made.dropped.iter().enumerate().map(async |(index, client)| {
            self.tell(caller, News { action: ClientChange::ClientRemoved, client, index }, registration).await;
            if let Err(error) = self.broker.0.end_session(client.client_id.clone()).await {
                tracing::warn!(%error, "the session of a dropped client goes on until its password runs out");
            }
        });
        join_all(each).await;
    }

    /// Whoever is not told sees the client in the list.
    async fn tell(&self, caller: &Caller, news: News<'_>, registration: &Registration) {
        if caller.party.kind != PartyKind::User {
            return;
        }
        let message = message(&caller.at(), news, registration);
        let told = match message {
            Ok(message) => self.broker.0.publish(message).await.map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = told {
            tracing::warn!(error, "the person's other phones were not told of a client");
        }
    }
}

fn refused(too_often: TooOften) -> ApiError {
    ApiError::TooOften(TooMany::Registrations { retry_after_ms: too_often.retry_after_ms })
}

fn message(
    at: &PartyAddress,
    News { action, client, index }: News<'_>,
    Registration { generation, client: Client { registered_at: now, .. }, .. }: &Registration,
) -> Result<Publish, serde_json::Error> {
    let word = match action {
        ClientChange::ClientAdded => "client_added",
        ClientChange::ClientRemoved => "client_removed",
    };
    let message_id = MessageId::of_registration(word, generation, index);
    let sync = ClientSync {
        action,
        device_id: client.client_id.clone(),
        platform: client.platform,
        device_type: client.device_type.clone(),
        timestamp: *now,
        message_id: message_id.clone(),
        expires_at: now.plus(i64::from(NEWS_SECONDS) * 1000),
    };
    Ok(Publish {
        topic: topics::sync(at),
        payload: serde_json::to_vec(&sync)?,
        expiry_seconds: NEWS_SECONDS,
        message_id,
    })
}
