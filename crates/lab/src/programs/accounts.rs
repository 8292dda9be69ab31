//! Who there is on a host: `/etc/passwd` and `/etc/group` as programs use them.

use sim::cred::{User, UserGroup};
use sim::{Cred, Sys, cred};

/// The accounts of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) users: Vec<User>,
    pub(crate) groups: Vec<UserGroup>,
}

impl Accounts {
    /// As the files say it.
    pub(crate) fn read(sys: &Sys) -> Accounts {
        let text = |path| {
            let bytes = sys.read_file(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Accounts {
            users: cred::users(&text("/etc/passwd")),
            groups: cred::groups(&text("/etc/group")),
        }
    }

    /// A user by name or number.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        let number = name.parse::<u32>().ok();
        let named = self.users.iter().find(|user| user.name == name);
        named.or_else(|| self.users.iter().find(|user| Some(user.uid) == number))
    }

    /// A group by name or number.
    #[cfg(feature = "k8s")]
    pub(crate) fn group(&self, name: &str) -> Option<&UserGroup> {
        let number = name.parse::<u32>().ok();
        let named = self.groups.iter().find(|group| group.name == name);
        named.or_else(|| self.groups.iter().find(|group| Some(group.gid) == number))
    }

    /// The name of a user, or his number.
    pub(crate) fn user_name(&self, uid: u32) -> String {
        let user = self.users.iter().find(|user| user.uid == uid);
        user.map_or_else(|| uid.to_string(), |user| user.name.clone())
    }

    /// The name of a group, or its number.
    pub(crate) fn group_name(&self, gid: u32) -> String {
        let group = self.groups.iter().find(|group| group.gid == gid);
        group.map_or_else(|| gid.to_string(), |group| group.name.clone())
    }

    /// Who a user is once logged in.
    pub(crate) fn cred(&self, user: &User) -> Cred {
        user.cred(&self.groups)
    }

    /// The numbers of a user's groups, the first one first.
    pub(crate) fn groups_of(cred: &Cred) -> Vec<u32> {
        let mut all = vec![cred.gid];
        all.extend(cred.groups.iter().filter(|gid| **gid != cred.gid));
        all
    }
}
