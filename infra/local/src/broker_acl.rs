//! Asks the real authorizer about every CONNECT, and again while a connection stands, as IoT Core does; and holds every
//! client to the very policy that comes back.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_auth::{Arns, Policy};
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_functions::lock::lock;
use ilock_functions::service::mqtt_access::MqttAccess;
use ilock_functions::triggers::mqtt_authorizer::{AuthorizerRequest, MqttData, ProtocolData, authorize};
use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;

use crate::broker_rules::BrokerRules;

/// What the acl asks.
pub struct Authority {
    /// What passwords are checked against.
    pub mqtt: MqttAccess,
    /// Whether the client is registered.
    pub directory: Directory,
    pub clock: Clock,
}

/// Asks the authorizer, and holds every client to its policy.
pub(crate) struct BrokerAcl {
    authority: OnceLock<Authority>,
    arns: Arns,
    admitted: Mutex<HashMap<String, Arc<Admitted>>>,
    rules: Arc<BrokerRules>,
}

/// What the authorizer said of a client's connection.
struct Admitted {
    policies: Vec<Policy>,
    /// What it was asked, to be asked again.
    request: AuthorizerRequest,
    /// When the connection is ended.
    ends_at: Millis,
    /// When the authorizer is asked again.
    ask_again_at: Millis,
}

impl BrokerAcl {
    pub(crate) fn new(arns: Arns) -> Arc<Self> {
        Arc::new_cyclic(|acl: &Weak<Self>| {
            let acl = acl.clone();
            let may_publish = move |client: &str, topic: &str| {
                acl.upgrade().is_some_and(|acl| acl.allows(client, "iot:Publish", &acl.arns.topic(topic)))
            };
            let rules = Arc::new(BrokerRules::new(Box::new(may_publish)));
            Self { authority: OnceLock::new(), arns, admitted: Mutex::new(HashMap::new()), rules }
        })
    }

    pub(crate) fn rules(&self) -> &Arc<BrokerRules> {
        &self.rules
    }

    pub(crate) fn connect(&self, authority: Authority) {
        if self.authority.set(authority).is_err() {
            tracing::warn!("the broker was connected twice");
        }
    }

    pub(crate) fn authority(&self) -> Option<&Authority> {
        self.authority.get()
    }

    /// The clients whose connections are to be ended now: their passwords have run out, or work no more. None of them may do
    /// anything from here on.
    pub(crate) async fn overdue(&self) -> Vec<String> {
        let Some(authority) = self.authority.get() else { return vec![] };
        let now = authority.clock.now();
        let due = |(_, admitted): &(&String, &Arc<Admitted>)| now >= admitted.ends_at.min(admitted.ask_again_at);
        let due: Vec<(String, Arc<Admitted>)> = lock(&self.admitted)
            .iter()
            .filter(due)
            .map(|(client, admitted)| (client.clone(), admitted.clone()))
            .collect();
        let mut overdue = vec![];
        for (client, admitted) in due {
            let again = if now < admitted.ends_at { self.ask(authority, admitted.request.clone()).await } else { None };
            let mut all = lock(&self.admitted);
            // Whoever connected meanwhile stays.
            if all.get(&client).is_some_and(|standing| Arc::ptr_eq(standing, &admitted)) {
                if let Some(again) = again {
                    drop(all.insert(client, Arc::new(again)));
                } else {
                    all.remove(&client);
                    overdue.push(client);
                }
            }
        }
        overdue
    }

    /// What the authorizer admits; none when the client may not connect.
    async fn ask(&self, authority: &Authority, request: AuthorizerRequest) -> Option<Admitted> {
        let now = authority.clock.now();
        let answer = authorize(&request, &authority.mqtt, &authority.directory, &authority.clock).await;
        let answer = answer.inspect_err(|error| tracing::error!(%error, "the authorizer failed")).ok()?;
        if !answer.is_authenticated {
            return None;
        }
        let policies: Vec<Policy> =
            answer.policy_documents.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>().ok()?;
        let after =
            |seconds: Option<u32>| seconds.map_or(Millis(i64::MAX), |seconds| now.plus(i64::from(seconds) * 1000));
        let (ends_at, ask_again_at) =
            (after(answer.disconnect_after_in_seconds), after(answer.refresh_after_in_seconds));
        Some(Admitted { policies, request, ends_at, ask_again_at })
    }

    /// What may be done by `connect`; none when it may not connect.
    async fn admit(&self, connect: &ConnectPacket) -> Option<Admitted> {
        let authority = self.authority.get()?;
        let mqtt = MqttData {
            username: connect.username.clone(),
            password: connect.password.as_ref().map(|password| STANDARD.encode(password)),
            client_id: Some(connect.client_id.clone()),
        };
        let request = AuthorizerRequest { protocol_data: ProtocolData { mqtt: Some(mqtt) } };
        let admitted = self.ask(authority, request).await?;
        let policies = &admitted.policies;
        let may = |action: &str, resource: &str| policies.iter().any(|policy| policy.allows(action, resource));
        let will_is_fine = connect.will.as_ref().is_none_or(|will| {
            let allowed = may("iot:Publish", &self.arns.topic(&will.topic));
            if !allowed {
                let client_id = connect.client_id.as_str();
                tracing::warn!(client_id, topic = will.topic, "connection refused: a client may not have a will");
            }
            allowed
        });
        (may("iot:Connect", &self.arns.client(&connect.client_id)) && will_is_fine).then_some(admitted)
    }

    fn allows(&self, client: &str, action: &str, resource: &str) -> bool {
        let admitted = lock(&self.admitted).get(client).cloned();
        admitted.is_some_and(|admitted| admitted.policies.iter().any(|policy| policy.allows(action, resource)))
    }
}

impl AuthProvider for BrokerAcl {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = mqtt5::Result<AuthResult>> + Send + 'a>> {
        Box::pin(async move {
            Ok(match self.admit(connect).await {
                Some(admitted) => {
                    lock(&self.admitted).insert(connect.client_id.clone(), Arc::new(admitted));
                    self.rules.lets_in(&connect.client_id, connect.protocol_version).await;
                    // A kept session is resumed only by the user it was kept for.
                    let user = connect.username.as_deref().and_then(|name| name.split('?').next()).unwrap_or_default();
                    AuthResult::success_with_user(user)
                }
                None => AuthResult::fail(ReasonCode::NotAuthorized),
            })
        })
    }

    /// Publishes are refused by [`BrokerRules`], wills at CONNECT.
    fn authorize_publish<'a>(
        &'a self,
        _: &str,
        _: Option<&'a str>,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async { true })
    }

    fn authorize_subscribe<'a>(
        &'a self,
        client: &str,
        _: Option<&'a str>,
        filter: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let allowed = self.allows(client, "iot:Subscribe", &self.arns.topic_filter(filter));
        Box::pin(async move { allowed })
    }
}
