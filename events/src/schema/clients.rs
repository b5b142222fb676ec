//! The forms of one's own clients, logins, push tokens and blocks and settings.

use schemars::Schema;

use super::made::{asked, given, named, reply};
use crate::{
    ApnsPush, BlockList, ClientRegistered, ClientRemoved, ClientSync, ConfirmPushToken, FcmPush, KnownClients,
    PersonSettings, PushConfirm, PushTokenConfirmed, PushTokenRegistered, RegisterClient, RegisterPushToken,
    Revocation, Revoked, UpdateStatus,
};

pub(super) fn clients() -> Vec<(String, Schema)> {
    vec![
        given::<ClientSync>("message.client"),
        named::<FcmPush<PushConfirm>>("push.android.push_confirm", "FcmPushConfirm"),
        named::<ApnsPush<PushConfirm>>("push.ios.push_confirm", "ApnsPushConfirm"),
        given::<ClientRegistered>("http.ClientRegistered"),
        given::<PushTokenRegistered>("http.PushTokenRegistered"),
        given::<PushTokenConfirmed>("http.PushTokenConfirmed"),
        given::<KnownClients>("http.KnownClients"),
        given::<BlockList>("http.BlockList"),
        given::<PersonSettings>("http.PersonSettings"),
        given::<ClientRemoved>("http.ClientRemoved"),
        given::<Revoked>("http.Revoked"),
        reply::<ClientRegistered>("ClientRegistered"),
        reply::<PushTokenRegistered>("PushTokenRegistered"),
        reply::<PushTokenConfirmed>("PushTokenConfirmed"),
        reply::<KnownClients>("KnownClients"),
        reply::<BlockList>("BlockList"),
        reply::<PersonSettings>("PersonSettings"),
        reply::<ClientRemoved>("ClientRemoved"),
        reply::<Revoked>("Revoked"),
        asked::<RegisterClient>("http.RegisterClient"),
        asked::<RegisterPushToken>("http.RegisterPushToken"),
        asked::<UpdateStatus>("http.UpdateStatus"),
        asked::<Revocation>("http.Revocation"),
        asked::<ConfirmPushToken>("http.ConfirmPushToken"),
    ]
}
