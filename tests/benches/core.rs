//! The benchmarks of the core by criterion: `cargo xtask bench` runs them and then the same
//! workloads in a browser.

use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use lab::machine::Machine;
use tests::workload;

fn worlds(criterion: &mut Criterion) {
    for load in workload::all() {
        let mut group = criterion.benchmark_group(load.name);
        // A world's minute is long enough: ten of each, without a warm-up.
        group
            .sample_size(10)
            .sampling_mode(SamplingMode::Flat)
            .warm_up_time(Duration::from_millis(1))
            .measurement_time(Duration::from_millis(1))
            .throughput(Throughput::Elements(load.amount));
        let settled = || {
            let mut machine = Machine::new();
            workload::run(&mut machine, &load.setup);
            machine
        };
        group.bench_function("native", |bencher| {
            bencher.iter_batched_ref(
                settled,
                |machine| workload::run(machine, &load.measured),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, worlds);
criterion_main!(benches);
