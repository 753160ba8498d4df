//! The library and the program, against stand-ins for the API server.

#![cfg(test)]

mod api_server;
mod check;
mod kit;
mod node;
mod once;
mod program;
mod reference;
mod watch;
