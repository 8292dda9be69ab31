//! What the hosts of every world but `cluster` have in common: a system with its programs and
//! accounts, systemd as the first process, and nothing of etcd.

use bytes::Bytes;
use sim::{Install, WorldSpec};

use crate::api::WorldOptions;
use crate::programs;
use crate::systemd;

/// The number of the user `student`, and of his group.
pub(crate) const STUDENT: u32 = 1000;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin
messagebus:x:100:107::/nonexistent:/usr/sbin/nologin
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
";

const GROUP: &str = "root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:STUDENT
sudo:x:27:STUDENT
shadow:x:42:
users:x:100:
nogroup:x:65534:
systemd-journal:x:999:
systemd-network:x:998:
messagebus:x:107:
";

const SUDOERS: &str = "Defaults\tenv_reset
Defaults\tmail_badpass
Defaults\tsecure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"
Defaults\tuse_pty

root\tALL=(ALL:ALL) ALL
%sudo\tALL=(ALL:ALL) NOPASSWD:ALL

@includedir /etc/sudoers.d
";

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"
NAME=\"Debian GNU/Linux\"
VERSION_ID=\"12\"
VERSION=\"12 (bookworm)\"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL=\"https://www.debian.org/\"
";

/// A world of such hosts. `hosts` may name more than a learner sees.
pub(super) fn spec(options: &WorldOptions, hosts: Vec<String>, user: &str) -> WorldSpec {
    let student = user != "root";
    let install = hosts.iter().flat_map(|host| files(host, student)).collect();
    WorldSpec {
        hosts,
        seed: options.seed,
        epoch_us: options.epoch_us,
        checkers: options.checkers,
        programs: programs::TABLE,
        install,
        user: user.to_owned(),
        init: Some("/usr/lib/systemd/systemd".to_owned()),
        ..WorldSpec::default()
    }
}

/// The accounts of a host where `student` works, and these.
pub(super) fn passwd(more: &str) -> String {
    format!("{PASSWD}{more}student:x:1000:1000:,,,:/home/student:/bin/bash\n")
}

/// Their groups.
pub(super) fn group(more: &str) -> String {
    format!("{}{more}student:x:1000:\n", GROUP.replace("STUDENT", "student"))
}

/// The files of one host.
pub(super) fn files(host: &str, student: bool) -> Vec<Install> {
    let file = |path: &str, bytes: Bytes, mode| Install::file(host, path, bytes, mode);
    let text = |path: &str, text: &str| file(path, Bytes::copy_from_slice(text.as_bytes()), 0o644);
    let (passwd, group) = if student {
        (passwd(""), group(""))
    } else {
        (PASSWD.to_owned(), GROUP.replace("STUDENT", ""))
    };
    let mut all = vec![
        text("/etc/passwd", &passwd),
        text("/etc/group", &group),
        text("/etc/os-release", OS_RELEASE),
        text("/etc/shells", "/bin/sh\n/bin/bash\n"),
        text("/etc/issue", "Debian GNU/Linux 12 \\n \\l\n\n"),
        text("/etc/profile", "# System-wide settings of login shells.\n"),
        file("/etc/sudoers", Bytes::from_static(SUDOERS.as_bytes()), 0o440),
        Install::dir(host, "/etc/sudoers.d", 0o750),
        Install::dir(host, "/etc/systemd/system/multi-user.target.wants", 0o755),
        Install::dir(host, "/etc/default", 0o755),
        Install::dir(host, "/etc/cron.d", 0o755),
        Install::dir(host, "/etc/ssl/certs", 0o755),
        Install::dir(host, "/home", 0o755),
        Install::dir(host, "/mnt", 0o755),
        Install::dir(host, "/opt", 0o755),
        Install::dir(host, "/run", 0o755),
        Install::dir(host, "/srv", 0o755),
        Install::dir(host, "/usr/local/sbin", 0o755),
        Install::dir(host, "/usr/local/lib", 0o755),
        Install::dir(host, "/usr/share", 0o755),
        Install::dir(host, "/var/backups", 0o755),
        Install::dir(host, "/var/spool/cron/crontabs", 0o1730),
        Install::dir(host, "/var/tmp", 0o1777),
        Install::link(host, "/sbin", "/usr/sbin"),
    ];
    if student {
        let home = "/home/student";
        all.push(Install::dir(host, home, 0o755).owned(STUDENT, STUDENT));
        let profile = text("/home/student/.profile", "# Settings of your login shells.\n");
        all.push(profile.owned(STUDENT, STUDENT));
    }
    for (path, unit) in systemd::UNITS {
        all.push(text(path, unit));
    }
    for name in systemd::ENABLED {
        let link = format!("/etc/systemd/system/multi-user.target.wants/{name}");
        all.push(Install::link(host, &link, &format!("/lib/systemd/system/{name}")));
    }
    for (path, image, mode) in programs::system::files() {
        all.push(file(&path, image, mode));
        // What stands in /usr/bin is in /bin, too.
        if let Some(name) = path.strip_prefix("/usr/bin/") {
            all.push(Install::link(host, &format!("/bin/{name}"), &path));
        }
    }
    all
}
