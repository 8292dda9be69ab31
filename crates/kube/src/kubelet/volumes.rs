//! Volumes: where what a container sees of them lies on the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sim::Mount;

use super::Kubelet;
use crate::client;
use crate::resources::named;
use crate::runtime::mkdir_all;
use crate::value::{self, at, list, text, yes};

/// Makes a pod's volumes ready and gives the place of each. The error is the kubelet's.
pub(super) async fn ready(kubelet: &Kubelet, pod: &Value) -> Result<Vec<(String, String)>, String> {
    let mut places = Vec::new();
    for volume in list(pod, "spec.volumes") {
        let name = text(volume, "name");
        let own = format!("/var/lib/kubelet/pods/{}/volumes", value::uid(pod));
        let place = if at(volume, "hostPath").is_object() {
            host_path(kubelet, at(volume, "hostPath"), name)?
        } else if at(volume, "configMap").is_object() {
            let dir = format!("{own}/kubernetes.io~configmap/{name}");
            let source = at(volume, "configMap");
            files(
                kubelet,
                pod,
                "ConfigMap",
                text(source, "name"),
                name,
                &dir,
                yes(source, "optional"),
            )
            .await?;
            dir
        } else if at(volume, "secret").is_object() {
            let dir = format!("{own}/kubernetes.io~secret/{name}");
            let source = at(volume, "secret");
            let wanted = text(source, "secretName");
            files(kubelet, pod, "Secret", wanted, name, &dir, yes(source, "optional")).await?;
            dir
        } else {
            let dir = format!("{own}/kubernetes.io~empty-dir/{name}");
            mkdir_all(&kubelet.sys, &dir).map_err(|errno| errno.to_string())?;
            dir
        };
        places.push((name.to_owned(), place));
    }
    Ok(places)
}

fn host_path(kubelet: &Kubelet, source: &Value, name: &str) -> Result<String, String> {
    let (path, kind) = (text(source, "path"), text(source, "type"));
    let sys = &kubelet.sys;
    let failed = |what: &str| {
        format!(
            "MountVolume.SetUp failed for volume \"{name}\" : hostPath type check failed: {path} {what}"
        )
    };
    let stat = sys.stat(path).ok();
    let made = |result: Result<(), sim::Errno>| result.map_err(|errno| errno.to_string());
    match (kind, stat) {
        ("Directory", Some(stat)) if stat.is_dir() => {}
        ("Directory", _) => return Err(failed("is not a directory")),
        ("File", Some(stat)) if stat.is_file() => {}
        ("File", _) => return Err(failed("is not a file")),
        ("DirectoryOrCreate", Some(stat)) if !stat.is_dir() => {
            return Err(failed("is not a directory"));
        }
        ("FileOrCreate", Some(stat)) if !stat.is_file() => return Err(failed("is not a file")),
        ("FileOrCreate", None) => made(sys.write_file(path, b""))?,
        (_, None) => made(mkdir_all(sys, path))?,
        _ => {}
    }
    Ok(path.trim_end_matches('/').to_owned())
}

async fn files(
    kubelet: &Kubelet,
    pod: &Value,
    kind: &str,
    wanted: &str,
    name: &str,
    dir: &str,
    optional: bool,
) -> Result<(), String> {
    let object = fetch(kubelet, pod, kind, wanted).await;
    let object = match object {
        Ok(object) => object,
        Err(_) if optional => Value::Null,
        Err(error) => {
            return Err(format!("MountVolume.SetUp failed for volume \"{name}\" : {error}"));
        }
    };
    mkdir_all(&kubelet.sys, dir).map_err(|errno| errno.to_string())?;
    for (key, text) in value::pairs(&object, "data") {
        let bytes = match kind {
            "Secret" => STANDARD.decode(text).unwrap_or_default(),
            _ => text.as_bytes().to_vec(),
        };
        let written = kubelet.sys.write_file(&format!("{dir}/{key}"), &bytes);
        written.map_err(|errno| errno.to_string())?;
    }
    Ok(())
}

async fn fetch(kubelet: &Kubelet, pod: &Value, kind: &str, name: &str) -> Result<Value, String> {
    let client = kubelet.client().ok_or("no API server")?;
    let path = client::path(named(kind), value::namespace(pod), name);
    client.get(&path).await.map_err(|error| error.to_string())
}

/// The mounts of a container.
pub(super) fn mounts(container: &Value, places: &[(String, String)]) -> Vec<Mount> {
    let mounts = list(container, "volumeMounts").iter().filter_map(|mount| {
        let (_, host) = places.iter().find(|(name, _)| name == text(mount, "name"))?;
        let host = match text(mount, "subPath") {
            "" => host.clone(),
            sub => format!("{host}/{sub}"),
        };
        let at = text(mount, "mountPath").trim_end_matches('/').to_owned();
        Some(Mount { at, host, read_only: yes(mount, "readOnly") })
    });
    mounts.collect()
}

/// A container's environment. The error is the reason why it cannot be made yet.
pub(super) async fn env(
    kubelet: &Kubelet,
    pod: &Value,
    container: &Value,
    address: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut env = Vec::new();
    for source in list(container, "envFrom") {
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            let name = text(source, &format!("{field}.name"));
            if name.is_empty() {
                continue;
            }
            let object = fetch(kubelet, pod, kind, name).await?;
            for (key, text) in value::pairs(&object, "data") {
                env.push((key.to_owned(), decoded(kind, text)));
            }
        }
    }
    for entry in list(container, "env") {
        let name = text(entry, "name").to_owned();
        let from = at(entry, "valueFrom");
        let mut value = text(entry, "value").to_owned();
        for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            let source = at(from, field);
            if source.is_object() {
                let (object_name, key) = (text(source, "name"), text(source, "key"));
                let object = fetch(kubelet, pod, kind, object_name).await?;
                let data = at(&object, "data").get(key).and_then(Value::as_str);
                let data = data.ok_or_else(|| {
                    let namespace = value::namespace(pod);
                    format!("couldn't find key {key} in {kind} {namespace}/{object_name}")
                })?;
                value = decoded(kind, data);
            }
        }
        match text(from, "fieldRef.fieldPath") {
            "" => {}
            "status.podIP" => value = address.to_owned(),
            "status.hostIP" => value = kubelet.address.clone(),
            path => value = text(pod, path).to_owned(),
        }
        env.push((name, value));
    }
    Ok(env)
}

fn decoded(kind: &str, text: &str) -> String {
    match kind {
        "Secret" => {
            String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
        }
        _ => text.to_owned(),
    }
}
