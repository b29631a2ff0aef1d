use proptest::prelude::*;

use super::*;

const FINE: [f64; 6] = [10.0, 25.0, 50.0, 100.0, 250.0, 500.0];

/// The histogram of some samples.
fn histogram(bounds: &[f64], samples: &[f64]) -> HistogramDataPoint {
    let mut bucket_counts = vec![0; bounds.len() + 1];
    for sample in samples {
        bucket_counts[bounds.partition_point(|bound| bound < sample)] += 1;
    }
    HistogramDataPoint {
        count: samples.len() as u64,
        sum: Some(samples.iter().sum()),
        bucket_counts,
        explicit_bounds: bounds.to_vec(),
        min: samples.iter().copied().reduce(f64::min),
        max: samples.iter().copied().reduce(f64::max),
        ..HistogramDataPoint::default()
    }
}

fn merged(points: impl IntoIterator<Item = HistogramDataPoint>) -> Vec<HistogramDataPoint> {
    let mut histograms = Histograms::default();
    for point in points {
        assert!(is_valid(&point));
        let mut place = histograms.set_for(&point.explicit_bounds, true);
        place.add(Key::new(), Vec::new, point);
    }
    histograms.into_points(0, 0).flatten().collect()
}

/// The bound of the bucket that the `part`-th of all samples is in, as OAP finds it.
fn percentile(point: &HistogramDataPoint, part: f64) -> f64 {
    let rank = (point.count as f64 * part).ceil() as u64;
    let mut seen = 0;
    for (bucket, count) in point.bucket_counts.iter().enumerate() {
        seen += count;
        if seen >= rank {
            let bound = point.explicit_bounds.get(bucket).copied();
            return bound.unwrap_or(f64::INFINITY);
        }
    }
    f64::INFINITY
}

/// Devices with their samples; whole numbers, so that sums are exact.
fn fleet() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let sample = (0_u32..700).prop_map(f64::from);
    prop::collection::vec(prop::collection::vec(sample, 1..20), 1..40)
}

proptest! {
    #[test]
    fn a_merged_histogram_is_that_of_the_pooled_samples(fleet in fleet()) {
        let parts = fleet.iter().map(|samples| histogram(&FINE, samples));
        let pooled = histogram(&FINE, &fleet.concat());
        prop_assert_eq!(merged(parts), vec![pooled.clone()]);
        let parts = fleet.iter().map(|samples| histogram(&FINE, samples));
        for part in [0.5, 0.75, 0.9, 0.95, 0.99] {
            let of_merged = percentile(&merged(parts.clone())[0], part);
            prop_assert_eq!(of_merged, percentile(&pooled, part));
        }
    }

    #[test]
    fn bounds_that_nest_are_those_of_the_coarsest_whatever_the_order(
        fleet in fleet(),
        subsets in prop::collection::vec(prop::sample::subsequence(FINE.to_vec(), 1..=6), 3),
    ) {
        // A chain, so that all of them nest.
        let mut chain = vec![FINE.to_vec()];
        for subset in subsets {
            let last: &Vec<f64> = chain.last().expect("it begins with one");
            let next: Vec<f64> = last.iter().copied().filter(|it| subset.contains(it)).collect();
            if !next.is_empty() {
                chain.push(next);
            }
        }
        let parts = fleet.iter().enumerate();
        let parts = parts.map(|(at, samples)| histogram(&chain[at % chain.len()], samples));
        let coarsest = &chain[(fleet.len() - 1).min(chain.len() - 1)];
        prop_assert_eq!(merged(parts), vec![histogram(coarsest, &fleet.concat())]);
    }

    #[test]
    fn whatever_the_bounds_nothing_is_counted_twice_or_not_at_all(
        fleet in fleet(),
        bounds in prop::collection::vec(
            prop::collection::btree_set(1_u32..700, 0..5), 1..30,
        ),
    ) {
        let bounds: Vec<Vec<f64>> = bounds
            .into_iter()
            .map(|set| set.into_iter().map(f64::from).collect())
            .collect();
        let parts = fleet.iter().enumerate();
        let parts = parts.map(|(at, samples)| histogram(&bounds[at % bounds.len()], samples));
        let merged = merged(parts);
        let all = fleet.concat();
        prop_assert_eq!(merged.iter().map(|it| it.count).sum::<u64>(), all.len() as u64);
        let sum: f64 = merged.iter().filter_map(|it| it.sum).sum();
        prop_assert_eq!(sum, all.iter().sum::<f64>());
        prop_assert!(merged.iter().all(is_valid));
        prop_assert!(merged.len() <= SETS_MAX);
    }
}

#[test]
fn what_one_point_does_not_say_the_sum_does_not_say() {
    let silent = HistogramDataPoint {
        sum: None,
        min: Some(f64::NAN),
        ..histogram(&FINE, &[20.0])
    };
    let merged = merged([histogram(&FINE, &[30.0]), silent]);
    let [point] = &merged[..] else {
        panic!("they have the same bounds");
    };
    assert_eq!(
        (point.count, point.sum, point.min, point.max),
        (2, None, None, Some(30.0))
    );
}

#[test]
fn points_that_cannot_be_added_are_told() {
    let valid = histogram(&FINE, &[20.0, 30.0]);
    let damages: [fn(&mut HistogramDataPoint); 6] = [
        |point| point.explicit_bounds[0] = f64::NAN,
        |point| point.explicit_bounds.swap(0, 1),
        |point| point.explicit_bounds[5] = f64::INFINITY,
        |point| point.bucket_counts.truncate(6),
        |point| point.bucket_counts[0] = u64::MAX,
        |point| point.count += 1,
    ];
    assert!(is_valid(&valid));
    for damage in damages {
        let mut point = valid.clone();
        damage(&mut point);
        assert!(!is_valid(&point), "{point:?}");
    }
}
