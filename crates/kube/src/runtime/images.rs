//! Images of the virtual registries: which files are in them and what starts.

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `docker.io/library/nginx`.
    pub repository: String,
    /// `latest`.
    pub tag: String,
    /// The programs in it: path, program, release.
    pub files: Vec<(String, String, String)>,
    /// What starts where a pod says nothing.
    pub command: Vec<String>,
    /// Its size as lists show it.
    pub size: &'static str,
}

impl Image {
    /// Repository and tag.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// The id: a digest of what it is.
    pub fn id(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let hash = Sha256::digest(self.reference().as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The full name of an image: registry, repository and tag.
pub fn normalize(image: &str) -> (String, String) {
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    };
    let registry = name.split('/').next().unwrap_or_default();
    let full = if !name.contains('/') {
        format!("docker.io/library/{name}")
    } else if registry.contains('.') || registry.contains(':') || registry == "localhost" {
        name.to_owned()
    } else {
        format!("docker.io/{name}")
    };
    (full, tag.to_owned())
}

/// Programs of images with a system in them.
const SYSTEM: &[&str] = &[
    "base64", "basename", "bash", "cat", "chmod", "cp", "cut", "date", "dd", "df", "dirname", "du",
    "echo", "env", "false", "find", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir",
    "mv", "printf", "ps", "pwd", "rm", "rmdir", "sed", "seq", "sh", "sleep", "sort", "stat",
    "sync", "tail", "tee", "test", "touch", "tr", "true", "uname", "uniq", "wc", "which", "whoami",
    "xargs",
];

/// What a server's image starts, and its size.
const SERVERS: &[(&str, &str, &str)] = &[
    ("docker.io/library/nginx", "nginx", "62.7MB"),
    ("docker.io/library/httpd", "httpd", "45.9MB"),
    ("docker.io/library/redis", "redis-server", "51.6MB"),
    ("docker.io/library/memcached", "memcached", "31.9MB"),
    ("registry.k8s.io/e2e-test-images/agnhost", "agnhost", "53.8MB"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("docker.io/library/busybox", "2.2MB"),
    ("docker.io/library/alpine", "3.8MB"),
    ("docker.io/library/ubuntu", "29.7MB"),
    ("docker.io/library/debian", "49.3MB"),
];

/// The parts of Kubernetes, and the sizes of their images.
const PARTS: &[(&str, &str)] = &[
    ("kube-apiserver", "27.7MB"),
    ("kube-controller-manager", "23.1MB"),
    ("kube-proxy", "25.8MB"),
    ("kube-scheduler", "17.2MB"),
];

/// Finds an image in its registry. The error is the registry's or the runtime's sentence.
pub fn find(image: &str) -> Result<Image, String> {
    let (repository, tag) = normalize(image);
    let reference = format!("{repository}:{tag}");
    let missing = || {
        let what = match repository.strip_prefix("docker.io/") {
            Some(_) if known(&repository) => format!("{reference}: not found"),
            Some(_) => "pull access denied, repository does not exist or may require \
                        authorization: server message: insufficient_scope: authorization failed"
                .to_owned(),
            None => format!("{reference}: not found"),
        };
        format!(
            "failed to pull and unpack image \"{reference}\": failed to resolve reference \
             \"{reference}\": {what}"
        )
    };
    let program = |path: &str, name: &str, release: &str| {
        (path.to_owned(), name.to_owned(), release.to_owned())
    };
    let make = |files, command: &[&str], size| Image {
        repository: repository.clone(),
        tag: tag.clone(),
        files,
        command: command.iter().map(|&it| it.to_owned()).collect(),
        size,
    };
    if repository == "registry.k8s.io/etcd" || repository == "quay.io/coreos/etcd" {
        let release = tag.trim_start_matches('v').split('-').next().unwrap_or_default();
        let release =
            etcd::Release::parse(release).filter(|it| it.major == 3).ok_or_else(missing)?;
        let release = release.to_string();
        let names = ["etcd", "etcdctl", "etcdutl"];
        let files = names.map(|it| program(&format!("/usr/local/bin/{it}"), it, &release));
        // Nothing of a system is in it but these two.
        let few = ["cp", "sh"].map(|it| program(&format!("/bin/{it}"), it, ""));
        return Ok(make([&files[..], &few].concat(), &["etcd"], "23.6MB"));
    }
    if let Some(name) = repository.strip_prefix("registry.k8s.io/") {
        if let Some((part, size)) = PARTS.iter().find(|(part, _)| *part == name) {
            let good = tag.strip_prefix("v1.").is_some_and(numbers);
            if !good {
                return Err(missing());
            }
            let path = format!("/usr/local/bin/{part}");
            return Ok(make(vec![program(&path, part, &tag)], &[&path], size));
        }
        if name == "pause" {
            return Ok(make(vec![program("/pause", "pause", &tag)], &["/pause"], "320kB"));
        }
        if name == "coredns/coredns" {
            let files = vec![program("/coredns", "coredns", &tag)];
            return Ok(make(files, &["/coredns"], "23.6MB"));
        }
    }
    if !good_tag(&tag) {
        return Err(missing());
    }
    let system = || SYSTEM.iter().map(|name| program(&format!("/usr/bin/{name}"), name, ""));
    let shells = || ["bash", "sh"].map(|name| program(&format!("/bin/{name}"), name, ""));
    if let Some((_, server, size)) = SERVERS.iter().find(|(name, ..)| *name == repository) {
        let path = format!("/usr/sbin/{server}");
        let own = std::iter::once(program(&path, "workload", &tag));
        return Ok(make(own.chain(system()).chain(shells()).collect(), &[&path], size));
    }
    if let Some((_, size)) = SYSTEMS.iter().find(|(name, _)| *name == repository) {
        return Ok(make(system().chain(shells()).collect(), &["sh"], size));
    }
    Err(missing())
}

fn known(repository: &str) -> bool {
    SERVERS.iter().any(|(name, ..)| *name == repository)
        || SYSTEMS.iter().any(|(name, _)| *name == repository)
}

fn numbers(text: &str) -> bool {
    text.split('.').all(|part| part.parse::<u16>().is_ok())
}

/// Whether somebody pushed this tag: versions people know, and a few words.
fn good_tag(tag: &str) -> bool {
    let base = tag.split('-').next().unwrap_or_default();
    let version = numbers(base) && base.split('.').nth(1).is_none_or(|it| it.len() <= 2);
    let words = ["latest", "stable", "alpine", "mainline", "bookworm", "trixie", "slim", "musl"];
    (version || words.contains(&base))
        && tag.split('-').skip(1).all(|it| {
            it.starts_with("alpine") || words.contains(&it) || numbers(it) || it == "perl"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_their_names() {
        let reference = |image: &str| find(image).map(|it| it.reference());
        assert_eq!(reference("nginx").unwrap(), "docker.io/library/nginx:latest");
        assert_eq!(reference("nginx:1.27-alpine").unwrap(), "docker.io/library/nginx:1.27-alpine");
        let etcd = find("registry.k8s.io/etcd:3.5.33-0").unwrap();
        assert_eq!(etcd.files[0].2, "3.5.33");
        assert!(find("nginx:1.161").unwrap_err().ends_with("nginx:1.161: not found"));
        assert!(find("ngnix").unwrap_err().contains("pull access denied"));
        assert!(find("registry.k8s.io/kube-apiserver:latest").is_err());
    }
}
