//! The contract as JSON Schema (2020-12), made from the types: the one list of what there is.
//!
//! `events/schema/` holds one file for each entry of [`schemas`], and the components of `openapi.yaml` and
//! `asyncapi.yaml` are made of them. After a change of a type: `cargo run -p ilock-events --example write-schemas`.

mod clients;
mod errors;
mod made;
mod plain;
mod tagged;

use schemars::Schema;
use serde_json::Value;

use crate::{
    Access, AccessesOfDay, Act, Alert, ApnsPush, Archived, CallEvent, CallEvents, CallOver, CallView, CalleeAction,
    CallerAction, CallsOfDay, CallsSeen, Commit, Control, DeviceSync, Envelope, FcmPush, Forgotten, History, Incoming,
    MissedCall, Personal, PlaceCall, ProofFile, Receipt, VideoCall,
};
use clients::clients;
use errors::errors;
use made::{asked, given, named, nothing, reply};
use tagged::{command, event, tagged};

/// Every form that is stored, sent, asked or answered, under its stable name.
///
/// | name | form |
/// |---|---|
/// | `stored.*` | an item of the log |
/// | `event.{name}.v{version}` | one event inside a commit |
/// | `command.{kind}` | the command inside a commit |
/// | `message.*` | the payload of an MQTT message |
/// | `push.{system}.*` | the payload of a mobile push, as SNS is given it for that system |
/// | `http.{type}` | a request's body, or the `data` of a good answer |
/// | `http.reply.{type}` | that `data` in its envelope |
/// | `http.error` | the envelope of every other answer |
/// | `http.error.{response}` | that of one of the responses in `openapi.yaml` |
#[must_use]
pub fn schemas() -> Vec<(String, Schema)> {
    let mut all = vec![
        given::<Commit>("stored.commit"),
        given::<Personal>("stored.personal"),
        given::<Receipt>("stored.receipt"),
        given::<Access>("stored.access"),
        given::<Forgotten>("stored.forgotten"),
        given::<Archived>("stored.archived"),
        given::<Alert>("stored.alert"),
    ];
    all.extend(tagged::<CallEvent>("type", "data").into_iter().map(event));
    all.extend(tagged::<Act>("kind", "args").into_iter().map(command));
    all.extend([
        given::<Incoming>("message.incoming"),
        given::<Control>("message.control"),
        given::<DeviceSync>("message.sync"),
        named::<FcmPush<VideoCall>>("push.android.video_call", "FcmVideoCall"),
        named::<FcmPush<CallOver>>("push.android.call_ended", "FcmCallOver"),
        named::<FcmPush<MissedCall>>("push.android.missed_call", "FcmMissedCall"),
        named::<ApnsPush<VideoCall>>("push.ios.video_call", "ApnsVideoCall"),
        named::<ApnsPush<CallOver>>("push.ios.call_ended", "ApnsCallOver"),
        named::<ApnsPush<MissedCall>>("push.ios.missed_call", "ApnsMissedCall"),
        given::<Envelope<Value>>("http.Envelope"),
        given::<CallView>("http.CallView"),
        given::<History>("http.History"),
        given::<CallsOfDay>("http.CallsOfDay"),
        given::<CallEvents>("http.CallEvents"),
        given::<AccessesOfDay>("http.AccessesOfDay"),
        given::<ProofFile>("http.ProofFile"),
        reply::<CallView>("CallView"),
        reply::<History>("History"),
        reply::<CallsSeen>("CallsSeen"),
        reply::<CallsOfDay>("CallsOfDay"),
        reply::<CallEvents>("CallEvents"),
        reply::<AccessesOfDay>("AccessesOfDay"),
        nothing(),
        asked::<PlaceCall>("http.PlaceCall"),
        asked::<CalleeAction>("http.CalleeAction"),
        asked::<CallerAction>("http.CallerAction"),
        asked::<CallsSeen>("http.CallsSeen"),
    ]);
    all.extend(clients());
    all.extend(errors());
    all
}
