//! The manifest folder: every file in it whose name begins with no dot is a pod, whatever its
//! name ends with. Changes are seen at once; everything is read anew every 20 seconds.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Kubelet, Part, Source};
use crate::klog::log;
use crate::value::{self, at, default, set, text};
use crate::yaml;

const RESCAN_US: u64 = 20_000_000;
/// How often the folder is looked at, in place of inotify.
const LOOK_US: u64 = 500_000;

/// A file that was read.
struct Read {
    stamp: (u64, u64),
    uid: Option<String>,
}

pub(super) fn follow(kubelet: Rc<Kubelet>) -> Part {
    Box::pin(async move {
        if kubelet.manifests.is_empty() {
            return;
        }
        let text = format!("\"Adding static pod path\" path=\"{}\"", kubelet.manifests);
        log(&kubelet.sys, 'I', "kubelet.go:387", &text).await;
        let mut read: BTreeMap<String, Read> = BTreeMap::new();
        let mut next_us = 0;
        loop {
            let now_us = kubelet.sys.mono_us();
            let all = now_us >= next_us;
            if all {
                next_us = now_us + RESCAN_US;
            }
            look(&kubelet, &mut read, all).await;
            kubelet.sys.sleep_us(LOOK_US).await;
        }
    })
}

async fn look(kubelet: &Rc<Kubelet>, read: &mut BTreeMap<String, Read>, all: bool) {
    let sys = &kubelet.sys;
    let mut names = match sys.read_dir(&kubelet.manifests) {
        Ok(names) => names,
        Err(errno) => {
            if all {
                let errno = errno.to_string().to_lowercase();
                let path = &kubelet.manifests;
                let text = format!(
                    "\"Unable to read config path\" err=\"path does not exist, ignoring: {errno}\" \
                     path=\"{path}\""
                );
                log(sys, 'E', "file.go:109", &text).await;
            }
            Vec::new()
        }
    };
    names.retain(|name| !name.starts_with('.'));
    let gone: Vec<String> = read.keys().filter(|name| !names.contains(name)).cloned().collect();
    for name in gone {
        if let Some(Read { uid: Some(uid), .. }) = read.remove(&name) {
            forget(kubelet, read, &uid);
        }
    }
    for name in names {
        let path = format!("{}/{name}", kubelet.manifests);
        let Ok(stat) = sys.stat(&path) else { continue };
        if !stat.is_file() {
            continue;
        }
        let stamp = (stat.mtime_us, stat.size);
        if !all && read.get(&name).is_some_and(|have| have.stamp == stamp) {
            continue;
        }
        let before = read.get(&name).and_then(|have| have.uid.clone());
        match parse(kubelet, &path) {
            Ok(pod) => {
                let uid = value::uid(&pod).to_owned();
                read.insert(name, Read { stamp, uid: Some(uid.clone()) });
                if before.as_ref() != Some(&uid) {
                    if let Some(before) = before {
                        forget(kubelet, read, &before);
                    }
                    kubelet.take(pod, Source::File);
                }
            }
            Err(error) => {
                let quoted = Value::from(error);
                let text =
                    format!("\"Could not process manifest file\" err={quoted} path=\"{path}\"");
                log(sys, 'E', "file.go:187", &text).await;
                // Only the next full look finds that the pod is no more.
                let uid = if all { None } else { before.clone() };
                read.insert(name, Read { stamp, uid });
                if let (true, Some(before)) = (all, before) {
                    forget(kubelet, read, &before);
                }
            }
        }
    }
}

/// A file is gone or says something else; its pod ends unless another file says the same.
fn forget(kubelet: &Kubelet, read: &BTreeMap<String, Read>, uid: &str) {
    if read.values().any(|it| it.uid.as_deref() == Some(uid)) {
        return;
    }
    let grace = kubelet.pods.borrow().get(uid).map(|pod| {
        value::int(&pod.object.borrow(), "spec.terminationGracePeriodSeconds").unwrap_or(30)
    });
    let grace_us = u64::try_from(grace.unwrap_or(30)).unwrap_or_default() * 1_000_000;
    kubelet.leave(uid, grace_us);
}

/// The pod a manifest says. The error is the kubelet's, without the file's name.
pub fn static_pod(content: &str) -> Result<Value, String> {
    let pod = yaml::parse(content)?;
    if text(&pod, "kind") != "Pod" {
        return Err(match text(&pod, "kind") {
            "" => "Object 'Kind' is missing".to_owned(),
            kind => format!("no kind \"{kind}\" is a pod"),
        });
    }
    if value::name(&pod).is_empty() {
        return Err("invalid pod: metadata.name: Required value".to_owned());
    }
    let containers = value::list(&pod, "spec.containers");
    if containers.is_empty() {
        return Err("invalid pod: spec.containers: Required value".to_owned());
    }
    for container in containers {
        for field in ["name", "image"] {
            if text(container, field).is_empty() {
                return Err(format!("invalid pod: spec.containers[0].{field}: Required value"));
            }
        }
        for mount in value::list(container, "volumeMounts") {
            let name = text(mount, "name");
            if !value::list(&pod, "spec.volumes").iter().any(|it| text(it, "name") == name) {
                return Err(format!(
                    "invalid pod: spec.containers[0].volumeMounts[0].name: Not found: \"{name}\""
                ));
            }
        }
    }
    Ok(pod)
}

fn parse(kubelet: &Kubelet, path: &str) -> Result<Value, String> {
    let bytes = kubelet.sys.read_file(path).map_err(|errno| errno.to_string())?;
    let mut pod = static_pod(&String::from_utf8_lossy(&bytes)).map_err(|text| {
        format!("{path}: couldn't parse as pod({text}), please check config file")
    })?;
    let mut hash = Sha256::new();
    hash.update(pod.to_string().as_bytes());
    hash.update(format!("host:{}file:{path}", kubelet.node).as_bytes());
    let digest = hash.finalize();
    let hash: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{}-{}", value::name(&pod), kubelet.node);
    set(&mut pod, "metadata.name", name);
    default(&mut pod, "metadata.namespace", "default");
    set(&mut pod, "metadata.uid", hash.as_str());
    let seen = etcd::log::stamp(kubelet.sys.wall_us());
    let mut annotations = at(&pod, "metadata.annotations").clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations["kubernetes.io/config.hash"] = hash.into();
    annotations["kubernetes.io/config.seen"] = seen.into();
    annotations["kubernetes.io/config.source"] = "file".into();
    set(&mut pod, "metadata.annotations", annotations);
    set(&mut pod, "spec.nodeName", kubelet.node.as_str());
    default(&mut pod, "spec.restartPolicy", "Always");
    let all = json!([{"effect": "NoExecute", "operator": "Exists"}]);
    default(&mut pod, "spec.tolerations", all);
    Ok(pod)
}
