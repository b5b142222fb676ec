//! A stack that halts at a chosen step, so that a test can kill it there.
//!
//! `victim DATA_DIR HTTP MQTT`: prints `up HTTP MQTT`. After a line `arm K` on standard input, the K-th step from then
//! on prints `here` and goes no further: the process waits to be killed. A step is the moment before or after a
//! DynamoDB request or a publish.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::config::interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents, SharedInterceptor};
use aws_sdk_dynamodb::error::BoxError;
use futures::future::BoxFuture;
use ilock_events::ClientName;
use ilock_local::broker::BrokerAddresses;
use ilock_local::{Addresses, Options, Stack};
use ilock_notify::{CarrierError, Mqtt, Publish};

/// The steps that are left; below zero when not armed.
#[derive(Debug, Clone)]
struct Steps(Arc<AtomicI64>);

impl Steps {
    /// Counts one step. At the last one the process waits here to be killed.
    fn step(&self) {
        if self.0.load(Ordering::SeqCst) < 0 {
            return;
        }
        if self.0.fetch_sub(1, Ordering::SeqCst) <= 1 {
            println!("here");
            std::io::stdout().flush().unwrap();
            loop {
                std::thread::park();
            }
        }
    }
}

impl Intercept for Steps {
    fn name(&self) -> &'static str {
        "Steps"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.step();
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.step();
        Ok(())
    }
}

struct SteppedBroker {
    inner: Arc<dyn Mqtt>,
    steps: Steps,
}

impl Mqtt for SteppedBroker {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            self.steps.step();
            let published = self.inner.publish(message).await;
            self.steps.step();
            published
        })
    }

    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        self.inner.end_session(client)
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().expect("DATA_DIR");
    let http: SocketAddr = arguments.next().expect("HTTP").parse().unwrap();
    let mqtt: SocketAddr = arguments.next().expect("MQTT").parse().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let steps = Steps(Arc::new(AtomicI64::new(-1)));
    let between = steps.clone();
    let options = Options {
        at: Addresses { http, broker: BrokerAddresses { tcp: mqtt, websocket: any, tls: any }, dynamodb: any },
        data_dir: Some(data_dir.into()),
        watch: Some(SharedInterceptor::new(steps.clone())),
        mqtt_layer: Some(Box::new(move |inner| Arc::new(SteppedBroker { inner, steps: between }))),
        ..Options::anywhere()
    };
    let stack = Stack::start(options).await.unwrap();
    println!("up {} {}", stack.at.http, stack.at.broker.tcp);
    // The process ends when it is killed, or when its parent exits and so closes its input.
    for line in std::io::stdin().lock().lines() {
        if let Some(count) = line.unwrap().strip_prefix("arm ") {
            steps.0.store(count.parse().unwrap(), Ordering::SeqCst);
            println!("armed");
        }
    }
}
