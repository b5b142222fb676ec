//! SNS and the push services behind it: one platform endpoint for each token, and a push for the phone that has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::time::Instant;

use super::network::{Arrival, Mailbox, Network};

/// A push as it was handed over.
#[derive(Debug, Clone)]
pub struct Pushed {
    pub token: String,
    /// What the app reads.
    pub data: Value,
}

pub struct PushServices {
    network: Arc<Network>,
    phones: Mutex<BTreeMap<String, Mailbox>>,
    pushed: Mutex<Vec<Pushed>>,
}

impl PushServices {
    pub fn new(network: Arc<Network>) -> Self {
        Self { network, phones: Mutex::default(), pushed: Mutex::default() }
    }

    /// The phone that has `token`.
    pub fn install(&self, token: &str, mailbox: Mailbox) {
        self.phones.lock().unwrap().insert(token.to_owned(), mailbox);
    }

    /// Every push that was handed over, in order.
    pub fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap().clone()
    }

    /// The answer's status and XML.
    pub fn answer(&self, form: &BTreeMap<String, String>) -> (u16, String) {
        let action = form["Action"].as_str();
        let result = match action {
            "CreatePlatformEndpoint" => {
                let app = form["PlatformApplicationArn"].replace(":app/", ":endpoint/");
                format!("<EndpointArn>{app}/{}</EndpointArn>", form["Token"])
            }
            "GetEndpointAttributes" => {
                let token = form["EndpointArn"].rsplit('/').next().unwrap();
                format!(
                    "<Attributes><entry><key>Enabled</key><value>true</value></entry>\
                     <entry><key>Token</key><value>{token}</value></entry></Attributes>"
                )
            }
            "Publish" => {
                self.publish(&form["TargetArn"], &form["Message"]);
                "<MessageId>1</MessageId>".to_owned()
            }
            other => panic!("no {other} in the simulation"),
        };
        let space = "http://sns.amazonaws.com/doc/2010-03-31/";
        (
            200,
            format!("<{action}Response xmlns=\"{space}\"><{action}Result>{result}</{action}Result></{action}Response>"),
        )
    }

    fn publish(&self, endpoint: &str, message: &str) {
        let handed = Instant::now();
        let token = endpoint.rsplit('/').next().unwrap();
        let data = data_of(message);
        self.pushed.lock().unwrap().push(Pushed { token: token.to_owned(), data: data.clone() });
        let Some(mailbox) = self.phones.lock().unwrap().get(token).cloned() else { return };
        for way in self.network.ways(token, data["type"].as_str().unwrap_or("a push")) {
            let (mailbox, payload) = (mailbox.clone(), data.clone());
            tokio::spawn(async move {
                tokio::time::sleep(way).await;
                let _ = mailbox.send(Arrival::Push { payload, handed });
            });
        }
    }
}

/// What the app reads, out of the message that SNS is given for one push service.
fn data_of(message: &str) -> Value {
    let by_service: BTreeMap<String, String> = serde_json::from_str(message).unwrap();
    let (_, payload) = by_service.into_iter().find(|(service, _)| service != "default").unwrap();
    let payload: Value = serde_json::from_str(&payload).unwrap();
    match payload.pointer("/fcmV1Message/message/data") {
        Some(data) => data.clone(),
        None => payload,
    }
}
