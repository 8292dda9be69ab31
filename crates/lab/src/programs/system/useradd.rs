//! Changing who there is: `useradd`, `usermod`, `userdel`, `groupadd`.

use sim::Sys;
use sim::cred::{User, UserGroup};

use super::accounts::Accounts;
use crate::programs::Program;
use crate::programs::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const USERADD: Program = Program {
    name: "useradd",
    summary: "make a user",
    usage: concat!(
        "useradd [-mMrUN] [-s SHELL] [-d HOME] [-u UID] [-g GROUP] [-G GROUPS] [-c TEXT] NAME\n",
        "  -m  make the home directory   -M  do not   -r  a user of the system, for a service",
    ),
    run: |sys| Box::pin(useradd(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const USERMOD: Program = Program {
    name: "usermod",
    summary: "change a user",
    usage: "usermod [-a] [-G GROUPS] [-g GROUP] [-s SHELL] [-d HOME] [-c TEXT] [-L] [-U] NAME",
    run: |sys| Box::pin(usermod(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const USERDEL: Program = Program {
    name: "userdel",
    summary: "remove a user",
    usage: "userdel [-rf] NAME\n  -r  the home directory, too",
    run: |sys| Box::pin(userdel(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const GROUPADD: Program = Program {
    name: "groupadd",
    summary: "make a group",
    usage: "groupadd [-rf] [-g GID] NAME",
    run: |sys| Box::pin(groupadd(sys)),
    complete: None,
};

/// Users for people begin here; those of the system end below.
const FIRST: u32 = 1000;
const LAST: u32 = 59_999;

/// Writes the tables back; the error is the status, and its sentence has been printed.
async fn save(sys: &Sys, program: &str, accounts: &Accounts) -> Result<(), i32> {
    let users: String = accounts.users.iter().map(|user| user.line() + "\n").collect();
    let groups: String = accounts.groups.iter().map(|group| group.line() + "\n").collect();
    let written = sys
        .write_file("/etc/passwd", users.as_bytes())
        .and_then(|()| sys.write_file("/etc/group", groups.as_bytes()));
    if written.is_ok() {
        return Ok(());
    }
    Err(locked(sys, program).await)
}

async fn locked(sys: &Sys, program: &str) -> i32 {
    sys.eprint(&format!(
        "{program}: Permission denied.\n{program}: cannot lock /etc/passwd; try again later.\n"
    ))
    .await;
    1
}

fn good_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = name.trim_end_matches('$').chars();
    first
        && name.len() <= 32
        && rest.clone().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

/// The next number: upwards from 1000 for people, downwards from 999 for services.
fn next_number(taken: &[u32], system: bool) -> u32 {
    if system {
        (100..FIRST).rev().find(|id| !taken.contains(id)).unwrap_or(100)
    } else {
        (FIRST..LAST).find(|id| !taken.contains(id)).unwrap_or(LAST)
    }
}

const USER_OPTIONS: Options = Options {
    short: "mMrUNs:d:u:g:G:c:b:e:f:k:p:oaLUl:D",
    long: &[
        ("create-home", 'm'),
        ("no-create-home", 'M'),
        ("system", 'r'),
        ("user-group", 'U'),
        ("no-user-group", 'N'),
        ("shell", 's'),
        ("home-dir", 'd'),
        ("home", 'd'),
        ("uid", 'u'),
        ("gid", 'g'),
        ("groups", 'G'),
        ("comment", 'c'),
        ("append", 'a'),
        ("lock", 'L'),
        ("unlock", 'U'),
        ("password", 'p'),
        ("expiredate", 'e'),
        ("inactive", 'f'),
    ],
    mistake: 2,
};

/// The options and the one name; the error is the status.
async fn one_name(
    sys: &Sys,
    program: &Program,
    options: &Options,
) -> Result<(Parsed, String), i32> {
    let parsed = options.read(sys, program).await?;
    match parsed.operands.as_slice() {
        [name] => Ok((parsed.clone(), name.clone())),
        _ => {
            sys.eprint(&format!("Usage: {}\n", program.usage)).await;
            Err(2)
        }
    }
}

async fn useradd(sys: Sys) -> i32 {
    match useradd_tried(&sys).await {
        Ok(()) => 0,
        Err(status) => status,
    }
}

async fn useradd_tried(sys: &Sys) -> Result<(), i32> {
    let (parsed, name) = one_name(sys, &USERADD, &USER_OPTIONS).await?;
    if !sys.cred().is_root() {
        return Err(locked(sys, "useradd").await);
    }
    let mut accounts = Accounts::read(sys);
    if !good_name(&name) {
        sys.eprint(&format!("useradd: invalid user name '{name}': use --badname to ignore\n"))
            .await;
        return Err(3);
    }
    if accounts.users.iter().any(|user| user.name == name) {
        sys.eprint(&format!("useradd: user '{name}' already exists\n")).await;
        return Err(9);
    }
    let system = parsed.has('r');
    let uids: Vec<u32> = accounts.users.iter().map(|user| user.uid).collect();
    let uid = match parsed.value('u') {
        Some(text) => match text.parse() {
            Ok(uid) if uids.contains(&uid) => {
                sys.eprint(&format!("useradd: UID {uid} is not unique\n")).await;
                return Err(4);
            }
            Ok(uid) => uid,
            Err(_) => {
                sys.eprint(&format!("useradd: invalid user ID '{text}'\n")).await;
                return Err(3);
            }
        },
        None => next_number(&uids, system),
    };
    let gid = match parsed.value('g') {
        Some(group) => match accounts.group(group) {
            Some(group) => group.gid,
            None => {
                sys.eprint(&format!("useradd: group '{group}' does not exist\n")).await;
                return Err(6);
            }
        },
        None if parsed.has('N') => 100,
        None if accounts.groups.iter().any(|group| group.name == name) => {
            sys.eprint(&format!(
                "useradd: group {name} exists - if you want to add this user to that group, use -g.\n"
            ))
            .await;
            return Err(9);
        }
        None => {
            let gids: Vec<u32> = accounts.groups.iter().map(|group| group.gid).collect();
            let gid = if gids.contains(&uid) { next_number(&gids, system) } else { uid };
            accounts.groups.push(UserGroup { name: name.clone(), gid, members: Vec::new() });
            gid
        }
    };
    join_groups(sys, "useradd", &mut accounts, &name, parsed.value('G'), true).await?;
    let home = parsed.value('d').map_or_else(|| format!("/home/{name}"), str::to_owned);
    let shell = parsed.value('s').unwrap_or("/bin/sh").to_owned();
    let comment = parsed.value('c').unwrap_or("").to_owned();
    accounts.users.push(User { name, uid, gid, comment, home: home.clone(), shell });
    save(sys, "useradd", &accounts).await?;
    if parsed.has('m') && !parsed.has('M') && sys.stat(&home).is_err() {
        let made =
            sys.mkdir(&home, 0o755).and_then(|()| sys.chown(&home, Some(uid), Some(gid), true));
        if let Err(error) = made {
            sys.eprint(&format!("useradd: cannot create directory {home}: {error}\n")).await;
            return Err(12);
        }
    }
    Ok(())
}

async fn join_groups(
    sys: &Sys,
    program: &str,
    accounts: &mut Accounts,
    name: &str,
    wanted: Option<&str>,
    append: bool,
) -> Result<(), i32> {
    let Some(wanted) = wanted else { return Ok(()) };
    let wanted: Vec<&str> = wanted.split(',').collect();
    for group in &wanted {
        if accounts.group(group).is_none() {
            sys.eprint(&format!("{program}: group '{group}' does not exist\n")).await;
            return Err(6);
        }
    }
    for group in &mut accounts.groups {
        let asked = wanted.iter().any(|it| *it == group.name || it.parse() == Ok(group.gid));
        let member = group.members.iter().any(|member| member == name);
        if asked && !member {
            group.members.push(name.to_owned());
        } else if !asked && !append {
            group.members.retain(|member| member != name);
        }
    }
    Ok(())
}

async fn usermod(sys: Sys) -> i32 {
    match usermod_tried(&sys).await {
        Ok(()) => 0,
        Err(status) => status,
    }
}

async fn usermod_tried(sys: &Sys) -> Result<(), i32> {
    let (parsed, name) = one_name(sys, &USERMOD, &USER_OPTIONS).await?;
    if !sys.cred().is_root() {
        return Err(locked(sys, "usermod").await);
    }
    let mut accounts = Accounts::read(sys);
    if !accounts.users.iter().any(|user| user.name == name) {
        sys.eprint(&format!("usermod: user '{name}' does not exist\n")).await;
        return Err(6);
    }
    join_groups(sys, "usermod", &mut accounts, &name, parsed.value('G'), parsed.has('a')).await?;
    let gid = match parsed.value('g') {
        Some(group) => match accounts.group(group) {
            Some(group) => Some(group.gid),
            None => {
                sys.eprint(&format!("usermod: group '{group}' does not exist\n")).await;
                return Err(6);
            }
        },
        None => None,
    };
    for user in accounts.users.iter_mut().filter(|user| user.name == name) {
        user.gid = gid.unwrap_or(user.gid);
        for (flag, field) in
            [('s', &mut user.shell), ('d', &mut user.home), ('c', &mut user.comment)]
        {
            if let Some(value) = parsed.value(flag) {
                *field = value.to_owned();
            }
        }
    }
    save(sys, "usermod", &accounts).await
}

async fn userdel(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "rf", long: &[("remove", 'r'), ("force", 'f')], mistake: 2 };
    let (parsed, name) = match one_name(&sys, &USERDEL, &OPTIONS).await {
        Ok(found) => found,
        Err(status) => return status,
    };
    if !sys.cred().is_root() {
        return locked(&sys, "userdel").await;
    }
    let mut accounts = Accounts::read(&sys);
    let Some(user) = accounts.users.iter().find(|user| user.name == name).cloned() else {
        sys.eprint(&format!("userdel: user '{name}' does not exist\n")).await;
        return 6;
    };
    if let Some(proc) = sys.ps().into_iter().find(|proc| proc.uid == user.uid)
        && !parsed.has('f')
    {
        sys.eprint(&format!("userdel: user {name} is currently used by process {}\n", proc.pid.0))
            .await;
        return 8;
    }
    accounts.users.retain(|other| other.name != name);
    accounts.groups.retain(|group| group.name != name || !group.members.is_empty());
    for group in &mut accounts.groups {
        group.members.retain(|member| *member != name);
    }
    if let Err(status) = save(&sys, "userdel", &accounts).await {
        return status;
    }
    if parsed.has('r') {
        let (status, ..) =
            crate::programs::capture(&sys, "/usr/bin/rm", &["rm", "-rf", &user.home])
                .await
                .unwrap_or((12, String::new(), String::new()));
        return status;
    }
    0
}

async fn groupadd(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "rfg:o",
        long: &[("system", 'r'), ("force", 'f'), ("gid", 'g')],
        mistake: 2,
    };
    let (parsed, name) = match one_name(&sys, &GROUPADD, &OPTIONS).await {
        Ok(found) => found,
        Err(status) => return status,
    };
    if !sys.cred().is_root() {
        sys.eprint(
            "groupadd: Permission denied.\ngroupadd: cannot lock /etc/group; try again later.\n",
        )
        .await;
        return 10;
    }
    let mut accounts = Accounts::read(&sys);
    if accounts.groups.iter().any(|group| group.name == name) {
        if parsed.has('f') {
            return 0;
        }
        sys.eprint(&format!("groupadd: group '{name}' already exists\n")).await;
        return 9;
    }
    if !good_name(&name) {
        sys.eprint(&format!("groupadd: '{name}' is not a valid group name\n")).await;
        return 3;
    }
    let gids: Vec<u32> = accounts.groups.iter().map(|group| group.gid).collect();
    let gid = parsed.value('g').and_then(|text| text.parse().ok());
    let gid = gid.unwrap_or_else(|| next_number(&gids, parsed.has('r')));
    if gids.contains(&gid) {
        sys.eprint(&format!("groupadd: GID '{gid}' already exists\n")).await;
        return 4;
    }
    accounts.groups.push(UserGroup { name, gid, members: Vec::new() });
    match save(&sys, "groupadd", &accounts).await {
        Ok(()) => 0,
        Err(status) => status,
    }
}
