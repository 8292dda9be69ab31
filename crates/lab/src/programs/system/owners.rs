//! Whose files are: `chown`, `chgrp`, `install`, `mktemp`.

use sim::{Errno, OpenFlags, Sys};

use super::accounts::Accounts;
use crate::programs::Program;
use crate::programs::files::mode_of;
use crate::programs::io::{join, last_name};
use crate::programs::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const CHOWN: Program = Program {
    name: "chown",
    summary: "change owners of files",
    usage: concat!(
        "chown [-Rvh] [--reference=FILE] USER[:GROUP]|:GROUP FILE...\n",
        "  -R  directories with all that is in them\n",
        "  -v  say what is done\n",
        "  -h  links themselves, not what they lead to",
    ),
    run: |sys| Box::pin(chown(sys, false)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const CHGRP: Program = Program {
    name: "chgrp",
    summary: "change groups of files",
    usage: "chgrp [-Rvh] GROUP FILE...",
    run: |sys| Box::pin(chown(sys, true)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const INSTALL: Program = Program {
    name: "install",
    summary: "copy files with owner and permissions",
    usage: concat!(
        "install [-m MODE] [-o USER] [-g GROUP] [-Dv] SOURCE... TARGET\n",
        "install -d [-m MODE] [-o USER] [-g GROUP] DIRECTORY...\n",
        "  -d  make directories    -D  make those above the target    -t DIRECTORY  the target",
    ),
    run: |sys| Box::pin(install(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const MKTEMP: Program = Program {
    name: "mktemp",
    summary: "make a file or directory with a new name",
    usage: "mktemp [-d] [-u] [-p DIRECTORY] [-t] [TEMPLATE]",
    run: |sys| Box::pin(mktemp(sys)),
    complete: None,
};

type Owners = (Option<u32>, Option<u32>);

/// `user`, `user:group`, `user:`, `:group`; the error is GNU's sentence.
fn owners(accounts: &Accounts, text: &str, group_only: bool) -> Result<Owners, String> {
    let group_of = |name: &str| match accounts.group(name) {
        Some(group) => Ok(Some(group.gid)),
        None => match name.parse() {
            Ok(gid) => Ok(Some(gid)),
            Err(_) if group_only => Err(format!("invalid group: '{text}'")),
            Err(_) => Err(format!("invalid group: '{text}'")),
        },
    };
    if group_only {
        return Ok((None, group_of(text)?));
    }
    let (user, group) = match text.split_once([':', '.']) {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let known = accounts.user(user);
    let uid = match known {
        _ if user.is_empty() => None,
        Some(user) => Some(user.uid),
        None => Some(user.parse().map_err(|_| format!("invalid user: '{text}'"))?),
    };
    let gid = match group {
        None => None,
        Some("") => known.map(|user| user.gid),
        Some(name) => group_of(name)?,
    };
    Ok((uid, gid))
}

async fn chown(sys: Sys, group_only: bool) -> i32 {
    const OPTIONS: Options = Options {
        short: "RvhfcHLPr:",
        long: &[
            ("recursive", 'R'),
            ("verbose", 'v'),
            ("no-dereference", 'h'),
            ("silent", 'f'),
            ("quiet", 'f'),
            ("changes", 'c'),
            ("reference", 'r'),
        ],
        mistake: 1,
    };
    let program = if group_only { &CHGRP } else { &CHOWN };
    let name = program.name;
    let parsed = match OPTIONS.read(&sys, program).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let accounts = Accounts::read(&sys);
    let mut operands = parsed.operands.iter();
    let wanted = match parsed.value('r') {
        Some(path) => match sys.stat(path) {
            Ok(stat) => Ok((Some(stat.uid).filter(|_| !group_only), Some(stat.gid))),
            Err(error) => Err(format!("failed to get attributes of '{path}': {error}")),
        },
        None => match operands.next() {
            Some(text) => owners(&accounts, text, group_only),
            None => return OPTIONS.refuse(&sys, program, "missing operand").await,
        },
    };
    let (uid, gid) = match wanted {
        Ok(wanted) => wanted,
        Err(mistake) => {
            sys.eprint(&format!("{name}: {mistake}\n")).await;
            return 1;
        }
    };
    let waiting: Vec<String> = operands.rev().cloned().collect();
    if waiting.is_empty() {
        let after = parsed.operands.first().map_or("", String::as_str);
        return OPTIONS.refuse(&sys, program, &format!("missing operand after '{after}'")).await;
    }
    give(&sys, name, &parsed, (uid, gid), waiting).await
}

/// Gives files away, with `-R` those below them.
async fn give(
    sys: &Sys,
    name: &str,
    parsed: &Parsed,
    (uid, gid): Owners,
    mut waiting: Vec<String>,
) -> i32 {
    let what = if uid.is_some() { "ownership" } else { "group" };
    let mut status = 0;
    let follow = !parsed.has('h') && !parsed.has('R');
    while let Some(path) = waiting.pop() {
        if let Err(error) = sys.lstat(&path) {
            sys.eprint(&format!("{name}: cannot access '{path}': {error}\n")).await;
            status = 1;
            continue;
        }
        match sys.chown(&path, uid, gid, follow) {
            Ok(()) if parsed.has('v') => {
                sys.print(&format!("changed {what} of '{path}'\n")).await;
            }
            Ok(()) => {}
            Err(error) => {
                if !parsed.has('f') {
                    sys.eprint(&format!("{name}: changing {what} of '{path}': {error}\n")).await;
                }
                status = 1;
            }
        }
        if parsed.has('R') && sys.lstat(&path).is_ok_and(|stat| stat.is_dir()) {
            match sys.read_dir(&path) {
                Ok(names) => waiting.extend(names.iter().rev().map(|name| join(&path, name))),
                Err(error) => {
                    sys.eprint(&format!("{name}: cannot read directory '{path}': {error}\n")).await;
                    status = 1;
                }
            }
        }
    }
    status
}

async fn install(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "dDm:o:g:vt:TcpsC",
        long: &[
            ("directory", 'd'),
            ("mode", 'm'),
            ("owner", 'o'),
            ("group", 'g'),
            ("verbose", 'v'),
            ("target-directory", 't'),
        ],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &INSTALL).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let accounts = Accounts::read(&sys);
    let mode = match parsed.value('m').map(|text| mode_of(text, 0)) {
        None => 0o755,
        Some(Some(mode)) => mode,
        Some(None) => {
            let text = parsed.value('m').unwrap_or("");
            sys.eprint(&format!("install: invalid mode '{text}'\n")).await;
            return 1;
        }
    };
    let owner = parsed.value('o').map(|text| owners(&accounts, text, false)).transpose();
    let group = parsed.value('g').map(|text| owners(&accounts, text, true)).transpose();
    let (uid, gid) = match (owner, group) {
        (Ok(owner), Ok(group)) => (owner.and_then(|it| it.0), group.and_then(|it| it.1)),
        (Err(mistake), _) | (_, Err(mistake)) => {
            sys.eprint(&format!("install: {mistake}\n")).await;
            return 1;
        }
    };
    let mut operands = parsed.operands.clone();
    let mut failed = None;
    if parsed.has('d') {
        for path in &operands {
            let wrong = |error| format!("cannot create directory '{path}': {error}");
            let made = make_dirs(&sys, path).map_err(wrong);
            failed = failed.or(made.and_then(|()| settle(&sys, path, mode, uid, gid)).err());
        }
    } else {
        let target = parsed.value('t').map(str::to_owned).or_else(|| operands.pop());
        let Some(target) = target.filter(|_| !operands.is_empty()) else {
            return OPTIONS.refuse(&sys, &INSTALL, "missing file operand").await;
        };
        for source in &operands {
            let into = sys.stat(&target).is_ok_and(|stat| stat.is_dir());
            let place = if into { join(&target, last_name(source)) } else { target.clone() };
            if let (true, Some((dir, _))) = (parsed.has('D'), place.rsplit_once('/')) {
                // A failure shows when the file is made.
                let _ = make_dirs(&sys, dir);
            }
            failed = failed.or(copy(&sys, source, &place).err());
            failed = failed.or(settle(&sys, &place, mode, uid, gid).err());
            if parsed.has('v') && failed.is_none() {
                sys.print(&format!("'{source}' -> '{place}'\n")).await;
            }
        }
    }
    if let Some(what) = &failed {
        sys.eprint(&format!("install: {what}\n")).await;
    }
    i32::from(failed.is_some())
}

fn make_dirs(sys: &Sys, path: &str) -> Result<(), Errno> {
    let mut upto = String::new();
    for part in path.split_inclusive('/') {
        upto.push_str(part);
        let dir = upto.trim_end_matches('/');
        if !dir.is_empty() && sys.stat(dir).is_err() {
            sys.mkdir(dir, 0o755)?;
        }
    }
    Ok(())
}

fn copy(sys: &Sys, source: &str, place: &str) -> Result<(), String> {
    let bytes =
        sys.read_file(source).map_err(|error| format!("cannot stat '{source}': {error}"))?;
    let wrong = |error| format!("cannot create regular file '{place}': {error}");
    if sys.stat(place).is_ok() {
        sys.remove_file(place).map_err(|error| format!("cannot remove '{place}': {error}"))?;
    }
    sys.write_file(place, &bytes).map_err(wrong)
}

fn settle(
    sys: &Sys,
    path: &str,
    mode: u16,
    uid: Option<u32>,
    gid: Option<u32>,
) -> Result<(), String> {
    if uid.is_some() || gid.is_some() {
        sys.chown(path, uid, gid, true)
            .map_err(|error| format!("cannot change ownership of '{path}': {error}"))?;
    }
    sys.chmod(path, mode).map_err(|error| format!("cannot change permissions of '{path}': {error}"))
}

async fn mktemp(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "dup:tq",
        long: &[("directory", 'd'), ("dry-run", 'u'), ("tmpdir", 'p'), ("quiet", 'q')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &MKTEMP).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let template = parsed.operands.first().map_or("tmp.XXXXXXXXXX", String::as_str);
    let marks = template.len() - template.trim_end_matches('X').len();
    if marks < 3 {
        sys.eprint(&format!("mktemp: too few X's in template '{template}'\n")).await;
        return 1;
    }
    let own = sys.env("TMPDIR").unwrap_or_else(|| "/tmp".to_owned());
    let dir = match parsed.value('p') {
        Some(dir) => Some(dir.to_owned()),
        None if parsed.has('t') || parsed.operands.is_empty() => Some(own),
        None => None,
    };
    // The process's number and the time make a name nobody has.
    let mut seed = sys.wall_us() ^ (u64::from(sys.pid().0) << 40);
    for _ in 0..100 {
        let mut name = template[..template.len() - marks].to_owned();
        for _ in 0..marks {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
            let place = usize::try_from((seed >> 33) % 62).unwrap_or(0);
            name.push(char::from(letters[place]));
        }
        let path = dir.as_ref().map_or_else(|| name.clone(), |dir| join(dir, &name));
        let flags = OpenFlags { exclusive: true, mode: 0o600, ..OpenFlags::WRITE };
        let made = match (parsed.has('u'), parsed.has('d')) {
            (true, _) => Ok(()),
            (_, true) => sys.mkdir(&path, 0o700),
            _ => sys.open(&path, flags).and_then(|fd| sys.close(fd)),
        };
        match made {
            Ok(()) => {
                sys.print(&format!("{path}\n")).await;
                return 0;
            }
            Err(Errno::Eexist) => {}
            Err(error) => {
                let kind = if parsed.has('d') { "directory" } else { "file" };
                let shown = dir.as_ref().map_or_else(|| template.into(), |dir| join(dir, template));
                sys.eprint(&format!(
                    "mktemp: failed to create {kind} via template '{shown}': {error}\n"
                ))
                .await;
                return 1;
            }
        }
    }
    1
}
