//! The benchmarks of the core by criterion: `cargo xtask bench` runs them and then the same
//! workloads in a browser.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lab::machine::Machine;
use tests::workload;

fn worlds(criterion: &mut Criterion) {
    for load in workload::all() {
        let mut group = criterion.benchmark_group(load.name);
        group.sample_size(10).throughput(Throughput::Elements(load.amount));
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
