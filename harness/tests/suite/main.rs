//! The built module in its engine, and the harness as a program.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod match_conditions;
#[cfg(test)]
mod module;
#[cfg(test)]
mod payload;
#[cfg(test)]
mod program;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod serve;
