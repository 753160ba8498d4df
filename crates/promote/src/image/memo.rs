//! Answers that are remembered, so that the same is asked once, also if several ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by key, up to a weight in all. What does not fit any more makes everything else forgotten.
pub(crate) struct Memo<K, V> {
    known: Mutex<Known<K, V>>,
    slots: Slots<K>,
    heaviest: usize,
}

struct Known<K, V> {
    values: HashMap<K, V>,
    weight: usize,
}

/// Keys that one at a time may use.
pub(crate) struct Slots<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K, V> Memo<K, V> {
    pub(crate) fn new(heaviest: usize) -> Self {
        let known = Known { values: HashMap::new(), weight: 0 };
        Self { known: Mutex::new(known), slots: Slots::default(), heaviest }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Memo<K, V> {
    fn known(&self) -> MutexGuard<'_, Known<K, V>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, or else what somebody finds out, which is remembered with its weight; without one, it is not.
    pub(crate) async fn get<E>(
        &self,
        key: K,
        is_fresh: impl Fn(&V) -> bool,
        ask: impl Future<Output = Result<(V, Option<usize>), E>>,
    ) -> Result<V, E> {
        // It would be large, and many of them wait.
        let asking = Box::pin(async {
            let known = self.known().values.get(&key).filter(|value| is_fresh(value)).cloned();
            if let Some(value) = known {
                return Ok(value);
            }
            let (value, weight) = ask.await?;
            if let Some(weight) = weight {
                self.remember(key.clone(), value.clone(), weight);
            }
            Ok(value)
        });
        self.slots.alone(key.clone(), asking).await
    }

    fn remember(&self, key: K, value: V, weight: usize) {
        let mut known = self.known();
        known.weight += weight;
        if known.weight > self.heaviest {
            known.values.clear();
            known.weight = weight;
        }
        known.values.insert(key, value);
    }
}

impl<K> Default for Slots<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Slots<K> {
    /// Does something while nobody else uses the key.
    pub(crate) async fn alone<T>(&self, key: K, act: impl Future<Output = T>) -> T {
        let slot = Arc::clone(self.all().entry(key.clone()).or_default());
        let done = {
            let _only = slot.lock().await;
            act.await
        };
        drop(slot);
        let mut all = self.all();
        if all.get(&key).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            all.remove(&key);
        }
        done
    }

    fn all(&self) -> MutexGuard<'_, HashMap<K, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    #[test]
    fn what_several_ask_at_once_is_asked_once_until_it_is_forgotten() {
        let (memo, asked) = (Memo::<u8, u8>::new(2), Cell::new(0));
        let get = async |key: u8| {
            let ask = async {
                asked.set(asked.get() + 1);
                futures_util::future::ready(()).await;
                Ok::<_, Infallible>((key, Some(1)))
            };
            memo.get(key, |_| true, ask).await.unwrap()
        };
        assert_eq!(join_all([get(1), get(1), get(2)]).now_or_never().unwrap(), [1, 1, 2]);
        assert_eq!(asked.get(), 2);
        // The third one makes both of them forgotten.
        assert_eq!(join_all([get(3), get(1)]).now_or_never().unwrap(), [3, 1]);
        assert_eq!(asked.get(), 4);
        assert!(memo.slots.all().is_empty());
    }
}
