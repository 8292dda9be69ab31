//! Whether a host has room for one more pod: what its pods ask for of the processor may not be
//! more than there is.
//!
//! Not here: memory, and making room by ending pods of lower priority.

use super::{Kubelet, Pod, Source};
use crate::scheduler::quantity;
use crate::value::{at, list};

/// What a host has, in thousandths of a processor, and as the node's status says it.
pub(super) const CPUS: &str = "2";
const MILLI_CPUS: u64 = 2_000;

/// Why a pod is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

fn asked(pod: &Pod) -> u64 {
    let object = pod.object.borrow();
    let containers = list(&object, "spec.containers").iter();
    containers.map(|it| quantity(at(it, "resources.requests").get("cpu"))).sum()
}

/// Why a pod may not run here, if so.
pub(super) fn refusal(kubelet: &Kubelet, pod: &Pod) -> Option<Refusal> {
    let counts = |it: &&std::rc::Rc<Pod>| {
        it.uid != pod.uid && it.leaving_us.get().is_none() && it.state.borrow().admitted
    };
    let used: u64 = kubelet.pods.borrow().values().filter(counts).map(|it| asked(it)).sum();
    let requested = asked(pod);
    let lacking = (used + requested).saturating_sub(MILLI_CPUS);
    if lacking == 0 || requested == 0 {
        return None;
    }
    // Static pods are critical: the kubelet looks for others that could go.
    Some(match pod.source {
        Source::File => Refusal {
            reason: "UnexpectedAdmissionError",
            message: format!(
                "Unexpected error while attempting to recover from admission failure: preemption: \
                 error finding a set of pods to preempt: no set of running pods found to reclaim \
                 resources: [(res: cpu, q: {lacking}), ]"
            ),
        },
        Source::Api => Refusal {
            reason: "OutOfcpu",
            message: format!(
                "Node didn't have enough resource: cpu, requested: {requested}, used: {used}, \
                 capacity: {MILLI_CPUS}"
            ),
        },
    })
}
