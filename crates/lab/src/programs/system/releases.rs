//! The release server: etcd's archives under their real addresses, with GitHub's redirect. The
//! archives are real ones, made here; what is in them are the lab's own binaries.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use sim::{HttpRequest, HttpResponse, Sys, TlsServer};

use super::archive::{Entry, Kind, gzip, write_tar};
use crate::programs::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "release-server",
    summary: "serve archives of etcd for download",
    usage: "release-server",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// Where it lies on its host.
pub(crate) const PATH: &str = "/usr/local/bin/release-server";

/// Its certificate.
pub(crate) const CERTIFICATE: &str = "/etc/releases/tls.crt";

/// The key of that.
pub(crate) const KEY: &str = "/etc/releases/tls.key";

/// Its unit.
pub(crate) const UNIT: &str = "[Unit]\nDescription=Release server\nAfter=network.target\n\n\
    [Service]\nExecStart=/usr/local/bin/release-server\nRestart=always\n\n\
    [Install]\nWantedBy=multi-user.target\n";

/// Its binary.
pub(crate) fn image() -> Bytes {
    sim::exe::image("release-server", "")
}

const VERSIONS: [&str; 3] = ["3.5.9", "3.5.33", "3.6.14"];
const ARCHES: [&str; 2] = ["amd64", "arm64"];

/// When the archives were packed.
const PACKED_S: u64 = 1_750_000_000;

async fn run(sys: Sys) -> i32 {
    let mut served = Vec::new();
    for port in [80, 443] {
        match sys.listen(&format!("0.0.0.0:{port}")) {
            Ok(listener) => served.push((port, listener)),
            Err(error) => {
                sys.eprint(&format!("release-server: {error}\n")).await;
                return 1;
            }
        }
    }
    let mut works: Vec<sim::Task> = Vec::new();
    std::future::poll_fn(move |cx| {
        for (port, listener) in &served {
            while let Some(conn) = listener.try_accept() {
                works.push(Box::pin(serve(sys.clone(), conn, *port == 443)));
            }
        }
        works.retain_mut(|work| work.as_mut().poll(cx).is_pending());
        std::task::Poll::Pending
    })
    .await
}

async fn serve(sys: Sys, conn: sim::Conn, secure: bool) -> i32 {
    let server = TlsServer::from_files(CERTIFICATE, KEY);
    if secure && conn.accept_tls(&sys, &server).await.is_err() {
        return 1;
    }
    conn.serve(|request| async move { answer(&request) }).await;
    0
}

fn not_found() -> HttpResponse {
    HttpResponse::new(404, "text/plain; charset=utf-8", "Not Found")
}

/// What is at an address.
fn answer(request: &HttpRequest) -> HttpResponse {
    let host = request.header("Host").unwrap_or("github.com");
    let host = host.split(':').next().unwrap_or(host);
    let (path, _) = request.split();
    let github = path.strip_prefix("/etcd-io/etcd/releases/download/");
    let github = github.or_else(|| path.strip_prefix("/coreos/etcd/releases/download/"));
    match (host, github) {
        ("github.com", Some(rest)) if asset(rest).is_some() => {
            let place = format!(
                "https://objects.githubusercontent.com/github-production-release-asset/etcd/{rest}"
            );
            let mut response = HttpResponse::new(302, "text/html; charset=utf-8", "");
            response.headers.push(("Location".to_owned(), place));
            response
        }
        ("objects.githubusercontent.com", _) => {
            let rest = path.strip_prefix("/github-production-release-asset/etcd/");
            rest.and_then(asset).map_or_else(not_found, download)
        }
        ("storage.googleapis.com", _) => {
            let rest = path.strip_prefix("/etcd/");
            rest.and_then(asset).map_or_else(not_found, download)
        }
        _ => not_found(),
    }
}

fn download(bytes: Bytes) -> HttpResponse {
    HttpResponse::new(200, "application/octet-stream", bytes)
}

/// `v3.5.9/etcd-v3.5.9-linux-amd64.tar.gz`, and `v3.5.9/SHA256SUMS`.
fn asset(path: &str) -> Option<Bytes> {
    let (tag, name) = path.split_once('/')?;
    let version = tag.strip_prefix('v').filter(|version| VERSIONS.contains(version))?;
    let archive = |arch: &str| format!("etcd-v{version}-linux-{arch}.tar.gz");
    if name == "SHA256SUMS" {
        let line = |arch: &&str| {
            let hash = Sha256::digest(packed(version, arch));
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hash}  {}\n", archive(arch))
        };
        return Some(ARCHES.iter().map(line).collect::<String>().into());
    }
    let arch = ARCHES.iter().find(|arch| archive(arch) == name)?;
    Some(packed(version, arch).into())
}

/// A binary for another processor: this one does not know what to do with it.
fn foreign(program: &str, version: &str) -> Bytes {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0".to_vec();
    file.extend_from_slice(format!("aarch64 {program} {version}\0").as_bytes());
    file.into()
}

fn packed(version: &str, arch: &str) -> Vec<u8> {
    let dir = format!("etcd-v{version}-linux-{arch}");
    let entry = |name: String, kind, bytes: Bytes, mode| Entry {
        name,
        kind,
        link: String::new(),
        bytes,
        mode,
        uid: 528_287,
        gid: 89_939,
        user: String::new(),
        group: String::new(),
        mtime_s: PACKED_S,
    };
    let mut entries = vec![entry(format!("{dir}/"), Kind::Dir, Bytes::new(), 0o755)];
    let texts = [
        (
            "README.md",
            "# etcd\n\nThis archive holds the server `etcd` and the tools `etcdctl` and `etcdutl`.\n",
        ),
        ("README-etcdctl.md", "# etcdctl\n\nThe command line client of etcd.\n"),
        ("README-etcdutl.md", "# etcdutl\n\nWorks on the files of etcd, without a server.\n"),
        ("READMEv2-etcdctl.md", "# etcdctl\n\nAPI version 2 is gone from etcd 3.6.\n"),
    ];
    let text = |name: &str, body: &'static str| {
        entry(format!("{dir}/{name}"), Kind::File, Bytes::from_static(body.as_bytes()), 0o644)
    };
    entries.push(text("README.md", texts[0].1));
    entries.push(text("READMEv2-etcdctl.md", texts[3].1));
    entries.push(text("README-etcdutl.md", texts[2].1));
    for program in ["etcdctl", "etcdutl", "etcd"] {
        let bytes = match arch {
            "amd64" => sim::exe::image(program, version),
            _ => foreign(program, version),
        };
        entries.push(entry(format!("{dir}/{program}"), Kind::File, bytes, 0o755));
    }
    entries.push(text("README-etcdctl.md", texts[1].1));
    entries.push(entry(format!("{dir}/Documentation/"), Kind::Dir, Bytes::new(), 0o755));
    entries.push(text("Documentation/README.md", texts[0].1));
    gzip(&write_tar(&entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(host: &str, path: &str) -> HttpResponse {
        let mut request = HttpRequest::new("GET", path);
        request.headers.push(("Host".into(), host.into()));
        answer(&request)
    }

    #[test]
    fn github_redirects_and_the_sums_fit() {
        let name = "etcd-v3.5.9-linux-amd64.tar.gz";
        let first = get("github.com", &format!("/etcd-io/etcd/releases/download/v3.5.9/{name}"));
        assert_eq!(first.status, 302);
        let place = first.header("Location").unwrap();
        let (host, path) = place.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let second = get(host, &format!("/{path}"));
        assert_eq!(second.status, 200);
        let hash = Sha256::digest(&second.body);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let sums = get("storage.googleapis.com", "/etcd/v3.5.9/SHA256SUMS");
        let sums = String::from_utf8_lossy(&sums.body).into_owned();
        assert!(sums.contains(&format!("{hash}  {name}\n")));
        assert_eq!(get("github.com", "/etcd-io/etcd/releases/download/v9/x").status, 404);
    }
}
