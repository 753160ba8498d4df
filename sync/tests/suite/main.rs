//! The library and the program, against stand-ins for the API server.

#[cfg(test)]
mod api_server;
#[cfg(test)]
mod check;
#[cfg(test)]
mod once;
#[cfg(test)]
mod program;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod watch;
