//! What every party of a simulation is in touch with.

use std::sync::Arc;

use crate::api::Api;
use crate::cloud::Cloud;
use crate::facts::Facts;
use crate::story::Story;
use crate::time::Time;

#[derive(Clone)]
pub struct Scene {
    pub api: Arc<Api>,
    pub cloud: Arc<Cloud>,
    pub facts: Arc<Facts>,
    pub story: Arc<Story>,
    pub time: Time,
}
