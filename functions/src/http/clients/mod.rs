//! Clients: the installed apps and door stations, their MQTT credentials and push tokens.

pub mod register_client;
pub mod register_push_token;
pub mod remove_client;
pub mod update_client_status;
