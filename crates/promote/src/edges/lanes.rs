//! Lanes: the items between two registries have places of their own, so that a registry that hangs only keeps those.

use std::collections::{BTreeMap, VecDeque};

use futures_util::stream::{self, Stream, StreamExt, select_all};

use super::item::Item;
use super::progress::Progress;
use super::report::{Remarks, State};

/// How many items of a lane are worked on at once.
const PLACES: usize = 16;
/// How many items are worked on at once in all, unless there are more than half as many lanes: each holds manifests.
const IN_ALL: usize = 128;
/// How many places a lane has at least.
const FEWEST: usize = 2;

/// Does something with every item, and returns what that gave, as it comes, with the number of the item.
pub(crate) fn in_lanes<'i, T: 'i, F: Future<Output = T> + 'i>(
    items: &'i [Item],
    act: impl Fn(&'i Item) -> F + Copy + 'i,
) -> impl Stream<Item = (usize, T)> + 'i {
    let lanes = lanes(items);
    let places = (IN_ALL / lanes.len().max(1)).clamp(FEWEST, PLACES);
    let lanes = lanes.into_iter().map(|lane| {
        let acting = stream::iter(lane).map(move |(at, item)| async move { (at, act(item).await) });
        acting.buffer_unordered(places).boxed_local()
    });
    select_all(lanes)
}

/// Reports what was found of every item, in the order of the items.
pub(crate) async fn report_in_order(
    items: &[Item],
    results: impl Stream<Item = (usize, (Vec<State>, Remarks))>,
    progress: &dyn Progress,
) {
    in_order(results, |at, (states, remarks)| {
        let reports = items.get(at).map(|item| item.reports(states, &remarks));
        reports.into_iter().flatten().for_each(|report| progress.edge(&report));
    })
    .await;
}

/// Calls `each` for every result, in the order of the items.
async fn in_order<T>(results: impl Stream<Item = (usize, T)>, mut each: impl FnMut(usize, T)) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut results = std::pin::pin!(results);
    while let Some((at, result)) = results.next().await {
        early.insert(at, result);
        while let Some(result) = early.remove(&next) {
            each(next, result);
            next += 1;
        }
    }
}

/// The items of a lane by project, each with its number.
type Projects<'i> = BTreeMap<&'i str, VecDeque<(usize, &'i Item)>>;

/// The items of each lane. The projects of a lane take turns, so that a large one does not go first.
fn lanes(items: &[Item]) -> Vec<Vec<(usize, &Item)>> {
    let mut lanes: BTreeMap<(&str, &str), Projects<'_>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let lane = lanes.entry((item.source.host(), item.target.host())).or_default();
        lane.entry(&item.project).or_default().push_back((at, item));
    }
    lanes.into_values().map(take_turns).collect()
}

fn take_turns(projects: Projects<'_>) -> Vec<(usize, &Item)> {
    let mut projects: Vec<_> = projects.into_values().collect();
    let mut all = Vec::new();
    while !projects.is_empty() {
        all.extend(projects.iter_mut().filter_map(VecDeque::pop_front));
        projects.retain(|project| !project.is_empty());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;

    use futures_util::FutureExt;

    use super::*;

    fn item(project: &str, source: &str, target: &str) -> Item {
        let repository = |host: &str| local_registry_oci::Repository::parse(&format!("{host}/team")).unwrap();
        let digest = local_registry_oci::digest_of(b"");
        let (source, target) = (repository(source), repository(target));
        Item { project: project.into(), source, digest, target, tags: vec![], rules: None }
    }

    #[test]
    fn a_registry_that_hangs_keeps_its_own_places_alone() {
        let hanging = (0..20).map(|_| item("a", "hangs.example", "prod.example"));
        let items: Vec<Item> = hanging.chain((0..20).map(|_| item("b", "good.example", "prod.example"))).collect();
        let begun = RefCell::new(0);
        let act = |item: &Item| {
            let hangs = item.source.host() == "hangs.example";
            *begun.borrow_mut() += usize::from(hangs);
            async move {
                if hangs {
                    pending::<()>().await;
                }
            }
        };
        let act = &act;
        let mut results = in_lanes(&items, act);
        let done = std::iter::from_fn(|| results.next().now_or_never().flatten()).count();
        assert_eq!((done, *begun.borrow()), (20, PLACES));
    }

    #[test]
    fn projects_of_a_lane_take_turns() {
        let item = |project| item(project, "s.example", "t.example");
        let items = [item("a"), item("a"), item("a"), item("b"), item("c"), item("c")];
        let order: Vec<usize> = lanes(&items).concat().iter().map(|(at, _)| *at).collect();
        assert_eq!(order, [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let mut seen = Vec::new();
        let results = stream::iter([(2, "c"), (0, "a"), (1, "b")]);
        in_order(results, |at, result| seen.push((at, result))).now_or_never().unwrap();
        assert_eq!(seen, [(0, "a"), (1, "b"), (2, "c")]);
    }
}
