//! The container runtime: sandboxes and containers of a host, as the kubelet and `crictl` see
//! them. What is known of each lies in a file under `/run/containerd`, written by the process
//! that looks after it, so containers outlive the kubelet.

pub mod images;
mod shim;

use std::rc::Rc;

use serde_json::{Value, json};
use sim::{Container, Errno, Mount, Signal, Sys};

use crate::value::{self, at, int, list, text};
use images::Image;

/// Where the records lie: `containers/ID.json` and `sandboxes/ID.json`.
pub const RECORDS: &str = "/run/containerd/io.containerd.grpc.v1.cri";
/// Where the files of containers lie.
const ROOTS: &str = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";
/// Where it is written which images a host has.
const IMAGES: &str = "/var/lib/containerd/io.containerd.metadata.v1.images";

/// A container to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerSpec {
    /// Its name in the pod.
    pub name: String,
    /// How often it was started before.
    pub attempt: u32,
    /// The sandbox it belongs to.
    pub sandbox: Value,
    /// The image as the pod names it.
    pub image: String,
    /// What starts: program and arguments.
    pub argv: Vec<String>,
    /// Its environment, after the image's.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub cwd: String,
    /// The name it has for itself.
    pub hostname: String,
    /// What it sees of the host.
    pub mounts: Vec<Mount>,
    /// The file its output goes to.
    pub log_path: String,
}

fn record_path(kind: &str, id: &str) -> String {
    format!("{RECORDS}/{kind}/{id}.json")
}

/// Makes a directory and those above it.
pub fn mkdir_all(sys: &Sys, path: &str) -> Result<(), Errno> {
    let mut made = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        made.push('/');
        made.push_str(part);
        match sys.mkdir(&made, 0o755) {
            Ok(()) | Err(Errno::Eexist) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Removes a file or a directory with all that is in it.
pub fn remove_all(sys: &Sys, path: &str) {
    let Ok(stat) = sys.lstat(path) else { return };
    if stat.is_dir() {
        for name in sys.read_dir(path).unwrap_or_default() {
            remove_all(sys, &format!("{path}/{name}"));
        }
        // One that is not empty stays, as after a failed rm.
        let _ = sys.remove_dir(path);
    } else {
        let _ = sys.remove_file(path);
    }
}

fn save(sys: &Sys, kind: &str, record: &Value) {
    let path = record_path(kind, text(record, "id"));
    // A full disk loses it, as it loses the container's log.
    let _ = sys.write_file(&path, record.to_string().as_bytes());
}

fn load(sys: &Sys, kind: &str) -> Vec<Value> {
    let dir = format!("{RECORDS}/{kind}");
    let names = sys.read_dir(&dir).unwrap_or_default();
    let read = |name: String| {
        let bytes = sys.read_file(&format!("{dir}/{name}")).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    names.into_iter().filter_map(read).collect()
}

/// All containers, oldest first.
pub fn containers(sys: &Sys) -> Vec<Value> {
    let mut found = load(sys, "containers");
    found.sort_by_key(|it| int(it, "createdAt"));
    found
}

/// All sandboxes, oldest first.
pub fn sandboxes(sys: &Sys) -> Vec<Value> {
    let mut found = load(sys, "sandboxes");
    found.sort_by_key(|it| int(it, "createdAt"));
    found
}

/// Makes the directories the runtime needs, and finds out which containers are gone since it
/// last looked: a host that lost its power has none.
pub fn start(sys: &Sys) {
    for dir in ["containers", "sandboxes"] {
        // Where it fails every later call says so.
        let _ = mkdir_all(sys, &format!("{RECORDS}/{dir}"));
    }
    let _ = mkdir_all(sys, IMAGES);
    for mut record in containers(sys) {
        let shim = u32::try_from(int(&record, "shim").unwrap_or_default()).unwrap_or_default();
        if text(&record, "state") == "running" && !sys.exists(sim::Pid(shim)) {
            let now = sys.wall_us();
            value::set(&mut record, "state", "exited");
            value::set(&mut record, "finishedAt", now);
            value::set(&mut record, "exitCode", 255);
            value::set(&mut record, "reason", "Unknown");
            save(sys, "containers", &record);
        }
    }
    for mut record in sandboxes(sys) {
        let id = text(&record, "id").to_owned();
        let lives = containers(sys)
            .iter()
            .any(|it| text(it, "sandbox") == id && text(it, "state") == "running");
        if text(&record, "state") == "ready" && !lives {
            value::set(&mut record, "state", "notready");
            save(sys, "sandboxes", &record);
        }
    }
}

/// Makes a sandbox for a pod.
pub fn run_sandbox(sys: &Sys, pod: &Value, attempt: u32) -> Value {
    let record = json!({
        "id": value::long_id(sys), "name": value::name(pod), "attempt": attempt,
        "namespace": value::namespace(pod), "uid": value::uid(pod), "state": "ready",
        "createdAt": sys.wall_us(), "hostNetwork": value::yes(pod, "spec.hostNetwork"),
        "labels": at(pod, "metadata.labels").clone(),
    });
    save(sys, "sandboxes", &record);
    record
}

/// Stops a sandbox; its containers must have ended.
pub fn stop_sandbox(sys: &Sys, id: &str) {
    for mut record in sandboxes(sys).into_iter().filter(|it| text(it, "id") == id) {
        value::set(&mut record, "state", "notready");
        save(sys, "sandboxes", &record);
    }
}

/// Forgets a sandbox.
pub fn remove_sandbox(sys: &Sys, id: &str) {
    let _ = sys.remove_file(&record_path("sandboxes", id));
}

/// Images of the host: references, sorted.
pub fn images_here(sys: &Sys) -> Vec<Image> {
    let read = |name: String| {
        let bytes = sys.read_file(&format!("{IMAGES}/{name}")).ok()?;
        images::find(String::from_utf8_lossy(&bytes).trim()).ok()
    };
    let names = sys.read_dir(IMAGES).unwrap_or_default();
    let mut found: Vec<Image> = names.into_iter().filter_map(read).collect();
    found.sort_by_key(Image::reference);
    found
}

/// Whether the host has an image.
pub fn has_image(sys: &Sys, image: &Image) -> bool {
    sys.stat(&format!("{IMAGES}/{}", image.id())).is_ok()
}

/// The file that says a host has an image: its path and content.
pub fn image_file(image: &Image) -> (String, String) {
    (format!("{IMAGES}/{}", image.id()), image.reference())
}

/// Puts an image on the host.
pub fn store_image(sys: &Sys, image: &Image) {
    let (path, content) = image_file(image);
    // A full disk leaves the host without it; it is pulled again.
    let _ = sys.write_file(&path, content.as_bytes());
}

/// Makes and starts a container. The error is the runtime's sentence.
pub fn run(sys: &Sys, spec: &ContainerSpec) -> Result<Value, String> {
    let image = images::find(&spec.image)?;
    let id = value::long_id(sys);
    let root = format!("{ROOTS}/{id}/rootfs");
    let disk = |errno: Errno| format!("failed to create containerd container: {errno}");
    mkdir_all(sys, &root).map_err(disk)?;
    for (path, program, release) in &image.files {
        let path = format!("{root}{path}");
        let (dir, _) = path.rsplit_once('/').unwrap_or_default();
        mkdir_all(sys, dir).map_err(disk)?;
        sys.write_file(&path, &sim::exe::image(program, release)).map_err(disk)?;
        sys.chmod(&path, 0o755).map_err(disk)?;
    }
    for dir in ["tmp", "etc", "var"] {
        mkdir_all(sys, &format!("{root}/{dir}")).map_err(disk)?;
    }
    let (dir, _) = spec.log_path.rsplit_once('/').unwrap_or_default();
    mkdir_all(sys, dir).map_err(disk)?;
    let mounts: Vec<Value> = spec
        .mounts
        .iter()
        .map(|it| json!({"at": it.at, "host": it.host, "readOnly": it.read_only}))
        .collect();
    let record = json!({
        "id": id, "name": spec.name, "attempt": spec.attempt, "sandbox": text(&spec.sandbox, "id"),
        "pod": text(&spec.sandbox, "name"), "namespace": text(&spec.sandbox, "namespace"),
        "uid": text(&spec.sandbox, "uid"), "image": spec.image, "imageRef": image.reference(),
        "imageId": image.id(), "state": "created", "createdAt": sys.wall_us(), "argv": spec.argv,
        "cwd": spec.cwd, "hostname": spec.hostname, "root": root, "mounts": mounts,
        "logPath": spec.log_path,
        "env": spec.env.iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>(),
    });
    shim::start(sys, record)
}

/// The container of a record as the kernel wants it.
pub fn view(record: &Value) -> Rc<Container> {
    let mut mounts: Vec<Mount> = list(record, "mounts")
        .iter()
        .map(|it| Mount {
            at: text(it, "at").to_owned(),
            host: text(it, "host").to_owned(),
            read_only: value::yes(it, "readOnly"),
        })
        .collect();
    for (place, read_only) in [("/dev", false), ("/etc/hosts", true)] {
        mounts.push(Mount { at: place.to_owned(), host: place.to_owned(), read_only });
    }
    Rc::new(Container {
        id: text(record, "id").to_owned(),
        name: text(record, "name").to_owned(),
        hostname: text(record, "hostname").to_owned(),
        root: text(record, "root").to_owned(),
        mounts,
    })
}

/// The environment of a container's processes.
pub fn env(record: &Value) -> Vec<(String, String)> {
    let mut env = vec![
        (
            "PATH".to_owned(),
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ),
        ("HOSTNAME".to_owned(), text(record, "hostname").to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
    ];
    for pair in list(record, "env") {
        env.push((text(pair, "0").to_owned(), text(pair, "1").to_owned()));
    }
    env
}

/// Where a container's program lies: as named, or found along its `PATH`.
pub fn which(sys: &Sys, container: &Container, name: &str) -> Option<String> {
    let runs = |path: &str| {
        let file = sys.stat(&container.place(path).0);
        file.is_ok_and(|stat| stat.is_file() && stat.mode & 0o111 != 0)
    };
    if name.contains('/') {
        return runs(name).then(|| name.to_owned());
    }
    let dirs = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    dirs.iter().map(|dir| format!("{dir}/{name}")).find(|path| runs(path))
}

/// Sends a signal to a container's first process.
pub fn signal(sys: &Sys, record: &Value, signal: Signal) {
    let pid = u32::try_from(int(record, "pid").unwrap_or_default()).unwrap_or_default();
    // One that has ended meanwhile needs none.
    let _ = sys.kill(sim::Pid(pid), signal);
}

/// Ends a container: TERM, and KILL when it takes longer than it may.
pub async fn stop(sys: &Sys, id: &str, grace_us: u64) {
    let find = || containers(sys).into_iter().find(|it| text(it, "id") == id);
    let Some(record) = find() else { return };
    if text(&record, "state") != "running" {
        return;
    }
    signal(sys, &record, if grace_us == 0 { Signal::Kill } else { Signal::Term });
    let until_us = sys.mono_us() + grace_us;
    let mut killed = grace_us == 0;
    while find().is_some_and(|it| text(&it, "state") == "running") {
        if !killed && sys.mono_us() >= until_us {
            signal(sys, &record, Signal::Kill);
            killed = true;
        }
        sys.sleep_us(50_000).await;
    }
}

/// Forgets a container that has ended, with its files.
pub fn remove(sys: &Sys, id: &str) {
    remove_all(sys, &format!("{ROOTS}/{id}"));
    let _ = sys.remove_file(&record_path("containers", id));
}
