//! Questions about who there is: `groups`, `getent`.

use sim::Sys;

use crate::programs::Program;
pub(crate) use crate::programs::accounts::Accounts;

/// The entry of the table of programs.
pub(super) const GROUPS: Program = Program {
    name: "groups",
    summary: "print the groups of a user",
    usage: "groups [USER...]",
    run: |sys| Box::pin(groups_of(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const GETENT: Program = Program {
    name: "getent",
    summary: "look something up in the system's tables",
    usage: "getent passwd|group|hosts [KEY...]",
    run: |sys| Box::pin(getent(sys)),
    complete: None,
};

async fn groups_of(sys: Sys) -> i32 {
    let accounts = Accounts::read(&sys);
    let args = sys.args();
    if args.len() < 2 {
        let names: Vec<String> = Accounts::groups_of(&sys.cred())
            .into_iter()
            .map(|gid| accounts.group_name(gid))
            .collect();
        sys.print(&format!("{}\n", names.join(" "))).await;
        return 0;
    }
    let mut status = 0;
    for name in &args[1..] {
        let Some(user) = accounts.user(name) else {
            sys.eprint(&format!("groups: '{name}': no such user\n")).await;
            status = 1;
            continue;
        };
        let groups = Accounts::groups_of(&accounts.cred(user));
        let names: Vec<String> = groups.into_iter().map(|gid| accounts.group_name(gid)).collect();
        sys.print(&format!("{name} : {}\n", names.join(" "))).await;
    }
    status
}

async fn getent(sys: Sys) -> i32 {
    let args = sys.args();
    let Some(table) = args.get(1) else {
        sys.eprint("getent: wrong number of arguments\nTry `getent --help' or `getent --usage' for more information.\n").await;
        return 1;
    };
    let keys = &args[2..];
    let accounts = Accounts::read(&sys);
    let lines: Vec<(Vec<String>, String)> = match table.as_str() {
        "passwd" => accounts
            .users
            .iter()
            .map(|user| (vec![user.name.clone(), user.uid.to_string()], user.line()))
            .collect(),
        "group" => accounts
            .groups
            .iter()
            .map(|group| (vec![group.name.clone(), group.gid.to_string()], group.line()))
            .collect(),
        "hosts" | "ahosts" | "ahostsv4" => {
            let bytes = sys.read_file("/etc/hosts").unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.lines()
                .filter_map(|line| {
                    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                    let (ip, names) = words.split_first()?;
                    Some((words.clone(), format!("{ip:<15} {}", names.join(" "))))
                })
                .collect()
        }
        other => {
            sys.eprint(&format!("Unknown database: {other}\nTry `getent --help' or `getent --usage' for more information.\n")).await;
            return 1;
        }
    };
    if keys.is_empty() {
        for (_, line) in &lines {
            sys.print(&format!("{line}\n")).await;
        }
        return 0;
    }
    let mut status = 0;
    for key in keys {
        match lines.iter().find(|(names, _)| names.contains(key)) {
            Some((_, line)) => sys.print(&format!("{line}\n")).await,
            None => status = 2,
        }
    }
    status
}
