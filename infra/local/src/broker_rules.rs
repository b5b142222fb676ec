//! Where the broker crate does otherwise than IoT Core, and what is done about it.
//!
//! - A publish that the policy does not allow. The crate drops it in silence at QoS 0, and answers it at QoS 1 with a
//!   PUBACK of MQTT 5, which it sends to 3.1.1 clients too. IoT Core answers nothing and closes the connection. So the crate is
//!   told that every publish is allowed, and asks here before it routes one. What is not allowed ends the connection; it
//!   goes on without its content, at QoS 0, which is not answered, to a topic that no policy allows to subscribe to.
//! - A publish at QoS 2, which IoT Core does not have. Where the crate is told so, it answers one with a PUBREC of MQTT 5 before it
//!   asks here, and keeps the connection. So the crate is not told, and a publish at QoS 2 is not allowed here. This is what
//!   it costs: a CONNACK of MQTT 5 does not name 1 as the Maximum QoS, and a SUBACK grants QoS 2 to whoever asks for it. Messages
//!   are published at QoS 1, so they are delivered at QoS 1 all the same.
//! - A 3.1.1 client whose id connects again. The crate sends the older connection a DISCONNECT, which MQTT 3.1.1 has in the
//!   other direction only. IoT Core closes it. So it is ended before the newer one is let in.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ilock_functions::lock::lock;
use mqtt5::QoS;
use mqtt5::broker::events::{BrokerEventHandler, ClientPublishEvent, PublishAction};
use mqtt5::broker::router::MessageRouter;
use mqtt5::packet::publish::PublishPacket;

/// Where a refused publish goes.
const NOWHERE: &str = "refused";

const MQTT_311: u8 = 4;

/// Whether a client may publish to a topic.
type MayPublish = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

pub(crate) struct BrokerRules {
    may_publish: MayPublish,
    router: Mutex<Option<Arc<MessageRouter>>>,
    /// The version of MQTT that each client connected with last.
    versions: Mutex<HashMap<String, u8>>,
}

impl BrokerRules {
    pub(crate) fn new(may_publish: MayPublish) -> Self {
        Self { may_publish, router: Mutex::default(), versions: Mutex::default() }
    }

    /// The rules hold for the clients of this router from now on; for none when the broker is down.
    pub(crate) fn route_by(&self, router: Option<Arc<MessageRouter>>) {
        *lock(&self.router) = router;
    }

    /// `client` is about to be let in, with this version of MQTT.
    pub(crate) async fn lets_in(&self, client: &str, version: u8) {
        let before = lock(&self.versions).insert(client.to_owned(), version);
        if before == Some(MQTT_311) {
            self.disconnect(client).await;
        }
    }

    async fn disconnect(&self, client: &str) {
        let router = lock(&self.router).clone();
        if let Some(router) = router {
            router.disconnect_client(client).await;
        }
    }
}

impl BrokerEventHandler for BrokerRules {
    fn on_client_publish<'a>(
        &'a self,
        event: ClientPublishEvent,
    ) -> Pin<Box<dyn Future<Output = PublishAction> + Send + 'a>> {
        Box::pin(async move {
            if event.qos != QoS::ExactlyOnce && (self.may_publish)(&event.client_id, &event.topic) {
                return PublishAction::Continue;
            }
            tracing::warn!(
                client_id = &*event.client_id,
                topic = &*event.topic,
                qos = ?event.qos,
                "connection closed: the client may not publish to this topic at this QoS"
            );
            self.disconnect(&event.client_id).await;
            PublishAction::Transform(PublishPacket::new(NOWHERE, Vec::<u8>::new(), QoS::AtMostOnce))
        })
    }
}
