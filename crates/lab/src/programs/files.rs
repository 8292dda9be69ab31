//! Changing the tree: `cp mv rm mkdir rmdir touch ln chmod`. What they share is at the end.

use sim::{Errno, FileKind, Sys};

use super::Program;
use super::calendar;
use super::io::{join, last_name};
use super::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const CP: Program = Program {
    name: "cp",
    summary: "copy files",
    usage: concat!(
        "cp [-rapfnv] SOURCE... TARGET\n",
        "  -r  directories with what is in them (-a and -R are the same here)\n",
        "  -p  keep the time of the last change\n",
        "  -n  do not overwrite\n",
        "  -v  say what is done",
    ),
    run: |sys| Box::pin(cp(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const MV: Program = Program {
    name: "mv",
    summary: "move or rename files",
    usage: "mv [-fnv] SOURCE... TARGET\n  -n  do not overwrite\n  -v  say what is done",
    run: |sys| Box::pin(mv(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const RM: Program = Program {
    name: "rm",
    summary: "remove files",
    usage: concat!(
        "rm [-rfdv] FILE...\n",
        "  -r  directories with all that is in them\n",
        "  -f  say nothing of what is missing\n",
        "  -d  empty directories\n",
        "  -v  say what is done",
    ),
    run: |sys| Box::pin(rm(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const MKDIR: Program = Program {
    name: "mkdir",
    summary: "make directories",
    usage: concat!(
        "mkdir [-pv] [-m MODE] DIRECTORY...\n",
        "  -p  those above it, too, and nothing said when it is there\n",
        "  -m  with these permissions",
    ),
    run: |sys| Box::pin(mkdir(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const RMDIR: Program = Program {
    name: "rmdir",
    summary: "remove empty directories",
    usage: "rmdir [-p] DIRECTORY...\n  -p  those above it, too",
    run: |sys| Box::pin(rmdir(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const TOUCH: Program = Program {
    name: "touch",
    summary: "set the time of the last change, or make an empty file",
    usage: concat!(
        "touch [-c] [-d DATE] [-r FILE] FILE...\n",
        "  -c  make no file\n",
        "  -d  this time instead of now\n",
        "  -r  the time of this file",
    ),
    run: |sys| Box::pin(touch(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const LN: Program = Program {
    name: "ln",
    summary: "make symbolic links",
    usage: "ln -s [-f] TARGET NAME\n  -f  replace what is there",
    run: |sys| Box::pin(ln(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const CHMOD: Program = Program {
    name: "chmod",
    summary: "change permissions",
    usage: "chmod MODE FILE...\nMODE is octal (755) or like u+x, go-w, a=r.",
    run: |sys| Box::pin(chmod(sys)),
    complete: None,
};

/// Says what went wrong with one file, and goes on.
struct Complaints<'a> {
    sys: &'a Sys,
    name: &'static str,
    status: i32,
}

impl<'a> Complaints<'a> {
    fn new(sys: &'a Sys, program: &Program) -> Complaints<'a> {
        Complaints { sys, name: program.name, status: 0 }
    }

    async fn add(&mut self, what: &str) {
        self.sys.eprint(&format!("{}: {what}\n", self.name)).await;
        self.status = 1;
    }

    async fn say(&self, what: &str, wanted: bool) {
        if wanted {
            self.sys.print(&format!("{what}\n")).await;
        }
    }
}

const COPY: Options = Options {
    short: "raRpfnvdTt:i",
    long: &[
        ("recursive", 'r'),
        ("archive", 'a'),
        ("preserve", 'p'),
        ("force", 'f'),
        ("no-clobber", 'n'),
        ("verbose", 'v'),
        ("target-directory", 't'),
        ("no-target-directory", 'T'),
    ],
    mistake: 1,
};

/// The pairs of source and target of `cp` and `mv`; the error is the status to end with.
async fn pairs(
    sys: &Sys,
    program: &Program,
    parsed: &Parsed,
) -> Result<Vec<(String, String)>, i32> {
    let mut operands = parsed.operands.clone();
    let target = match parsed.value('t') {
        Some(directory) => Some(directory.to_owned()),
        None if operands.len() > 1 => operands.pop(),
        None => None,
    };
    let Some(target) = target.filter(|_| !operands.is_empty()) else {
        let mistake = match operands.first() {
            Some(only) => format!("missing destination file operand after '{only}'"),
            None => "missing file operand".to_owned(),
        };
        return Err(COPY.refuse(sys, program, &mistake).await);
    };
    let into = !parsed.has('T') && sys.stat(&target).is_ok_and(|stat| stat.is_dir());
    if !into && operands.len() > 1 {
        let error = match sys.stat(&target) {
            Ok(_) => Errno::Enotdir,
            Err(error) => error,
        };
        sys.eprint(&format!("{}: target '{target}': {error}\n", program.name)).await;
        return Err(1);
    }
    let place = |source: &String| {
        if into { join(&target, last_name(source)) } else { target.clone() }
    };
    Ok(operands.iter().map(|source| (source.clone(), place(source))).collect())
}

async fn cp(sys: Sys) -> i32 {
    let parsed = match COPY.read(&sys, &CP).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let pairs = match pairs(&sys, &CP, &parsed).await {
        Ok(pairs) => pairs,
        Err(status) => return status,
    };
    let mut complaints = Complaints::new(&sys, &CP);
    for (source, target) in pairs {
        copy(&mut complaints, &parsed, &source, &target, 0).await;
    }
    complaints.status
}

async fn copy(
    complaints: &mut Complaints<'_>,
    flags: &Parsed,
    source: &str,
    target: &str,
    depth: u32,
) {
    let sys = complaints.sys.clone();
    let recursive = flags.has('r') || flags.has('a') || flags.has('R');
    let looked = if recursive { sys.lstat(source) } else { sys.stat(source) };
    let stat = match looked {
        Ok(stat) => stat,
        Err(error) => return complaints.add(&format!("cannot stat '{source}': {error}")).await,
    };
    if let Ok(there) = sys.stat(target) {
        if there.ino == stat.ino {
            return complaints.add(&format!("'{source}' and '{target}' are the same file")).await;
        }
        if there.is_dir() && !stat.is_dir() {
            let what =
                format!("cannot overwrite directory '{target}' with non-directory '{source}'");
            return complaints.add(&what).await;
        }
        if !there.is_dir() && stat.is_dir() {
            let what =
                format!("cannot overwrite non-directory '{target}' with directory '{source}'");
            return complaints.add(&what).await;
        }
        if flags.has('n') {
            return;
        }
    }
    match stat.kind {
        FileKind::Dir if !recursive => {
            complaints.add(&format!("-r not specified; omitting directory '{source}'")).await;
        }
        FileKind::Dir => {
            let inside = sys.absolute(target).starts_with(&format!("{}/", sys.absolute(source)));
            if inside || depth > 64 {
                let what = format!("cannot copy a directory, '{source}', into itself, '{target}'");
                return complaints.add(&what).await;
            }
            copy_directory(complaints, flags, source, target, (stat.mode, depth)).await;
        }
        FileKind::Symlink => {
            let link = sys.read_link(source).and_then(|link| sys.symlink(&link, target));
            if let Err(error) = link {
                complaints.add(&format!("cannot create symbolic link '{target}': {error}")).await;
            }
        }
        FileKind::File | FileKind::Device => {
            if let Err((what, error)) = copy_file(&sys, source, target, stat.mode).await {
                return complaints.add(&format!("{what}: {error}")).await;
            }
            complaints.say(&format!("'{source}' -> '{target}'"), flags.has('v')).await;
        }
    }
    if flags.has('p') || flags.has('a') {
        // The copy is done; its time is a nicety.
        let _ = sys.set_mtime(target, stat.mtime_us);
    }
}

async fn copy_directory(
    complaints: &mut Complaints<'_>,
    flags: &Parsed,
    source: &str,
    target: &str,
    (mode, depth): (u16, u32),
) {
    let sys = complaints.sys.clone();
    if sys.stat(target).is_err() {
        if let Err(error) = sys.mkdir(target, mode) {
            return complaints.add(&format!("cannot create directory '{target}': {error}")).await;
        }
        complaints.say(&format!("'{source}' -> '{target}'"), flags.has('v')).await;
    }
    match sys.read_dir(source) {
        Ok(names) => {
            for name in names {
                let (from, to) = (join(source, &name), join(target, &name));
                Box::pin(copy(complaints, flags, &from, &to, depth + 1)).await;
            }
        }
        Err(error) => complaints.add(&format!("cannot access '{source}': {error}")).await,
    }
}

/// Copies in pieces, so that a full disk is met as a real one is. Holes stay holes.
async fn copy_file(
    sys: &Sys,
    source: &str,
    target: &str,
    mode: u16,
) -> Result<(), (String, Errno)> {
    let reading = |error| (format!("cannot open '{source}' for reading"), error);
    let from = sys.open(source, sim::OpenFlags::READ).map_err(reading)?;
    let from = crate::programs::Opened::new(sys, from);
    let flags = sim::OpenFlags { mode, ..sim::OpenFlags::WRITE };
    let creating = |error| (format!("cannot create regular file '{target}'"), error);
    let to = sys.open(target, flags).map_err(creating)?;
    let to = crate::programs::Opened::new(sys, to);
    let writing = |error| (format!("error writing '{target}'"), error);
    let mut offset = 0u64;
    loop {
        let bytes = sys
            .read(from.fd(), 65_536)
            .await
            .map_err(|error| (format!("error reading '{source}'"), error))?;
        if bytes.is_empty() {
            return sys.truncate_fd(to.fd(), offset).map_err(writing);
        }
        offset += bytes.len() as u64;
        if bytes.iter().all(|byte| *byte == 0) && sys.seek(to.fd(), offset).is_ok() {
            continue;
        }
        sys.write(to.fd(), &bytes).await.map_err(writing)?;
    }
}

async fn mv(sys: Sys) -> i32 {
    let parsed = match COPY.read(&sys, &MV).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let pairs = match pairs(&sys, &MV, &parsed).await {
        Ok(pairs) => pairs,
        Err(status) => return status,
    };
    let mut complaints = Complaints::new(&sys, &MV);
    for (source, target) in pairs {
        if let Some(what) = move_one(&sys, &parsed, &source, &target) {
            complaints.add(&what).await;
        } else {
            complaints.say(&format!("renamed '{source}' -> '{target}'"), parsed.has('v')).await;
        }
    }
    complaints.status
}

fn move_one(sys: &Sys, flags: &Parsed, source: &str, target: &str) -> Option<String> {
    let stat = match sys.lstat(source) {
        Ok(stat) => stat,
        Err(error) => return Some(format!("cannot stat '{source}': {error}")),
    };
    if let Ok(there) = sys.lstat(target) {
        if there.ino == stat.ino {
            return Some(format!("'{source}' and '{target}' are the same file"));
        }
        if there.is_dir() && !stat.is_dir() {
            return Some(format!("cannot overwrite directory '{target}' with non-directory"));
        }
        if !there.is_dir() && stat.is_dir() {
            return Some(format!(
                "cannot overwrite non-directory '{target}' with directory '{source}'"
            ));
        }
        if flags.has('n') {
            return None;
        }
    }
    match sys.rename(source, target) {
        Ok(()) => None,
        Err(Errno::Einval) => {
            Some(format!("cannot move '{source}' to a subdirectory of itself, '{target}'"))
        }
        Err(error) => Some(format!("cannot move '{source}' to '{target}': {error}")),
    }
}

async fn rm(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "rRfdvi",
        long: &[("recursive", 'r'), ("force", 'f'), ("dir", 'd'), ("verbose", 'v')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &RM).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() && !parsed.has('f') {
        return OPTIONS.refuse(&sys, &RM, "missing operand").await;
    }
    let mut complaints = Complaints::new(&sys, &RM);
    for path in &parsed.operands {
        let absolute = sys.absolute(path);
        if matches!(last_name(path), "." | "..") {
            let what = format!("refusing to remove '.' or '..' directory: skipping '{path}'");
            complaints.add(&what).await;
        } else if absolute == "/" {
            complaints.add("it is dangerous to operate recursively on '/'").await;
        } else {
            remove(&mut complaints, &parsed, path, 0).await;
        }
    }
    complaints.status
}

async fn remove(complaints: &mut Complaints<'_>, flags: &Parsed, path: &str, depth: u32) {
    let sys = complaints.sys.clone();
    let stat = match sys.lstat(path) {
        Ok(stat) => stat,
        Err(Errno::Enoent | Errno::Enotdir) if flags.has('f') => return,
        Err(error) => return complaints.add(&format!("cannot remove '{path}': {error}")).await,
    };
    let removed = if stat.is_dir() {
        let recursive = flags.has('r') || flags.has('R');
        if !recursive && !flags.has('d') {
            return complaints.add(&format!("cannot remove '{path}': {}", Errno::Eisdir)).await;
        }
        if recursive && depth < 64 {
            for name in sys.read_dir(path).unwrap_or_default() {
                Box::pin(remove(complaints, flags, &join(path, &name), depth + 1)).await;
            }
        }
        sys.remove_dir(path)
    } else {
        sys.remove_file(path)
    };
    match removed {
        Ok(()) if stat.is_dir() => {
            complaints.say(&format!("removed directory '{path}'"), flags.has('v')).await;
        }
        Ok(()) => complaints.say(&format!("removed '{path}'"), flags.has('v')).await,
        Err(error) => complaints.add(&format!("cannot remove '{path}': {error}")).await,
    }
}

async fn mkdir(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "pvm:",
        long: &[("parents", 'p'), ("verbose", 'v'), ("mode", 'm')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &MKDIR).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &MKDIR, "missing operand").await;
    }
    let mut complaints = Complaints::new(&sys, &MKDIR);
    let mode = match parsed.value('m').map(|text| mode_of(text, 0o777)) {
        None => 0o777,
        Some(Some(mode)) => mode,
        Some(None) => {
            let text = parsed.value('m').unwrap_or("");
            complaints.add(&format!("invalid mode '{text}'")).await;
            return 1;
        }
    };
    for path in &parsed.operands {
        let mut above: Vec<String> = Vec::new();
        if parsed.has('p') {
            let cuts = path.trim_end_matches('/').match_indices('/').filter(|(at, _)| *at > 0);
            above = cuts.map(|(at, _)| path[..at].to_owned()).collect();
        }
        above.push(path.clone());
        for directory in &above {
            match sys.mkdir(directory, mode) {
                Ok(()) => {
                    if directory == path && parsed.has('m') {
                        // Said outright, it is not subject to the umask.
                        let _ = sys.chmod(directory, mode);
                    }
                    let what = format!("mkdir: created directory '{directory}'");
                    complaints.say(&what, parsed.has('v')).await;
                }
                Err(Errno::Eexist)
                    if parsed.has('p') && sys.stat(directory).is_ok_and(|stat| stat.is_dir()) => {}
                Err(error) => {
                    let error = match error {
                        Errno::Eexist if directory != path => Errno::Enotdir,
                        error => error,
                    };
                    complaints
                        .add(&format!("cannot create directory '{directory}': {error}"))
                        .await;
                    break;
                }
            }
        }
    }
    complaints.status
}

async fn rmdir(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "pv", long: &[("parents", 'p'), ("verbose", 'v')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &RMDIR).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &RMDIR, "missing operand").await;
    }
    let mut complaints = Complaints::new(&sys, &RMDIR);
    for path in &parsed.operands {
        let mut path = path.trim_end_matches('/');
        loop {
            if let Err(error) = sys.remove_dir(path) {
                complaints.add(&format!("failed to remove '{path}': {error}")).await;
                break;
            }
            match path.rsplit_once('/').filter(|(above, _)| parsed.has('p') && !above.is_empty()) {
                Some((above, _)) => path = above,
                None => break,
            }
        }
    }
    complaints.status
}

async fn touch(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "camd:r:",
        long: &[("no-create", 'c'), ("date", 'd'), ("reference", 'r')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &TOUCH).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &TOUCH, "missing file operand").await;
    }
    let mut complaints = Complaints::new(&sys, &TOUCH);
    let mut wall_us = sys.wall_us();
    if let Some(text) = parsed.value('d') {
        match calendar::parse(text, wall_us as i64).and_then(|us| u64::try_from(us).ok()) {
            Some(us) => wall_us = us,
            None => {
                complaints.add(&format!("invalid date format '{text}'")).await;
                return 1;
            }
        }
    }
    if let Some(path) = parsed.value('r') {
        match sys.stat(path) {
            Ok(stat) => wall_us = stat.mtime_us,
            Err(error) => {
                let what = format!("failed to get attributes of '{path}': {error}");
                complaints.add(&what).await;
                return 1;
            }
        }
    }
    for path in &parsed.operands {
        if sys.stat(path).is_err() && parsed.has('c') {
            continue;
        }
        let made = match sys.stat(path) {
            Ok(_) => Ok(()),
            Err(_) => sys.open(path, sim::OpenFlags::APPEND).and_then(|fd| sys.close(fd)),
        };
        match made.and_then(|()| sys.set_mtime(path, wall_us)) {
            Ok(()) => {}
            Err(error) => complaints.add(&format!("cannot touch '{path}': {error}")).await,
        }
    }
    complaints.status
}

async fn ln(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "sfnv", long: &[("symbolic", 's'), ("force", 'f')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &LN).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let mut complaints = Complaints::new(&sys, &LN);
    let (target, name) = match parsed.operands.as_slice() {
        [target] => (target.clone(), last_name(target).to_owned()),
        [target, name] if sys.stat(name).is_ok_and(|stat| stat.is_dir()) => {
            (target.clone(), join(name, last_name(target)))
        }
        [target, name] => (target.clone(), name.clone()),
        _ => return OPTIONS.refuse(&sys, &LN, "missing file operand").await,
    };
    if !parsed.has('s') {
        complaints.add("only symbolic links can be made here: ln -s").await;
        return 1;
    }
    if parsed.has('f') && sys.lstat(&name).is_ok() {
        // A failure shows in the next call.
        let _ = sys.remove_file(&name);
    }
    if let Err(error) = sys.symlink(&target, &name) {
        complaints.add(&format!("failed to create symbolic link '{name}': {error}")).await;
    }
    complaints.status
}

async fn chmod(sys: Sys) -> i32 {
    let args = sys.args();
    let args: Vec<&String> = args.iter().skip(1).collect();
    let recursive = args.first().is_some_and(|arg| *arg == "-R");
    let args = &args[usize::from(recursive)..];
    let Some((mode, paths)) = args.split_first() else {
        sys.eprint("chmod: missing operand\nTry 'chmod --help' for more information.\n").await;
        return 1;
    };
    if *mode == "--help" {
        sys.print(&super::help::page(&CHMOD)).await;
        return 0;
    }
    if mode_of(mode, 0).is_none() {
        sys.eprint(&format!(
            "chmod: invalid mode: '{mode}'\nTry 'chmod --help' for more information.\n"
        ))
        .await;
        return 1;
    }
    let mut complaints = Complaints::new(&sys, &CHMOD);
    let mut waiting: Vec<String> = paths.iter().rev().map(|path| (*path).clone()).collect();
    if waiting.is_empty() {
        complaints.add(&format!("missing operand after '{mode}'")).await;
    }
    while let Some(path) = waiting.pop() {
        let changed = sys.stat(&path).and_then(|stat| {
            sys.chmod(&path, mode_of(mode, stat.mode).unwrap_or(stat.mode))?;
            Ok(stat.is_dir())
        });
        match changed {
            Ok(true) if recursive => {
                let names = sys.read_dir(&path).unwrap_or_default();
                waiting.extend(names.iter().rev().map(|name| join(&path, name)));
            }
            Ok(_) => {}
            Err(error) => complaints.add(&super::ls::cannot_access(&path, error)).await,
        }
    }
    complaints.status
}

/// Permissions by `755` or `u+x,go-w`, as a change of `before`.
pub(crate) fn mode_of(text: &str, before: u16) -> Option<u16> {
    if let Ok(mode) = u16::from_str_radix(text, 8) {
        return (mode <= 0o7777).then_some(mode);
    }
    let mut mode = before;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, change) = clause.split_at(at);
        let mut mask = 0;
        for c in who.chars() {
            mask |= match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let mask = if who.is_empty() { 0o777 } else { mask };
        let mut bits = 0;
        for c in change[1..].chars() {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' => {
                    if before & 0o111 != 0 {
                        0o111
                    } else {
                        0
                    }
                }
                _ => return None,
            };
        }
        match &change[..1] {
            "+" => mode |= bits & mask,
            "-" => mode &= !(bits & mask),
            _ => mode = (mode & !mask) | (bits & mask),
        }
    }
    Some(mode)
}

#[cfg(test)]
mod tests {
    use super::mode_of;

    #[test]
    fn modes() {
        for (text, before, after) in [
            ("755", 0, Some(0o755)),
            ("u+x", 0o644, Some(0o744)),
            ("+x", 0o644, Some(0o755)),
            ("go-r", 0o644, Some(0o600)),
            ("a=r,u+w", 0o777, Some(0o644)),
            ("99", 0, None),
            ("z+x", 0, None),
        ] {
            assert_eq!(mode_of(text, before), after, "{text}");
        }
    }
}
