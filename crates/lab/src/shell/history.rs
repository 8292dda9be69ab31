//! The commands of a terminal, and travelling through them by a prefix.

/// Commands, oldest first, and where the traveller stands.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    entries: Vec<String>,
    /// What was typed before travelling began, and the entry shown, if any.
    travel: Option<(String, usize)>,
}

/// The oldest commands beyond it are forgotten.
const ENTRIES_MAX: usize = 1000;

impl History {
    pub(super) fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Adds a command, unless it is the one before it again.
    pub(super) fn push(&mut self, command: &str) {
        let command = command.trim_end_matches('\n');
        if command.trim().is_empty() || self.entries.last().is_some_and(|last| last == command) {
            return;
        }
        if self.entries.len() == ENTRIES_MAX {
            self.entries.remove(0);
        }
        self.entries.push(command.to_owned());
    }

    /// Begins to travel from below the newest entry; `typed` is the prefix and comes back there.
    pub(super) fn enter(&mut self, typed: &str) {
        self.travel = Some((typed.to_owned(), self.entries.len()));
    }

    pub(super) fn leave(&mut self) {
        self.travel = None;
    }

    /// The next older entry with the prefix.
    pub(super) fn older(&mut self) -> Option<String> {
        let (prefix, at) = self.travel.as_mut()?;
        let found = self.entries[..*at].iter().rposition(|entry| entry.starts_with(&*prefix))?;
        *at = found;
        Some(self.entries[found].clone())
    }

    /// The next newer entry with the prefix, and what was typed at the end.
    pub(super) fn newer(&mut self) -> Option<String> {
        let (prefix, at) = self.travel.as_mut()?;
        if *at >= self.entries.len() {
            return None;
        }
        let rest = &self.entries[*at + 1..];
        match rest.iter().position(|entry| entry.starts_with(&*prefix)) {
            Some(offset) => {
                *at += 1 + offset;
                Some(self.entries[*at].clone())
            }
            None => {
                *at = self.entries.len();
                Some(prefix.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_kept() {
        let mut history = History::default();
        for command in ["ls", "etcdctl get a", "ls -l", "etcdctl put a 1", "etcdctl put a 1"] {
            history.push(command);
        }
        assert_eq!(history.entries().len(), 4);
        history.enter("etcdctl");
        assert_eq!(history.older().as_deref(), Some("etcdctl put a 1"));
        assert_eq!(history.older().as_deref(), Some("etcdctl get a"));
        assert_eq!(history.older(), None);
        assert_eq!(history.newer().as_deref(), Some("etcdctl put a 1"));
        assert_eq!(history.newer().as_deref(), Some("etcdctl"));
        assert_eq!(history.newer(), None);
    }
}
