//! One etcd member as a state machine.

pub mod pb;
pub mod rpc;
