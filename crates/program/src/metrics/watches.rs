//! How often watches end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// Shows a count of watches that ended, as it is when it is asked for. An API server ends each watch after some minutes; many
/// more mean that something between does.
#[derive(Debug)]
pub(super) struct EndedWatches(pub(super) Arc<AtomicU64>);

impl Collector for EndedWatches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counter = ConstCounter::new(self.0.load(Ordering::Relaxed));
        let help = "Watches of the API server that ended, and were begun again";
        counter.encode(encoder.encode_descriptor("watches_ended", help, None, counter.metric_type())?)
    }
}
