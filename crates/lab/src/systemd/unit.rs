//! The text of unit files: sections, settings, continuation lines. What a setting means to a
//! service is in `Settings`; what is known and has no meaning here is known all the same.

use std::collections::BTreeMap;

/// Settings of the sections `Unit`, `Service` and `Install`, in order; a later file adds to
/// an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    values: BTreeMap<(String, String), Vec<String>>,
    /// What is wrong with the text, as the journal says it.
    pub(super) warnings: Vec<String>,
}

/// Settings that are lists: a value adds to those before it, an empty one forgets them.
const LISTS: &[&str] = &[
    "After",
    "Alias",
    "Also",
    "Before",
    "BindsTo",
    "ConditionPathExists",
    "Conflicts",
    "Documentation",
    "Environment",
    "EnvironmentFile",
    "ExecCondition",
    "ExecReload",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "PartOf",
    "RequiredBy",
    "Requires",
    "Requisite",
    "SuccessExitStatus",
    "WantedBy",
    "Wants",
];

/// Other settings somebody may write; those that mean nothing in the lab are only known.
const KNOWN: &[&str] = &[
    "AllowIsolate",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "CPUAccounting",
    "CPUQuota",
    "CPUShares",
    "CPUWeight",
    "DefaultDependencies",
    "Delegate",
    "Description",
    "DynamicUser",
    "Group",
    "IgnoreSIGPIPE",
    "IOSchedulingClass",
    "IOSchedulingPriority",
    "IOWeight",
    "JobTimeoutSec",
    "KillMode",
    "KillSignal",
    "LimitCORE",
    "LimitMEMLOCK",
    "LimitNOFILE",
    "LimitNPROC",
    "LockPersonality",
    "MemoryAccounting",
    "MemoryHigh",
    "MemoryLimit",
    "MemoryMax",
    "MemoryDenyWriteExecute",
    "Nice",
    "NoNewPrivileges",
    "NotifyAccess",
    "OOMScoreAdjust",
    "PermissionsStartOnly",
    "PIDFile",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RefuseManualStart",
    "RefuseManualStop",
    "RemainAfterExit",
    "Restart",
    "RestartPreventExitStatus",
    "RestartSec",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RuntimeDirectory",
    "Slice",
    "SourcePath",
    "StandardError",
    "StandardInput",
    "StandardOutput",
    "StartLimitAction",
    "StartLimitBurst",
    "StartLimitInterval",
    "StartLimitIntervalSec",
    "StateDirectory",
    "StateDirectoryMode",
    "StopWhenUnneeded",
    "SupplementaryGroups",
    "SyslogIdentifier",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "TasksAccounting",
    "TasksMax",
    "TimeoutSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "Type",
    "UMask",
    "User",
    "WatchdogSec",
    "WorkingDirectory",
];

impl Settings {
    /// Adds what a file says.
    pub(super) fn read(&mut self, path: &str, text: &str) {
        let mut section = String::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let mut whole = line.to_owned();
            while let Some(open) = whole.strip_suffix('\\') {
                // Comments between the lines of a continued one are no part of it.
                let next = lines.by_ref().map(|(_, next)| next.trim());
                let next = next.into_iter().find(|next| !next.starts_with(['#', ';']));
                whole = format!("{open} {}", next.unwrap_or_default());
                if next.is_none() {
                    break;
                }
            }
            self.line(path, number + 1, &mut section, &whole);
        }
    }

    fn line(&mut self, path: &str, number: usize, section: &mut String, line: &str) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            *section = name.to_owned();
            if !matches!(name, "Unit" | "Service" | "Install" | "Timer" | "Socket")
                && !name.starts_with("X-")
            {
                self.warn(path, number, &format!("Unknown section '{name}'. Ignoring."));
            }
            return;
        }
        let Some((key, value)) = line.split_once('=') else {
            self.warn(path, number, "Missing '=', ignoring line.");
            return;
        };
        let (key, value) = (key.trim(), value.trim());
        if section.is_empty() {
            self.warn(path, number, "Assignment outside of section. Ignoring.");
            return;
        }
        let list = LISTS.contains(&key);
        if !list && !KNOWN.contains(&key) {
            let what = format!("Unknown key name '{key}' in section '{section}', ignoring.");
            self.warn(path, number, &what);
            return;
        }
        let place = (section.clone(), key.to_owned());
        if value.is_empty() || !list {
            self.values.remove(&place);
        }
        if !value.is_empty() {
            self.values.entry(place).or_default().push(value.to_owned());
        }
    }

    fn warn(&mut self, path: &str, number: usize, what: &str) {
        self.warnings.push(format!("{path}:{number}: {what}"));
    }

    /// The values of a setting.
    pub(super) fn all(&self, section: &str, key: &str) -> &[String] {
        let place = (section.to_owned(), key.to_owned());
        self.values.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Every setting with its values, by section and name.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        let each = self.values.iter();
        each.map(|((section, key), values)| (section.as_str(), key.as_str(), values.as_slice()))
    }

    /// The value of a setting.
    pub(super) fn one(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).last().map(String::as_str)
    }

    /// The names in a list of units.
    pub(super) fn names(&self, section: &str, key: &str) -> Vec<String> {
        let words = self.all(section, key).iter().flat_map(|value| value.split_whitespace());
        words.map(str::to_owned).collect()
    }

    /// Whether a setting says yes.
    pub(super) fn yes(&self, section: &str, key: &str) -> bool {
        matches!(self.one(section, key), Some("yes" | "true" | "on" | "1"))
    }

    /// A time span, in microseconds.
    pub(super) fn span_us(&self, section: &str, key: &str) -> Option<u64> {
        span_us(self.one(section, key)?)
    }
}

/// `5`, `1min 30s`, `500ms`, `infinity`.
pub(super) fn span_us(text: &str) -> Option<u64> {
    if text == "infinity" {
        return Some(u64::MAX);
    }
    let mut total = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit_us = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1_000_000,
            "us" | "usec" => 1,
            "ms" | "msec" => 1000,
            "m" | "min" | "minute" | "minutes" => 60_000_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000_000,
            "d" | "day" | "days" => 86_400_000_000,
            _ => return None,
        };
        rest = rest[letters..].trim_start();
        total = total.saturating_add(number.saturating_mul(unit_us));
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_continue_and_lists_grow() {
        let mut unit = Settings::default();
        let text = "# etcd\n[Unit]\nDescription=etcd\nAfter=a.target b.target\n[Service]\n\
                    ExecStart=/usr/local/bin/etcd \\\n  --name a \\\n  # not this\n  --b c\n\
                    Environment=A=1\nEnvironment=B=2\nRestart=no\nRestart=always\nFoo=1\nbar\n";
        unit.read("/etc/x.service", text);
        let start = unit.one("Service", "ExecStart").unwrap();
        let words: Vec<&str> = start.split_whitespace().collect();
        assert_eq!(words, ["/usr/local/bin/etcd", "--name", "a", "--b", "c"]);
        assert_eq!(unit.names("Unit", "After"), ["a.target", "b.target"]);
        assert_eq!(unit.all("Service", "Environment").len(), 2);
        assert_eq!(unit.one("Service", "Restart"), Some("always"));
        assert_eq!(
            unit.warnings,
            [
                "/etc/x.service:14: Unknown key name 'Foo' in section 'Service', ignoring.",
                "/etc/x.service:15: Missing '=', ignoring line."
            ]
        );
        unit.read("/etc/x.service.d/o.conf", "[Service]\nExecStart=\nExecStart=/bin/true\n");
        assert_eq!(unit.all("Service", "ExecStart"), ["/bin/true"]);
    }

    #[test]
    fn spans() {
        for (text, want) in [
            ("5", Some(5_000_000)),
            ("1min 30s", Some(90_000_000)),
            ("500ms", Some(500_000)),
            ("infinity", Some(u64::MAX)),
            ("x", None),
        ] {
            assert_eq!(span_us(text), want, "{text}");
        }
    }
}
