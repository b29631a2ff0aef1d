//! What checking and cutting a request costs, per item.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Signal, sample};

const ITEMS: usize = 1000;

fn walk(criterion: &mut Criterion) {
    let budget = Budget::new(1 << 30);
    let requests = [
        (Signal::Traces, sample::spans(ITEMS)),
        (Signal::Metrics, sample::points(ITEMS)),
        (Signal::Logs, sample::logs(ITEMS)),
    ];
    let mut group = criterion.benchmark_group("walk");
    for (signal, request) in requests {
        let name = format!("{}/{}B", signal.item_name(), request.len() / ITEMS);
        let request = Bytes::from(request);
        group.throughput(Throughput::Elements(ITEMS as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                receive(signal, request.clone(), InvalidUtf8::Repair, &budget)
                    .expect("a sample request is valid")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, walk);
criterion_main!(benches);
