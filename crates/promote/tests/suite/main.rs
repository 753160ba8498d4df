//! The program against stand-ins for registries.

#![cfg(test)]

mod add;
mod check;
mod copies;
mod credentials;
mod faults;
mod fixture;
mod hostile;
mod kills;
mod laws;
mod reference;
mod signatures;
mod stand_in;
mod verify;
