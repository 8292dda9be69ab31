//! What runs in containers that are no part of Kubernetes, as far as a cluster sees it: a
//! process that says it is there, and ends when it is told to.

use sim::{Signal, Sys, Task};

/// Servers of images: they print what their kind prints and wait.
pub(crate) fn server(sys: Sys) -> Task {
    Box::pin(async move {
        let path = sys.args().first().cloned().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let lines: &[&str] = match name.as_str() {
            "nginx" => &[
                "/docker-entrypoint.sh: Configuration complete; ready for start up",
                "[notice] 1#1: using the \"epoll\" event method",
                "[notice] 1#1: start worker processes",
            ],
            "redis-server" => &["1:M * Ready to accept connections tcp"],
            "httpd" => {
                &["[core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'"]
            }
            _ => &[],
        };
        for line in lines {
            sys.print(&format!("{line}\n")).await;
        }
        wait_for_end(&sys).await
    })
}

/// The process that holds a sandbox open.
pub(crate) fn pause(sys: Sys) -> Task {
    Box::pin(async move { wait_for_end(&sys).await })
}

/// Answers names for the cluster; the lab's hosts know each other without it.
pub(crate) fn coredns(sys: Sys) -> Task {
    Box::pin(async move {
        sys.print(".:53\n[INFO] plugin/reload: Running configuration SHA512 = 1b226df79860026c6a52e67daa10d7f0d57ec5b023288ec00c5e05f93523c894564e15b91770d3a07ae1cfbe861d15b37d4a0027e69c546ab112970993a3b03b\nCoreDNS-1.13.1\nlinux/amd64, go1.25.2, 1db4568\n").await;
        wait_for_end(&sys).await
    })
}

/// Would forward what is sent to services; the lab has no network of pods.
pub(crate) fn proxy(sys: Sys) -> Task {
    Box::pin(async move {
        crate::klog::log(&sys, 'I', "server_linux.go:132", "\"Using iptables Proxier\"").await;
        wait_for_end(&sys).await
    })
}

async fn wait_for_end(sys: &Sys) -> i32 {
    sys.catch(Signal::Term);
    sys.catch(Signal::Quit);
    sys.caught().await;
    0
}
