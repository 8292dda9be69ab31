//! Kubernetes, small and true: the API server, the scheduler, the controllers, the kubelet and
//! the container runtime as programs of the world's hosts.
//!
//! The API server keeps its objects in the etcd it is told of and nowhere else, and every other
//! part speaks to it over the network; so what a lost quorum or a restored snapshot does to a
//! cluster happens here too.
//!
//! Not here: `kubectl` and `crictl` (`lab`), what lies on a host of which world (`lab::worlds`).
