//! Clients: the installed apps and door stations, their MQTT credentials, logins and push tokens; and whom a person blocks.

pub mod blocks;
pub mod list_clients;
pub mod register_client;
pub mod register_push_token;
mod registrar;
pub mod remove_client;
pub mod revoke_logins;
pub mod settings;
pub mod update_client_status;
