//! Who a process is, and who a file belongs to; `/etc/passwd` and `/etc/group`.
//!
//! Whether somebody may do something to a file is decided in `disk::access`.

/// The owner and group of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl Owner {
    /// The superuser.
    pub const ROOT: Owner = Owner { uid: 0, gid: 0 };
}

/// As whom a process acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cred {
    /// The user; 0 may do everything.
    pub uid: u32,
    /// The group of what it makes.
    pub gid: u32,
    /// The other groups it is in.
    pub groups: Vec<u32>,
}

impl Cred {
    /// The superuser.
    pub const ROOT: Cred = Cred { uid: 0, gid: 0, groups: Vec::new() };

    /// Whether it is the superuser.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether it belongs to a group.
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// The owner of what it makes.
    pub fn owner(&self) -> Owner {
        Owner { uid: self.uid, gid: self.gid }
    }
}

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The full name.
    pub comment: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

impl User {
    /// The line, without its end.
    pub fn line(&self) -> String {
        let User { name, uid, gid, comment, home, shell } = self;
        format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}")
    }

    /// Who the user is once logged in.
    pub fn cred(&self, groups: &[UserGroup]) -> Cred {
        let others =
            groups.iter().filter(|it| it.gid != self.gid && it.members.contains(&self.name));
        Cred { uid: self.uid, gid: self.gid, groups: others.map(|it| it.gid).collect() }
    }
}

/// A line of `/etc/group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// The users who have it besides their first.
    pub members: Vec<String>,
}

impl UserGroup {
    /// The line, without its end.
    pub fn line(&self) -> String {
        format!("{}:x:{}:{}", self.name, self.gid, self.members.join(","))
    }
}

/// The lines of `/etc/passwd` that make sense.
pub fn users(passwd: &str) -> Vec<User> {
    let user = |line: &str| {
        let mut parts = line.split(':');
        let mut next = || parts.next().map(str::to_owned);
        let (name, _) = (next()?, next()?);
        let (uid, gid) = (next()?.parse().ok()?, next()?.parse().ok()?);
        Some(User { name, uid, gid, comment: next()?, home: next()?, shell: next()? })
    };
    passwd.lines().filter_map(user).collect()
}

/// The lines of `/etc/group` that make sense.
pub fn groups(group: &str) -> Vec<UserGroup> {
    let group_of = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?.to_owned();
        let gid = parts.nth(1)?.parse().ok()?;
        let members = parts.next()?.split(',').filter(|name| !name.is_empty());
        Some(UserGroup { name, gid, members: members.map(str::to_owned).collect() })
    };
    group.lines().filter_map(group_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_and_written_alike() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        let all = users(passwd);
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].line(), "ann:x:1000:1000::/home/ann:/bin/sh");
        let lines = groups("root:x:0:\nann:x:1000:\nsudo:x:27:ann,bob\n");
        assert_eq!(lines[2].line(), "sudo:x:27:ann,bob");
        let cred = all[1].cred(&lines);
        assert_eq!(cred, Cred { uid: 1000, gid: 1000, groups: vec![27] });
        assert!(cred.is_in(27) && !cred.is_in(0) && !cred.is_root());
    }
}
