//! The program against stand-ins for registries.

#![cfg(test)]

mod add;
mod attachments;
mod check;
mod copies;
mod cosign;
mod credentials;
mod faults;
mod fixture;
mod helpers;
mod hostile;
mod keyless;
mod kills;
mod layouts;
mod memory;
mod quirks;
mod reference;
mod requests;
mod rules;
mod signatures;
mod snapshot;
mod stalls;
mod stand_in;
mod stopped;
mod uploads;
mod verify;
