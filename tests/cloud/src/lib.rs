//! A local stand-in for AWS IoT Core: mosquitto does MQTT 5 and mutual TLS, this program does
//! the device shadows, the certificates and the access rules. `docs/local-cloud.md` is the manual.
//!
//! `shadow` decides and knows no I/O; `faults` decides what goes wrong on command; `service` carries its decisions over MQTT; `broker`,
//! `access` and `place` set mosquitto up; `serve` joins them; `commands` is everything that
//! talks to a cloud that is already running.

pub mod access;
pub mod broker;
pub mod commands;
pub mod faults;
pub mod mqtt;
pub mod place;
pub mod serve;
pub mod service;
pub mod shadow;
pub mod topic;
