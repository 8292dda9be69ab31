//! The commands of etcdctl: one table that parsing, help, completion and running read.
//!
//! Order is etcdctl's own, because suggestions for a mistyped name follow it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use etcd::Release;
use etcd::pb::DowngradeAction;

use super::flags::{Flag, Flags, Kind, Since};
use crate::etcdutl::restore_flags;

use super::{
    Ctl, Exit, auth, check, endpoint, kv, lease, lock, maintenance, member, mirror, misc, txn,
    watch,
};

/// What a running command comes to.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), Exit>>>>;

/// How a command runs.
#[derive(Clone, Copy)]
pub enum Run {
    /// It only holds others.
    Group,
    /// It does something.
    Does(fn(Rc<Ctl>) -> Running),
    /// It does something that help does not mention.
    Hidden(fn(Rc<Ctl>) -> Running),
    /// It is not in the lab yet.
    Later,
}

/// Where in etcdctl's source a command makes its client: the stack trace of the one fatal log
/// line etcdctl can write shows it.
pub struct Maker {
    /// The function.
    pub function: &'static str,
    /// Its file.
    pub file: &'static str,
    /// The line in 3.6.14 and in 3.5.33.
    pub lines: (u32, u32),
    /// Whether it calls `clientConfigFromCmd` itself, in 3.6 and in 3.5.
    pub direct: (bool, bool),
}

/// A command.
pub struct Command {
    /// Its word.
    pub name: &'static str,
    /// What follows the word in the usage line.
    pub args: &'static str,
    /// One line for help.
    pub summary: &'static str,
    /// Some lines for help.
    pub about: &'static str,
    /// Flags of its own.
    pub flags: &'static [Flag],
    /// Flags of its own that its subcommands have too.
    pub inherited: &'static [Flag],
    /// Its subcommands.
    pub subs: &'static [Command],
    /// Which releases have it.
    pub since: Since,
    /// How it runs.
    pub run: Run,
    /// Where its client is made.
    pub maker: Maker,
    /// Takes exactly one argument: one of these, or any if there are none.
    pub one_of: Option<&'static [&'static str]>,
    /// Flags that must be given, sorted.
    pub required: &'static [(&'static str, Since)],
}

impl Command {
    pub(crate) const fn new(
        name: &'static str,
        args: &'static str,
        summary: &'static str,
        run: Run,
    ) -> Command {
        Command {
            name,
            args,
            summary,
            about: "",
            flags: &[],
            inherited: &[],
            subs: &[],
            since: Since::Both,
            run,
            maker: Maker { function: "", file: "", lines: (0, 0), direct: (false, false) },
            one_of: None,
            required: &[],
        }
    }

    pub(crate) const fn group(
        name: &'static str,
        summary: &'static str,
        subs: &'static [Command],
    ) -> Command {
        Command { subs, ..Command::new(name, "<subcommand>", summary, Run::Group) }
    }

    pub(crate) const fn later(name: &'static str) -> Command {
        Command::new(name, "", "", Run::Later)
    }

    pub(crate) const fn flags(self, flags: &'static [Flag]) -> Command {
        Command { flags, ..self }
    }

    pub(crate) const fn about(self, about: &'static str) -> Command {
        Command { about, ..self }
    }

    pub(crate) const fn inherited(self, inherited: &'static [Flag]) -> Command {
        Command { inherited, ..self }
    }

    pub(crate) const fn since(self, since: Since) -> Command {
        Command { since, ..self }
    }

    pub(crate) const fn one_of(self, valid: &'static [&'static str]) -> Command {
        Command { one_of: Some(valid), ..self }
    }

    pub(crate) const fn required(self, required: &'static [(&'static str, Since)]) -> Command {
        Command { required, ..self }
    }

    const fn made_at(
        self,
        function: &'static str,
        file: &'static str,
        lines: (u32, u32),
    ) -> Command {
        Command { maker: Maker { function, file, lines, direct: (false, false) }, ..self }
    }

    const fn direct(self, in_3_6: bool, in_3_5: bool) -> Command {
        let Maker { function, file, lines, .. } = self.maker;
        Command { maker: Maker { function, file, lines, direct: (in_3_6, in_3_5) }, ..self }
    }

    /// The subcommands a release has, in etcdctl's order.
    pub fn subs(&self, release: Release) -> impl Iterator<Item = &'static Command> + use<> {
        self.subs.iter().filter(move |sub| sub.since.has(release))
    }

    /// Whether help and completion offer it.
    pub fn offered(&self) -> bool {
        !matches!(self.run, Run::Later | Run::Hidden(_))
            && (self.subs.is_empty() || self.subs.iter().any(Command::offered))
    }
}

/// All flags a command understands: its own and those of the commands above it.
pub(crate) fn flags_of(path: &[&'static Command], release: Release) -> Flags {
    let mut flags = Flags::default();
    if let Some(command) = path.last() {
        flags.add(command.flags, release);
    }
    for command in path.iter().rev() {
        flags.add(command.inherited, release);
    }
    flags
}

const FORMATS: &[&str] = &["fields", "json", "protobuf", "simple", "table"];

/// The flags every command has, in the order of their names.
pub(super) static GLOBAL: &[Flag] = &[
    Flag::new(
        "cacert",
        Kind::Text,
        "",
        "CA bundle that a TLS server's certificate is checked against",
    ),
    Flag::new("cert", Kind::Text, "", "TLS certificate file to show to the server"),
    Flag::new(
        "command-timeout",
        Kind::Duration,
        "5s",
        "how long a short command may take, without dialing",
    ),
    Flag::switch("debug", "write what the client does to standard error"),
    Flag::new("dial-timeout", Kind::Duration, "2s", "how long the first connection may take"),
    Flag::new("discovery-srv", Kind::Text, "", "domain whose SRV records name the endpoints")
        .short('d'),
    Flag::new("discovery-srv-name", Kind::Text, "", "service name to look up in those SRV records"),
    Flag::new("endpoints", Kind::List, "127.0.0.1:2379", "members to talk to, separated by commas"),
    Flag::switch("hex", "print keys, values and ids in hexadecimal"),
    Flag::new("insecure-discovery", Kind::Bool, "true", "take SRV records of servers without TLS"),
    Flag::switch(
        "insecure-skip-tls-verify",
        "do not check the server's certificate (only for tests)",
    ),
    Flag::new("insecure-transport", Kind::Bool, "true", "talk without TLS"),
    Flag::new("keepalive-time", Kind::Duration, "2s", "time between the client's keep-alive pings"),
    Flag::new(
        "keepalive-timeout",
        Kind::Duration,
        "6s",
        "how long to wait for the answer to such a ping",
    ),
    Flag::new("key", Kind::Text, "", "key file of the TLS certificate"),
    Flag::new("max-recv-bytes", Kind::Int, "0", "largest answer to take, in bytes (0: 2147483647)")
        .since(Since::V36),
    Flag::new(
        "max-request-bytes",
        Kind::Int,
        "0",
        "largest request to send, in bytes (0: 2097152)",
    )
    .since(Since::V36),
    Flag::new("password", Kind::Text, "", "password of --user"),
    Flag::new("user", Kind::Text, "", "name[:password] to log in with"),
    Flag::new(
        "write-out",
        Kind::Text,
        "simple",
        "output format: fields, json, protobuf, simple or table",
    )
    .short('w')
    .values(FORMATS),
];

const PREFIX: &str = "all keys that begin with <key>";
const FROM_KEY: &str = "all keys from <key> on, in byte order";
const PREV_KV: &str = "show the pair as it was before";
const PEER_URLS: &str = "the member's peer URLs, separated by commas";
const CONSISTENCY: Flag =
    Flag::new("consistency", Kind::Text, "l", "l for linearizable, s for serializable")
        .values(&["l", "s"]);
const CLUSTER: Flag = Flag::switch("cluster", "ask every member of the cluster's member list");

static GET: [Flag; 14] = [
    CONSISTENCY,
    Flag::switch("count-only", "only the number of keys"),
    Flag::switch("from-key", FROM_KEY),
    Flag::switch("keys-only", "only the keys"),
    Flag::new("limit", Kind::Int, "0", "at most so many pairs"),
    Flag::new("max-create-rev", Kind::Int, "0", "only keys created at or before this revision")
        .since(Since::V36),
    Flag::new("max-mod-rev", Kind::Int, "0", "only keys changed last at or before this revision")
        .since(Since::V36),
    Flag::new("min-create-rev", Kind::Int, "0", "only keys created at or after this revision")
        .since(Since::V36),
    Flag::new("min-mod-rev", Kind::Int, "0", "only keys changed last at or after this revision")
        .since(Since::V36),
    Flag::new("order", Kind::Text, "", "ASCEND (the default) or DESCEND")
        .values(&["ASCEND", "DESCEND"]),
    Flag::switch("prefix", PREFIX),
    Flag::switch("print-value-only", "with simple output, only the values"),
    Flag::new("rev", Kind::Int, "0", "read at this revision of the store"),
    Flag::new("sort-by", Kind::Text, "", "CREATE, KEY, MODIFY, VALUE or VERSION")
        .values(&["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"]),
];

static PUT: [Flag; 4] = [
    Flag::switch("ignore-lease", "keep the lease the key has"),
    Flag::switch("ignore-value", "keep the value the key has"),
    Flag::new("lease", Kind::Text, "0", "attach the key to this lease (hexadecimal id)"),
    Flag::switch("prev-kv", PREV_KV),
];

static DEL: [Flag; 4] = [
    Flag::switch("from-key", FROM_KEY),
    Flag::switch("prefix", PREFIX),
    Flag::switch("prev-kv", PREV_KV),
    Flag::switch("range", "yes, delete the range, without the pause to think"),
];

static WATCH: [Flag; 5] = [
    Flag::switch("interactive", "read watch requests from standard input").short('i'),
    Flag::switch("prefix", PREFIX),
    Flag::switch("prev-kv", PREV_KV),
    Flag::switch("progress-notify", "have the server report its progress now and then"),
    Flag::new("rev", Kind::Int, "0", "begin at this revision"),
];

const PUT_ABOUT: &str =
    "Stores <value> under <key>. Without <value> all of standard input is the value.
A value that begins with a dash needs -- before it: put <key> -- <value>";

const TXN_ABOUT: &str =
    "Reads three blocks of lines from standard input, each ended by an empty line:
comparisons, requests to do if all of them hold, requests to do otherwise.

  mod(\"key1\") > \"0\"

  put key1 \"changed\"

  put key1 \"created\"
";

const GET_COMMAND: Command = Command::new(
    "get",
    "[options] <key> [range_end]",
    "Reads a key or a range of keys",
    Run::Does(|c| Box::pin(kv::get(c))),
)
.flags(&GET)
.made_at("getCommandFunc", "get_command.go", (84, 64));

const PUT_COMMAND: Command = Command::new(
    "put",
    "[options] <key> <value> (<value> can also be given from stdin)",
    "Stores a value under a key",
    Run::Does(|c| Box::pin(kv::put(c))),
)
.flags(&PUT)
.about(PUT_ABOUT)
.made_at("putCommandFunc", "put_command.go", (73, 72));

const DEL_COMMAND: Command = Command::new(
    "del",
    "[options] <key> [range_end]",
    "Deletes a key or a range of keys",
    Run::Does(|c| Box::pin(kv::del(c))),
)
.flags(&DEL)
.made_at("delCommandFunc", "del_command.go", (54, 52));

/// The root of the requests inside a transaction, which cobra parses like command lines.
pub(super) static TXN_ROOT: Command =
    Command { subs: &[PUT_COMMAND, GET_COMMAND, DEL_COMMAND], ..Command::group("", "", &[]) };

static ALARM: [Command; 2] = [
    Command::new(
        "disarm",
        "",
        "Takes back all alarms",
        Run::Does(|c| Box::pin(maintenance::alarm_disarm(c))),
    )
    .made_at("alarmDisarmCommandFunc", "alarm_command.go", (54, 53)),
    Command::new(
        "list",
        "",
        "Lists the alarms that are on",
        Run::Does(|c| Box::pin(maintenance::alarm_list(c))),
    )
    .made_at("alarmListCommandFunc", "alarm_command.go", (77, 76)),
];

static ENDPOINT: [Command; 3] = [
    Command::new(
        "health",
        "",
        "Tests whether members can commit a proposal",
        Run::Does(|c| Box::pin(endpoint::health(c))),
    )
    .made_at("epHealthCommandFunc", "ep_command.go", (99, 96))
    .direct(true, true),
    Command::new(
        "status",
        "",
        "Shows the state of members",
        Run::Does(|c| Box::pin(endpoint::status(c))),
    )
    .about("With simple output one line a member, its items in the order of the table's columns.")
    .made_at("epStatusCommandFunc", "ep_command.go", (186, 187))
    .direct(true, false),
    Command::new(
        "hashkv",
        "",
        "Shows a hash over the history of keys of members",
        Run::Does(|c| Box::pin(endpoint::hashkv(c))),
    )
    .inherited(&[Flag::new("rev", Kind::Int, "0", "hash up to this revision (0: the newest)")])
    .made_at("epHashKVCommandFunc", "ep_command.go", (218, 216))
    .direct(true, false),
];

static LEASE: [Command; 5] =
    [
        Command::new(
            "grant",
            "<ttl>",
            "Makes a lease of so many seconds",
            Run::Does(|c| Box::pin(lease::grant(c))),
        )
        .made_at("leaseGrantCommandFunc", "lease_command.go", (68, 68)),
        Command::new(
            "revoke",
            "<leaseID>",
            "Ends a lease and deletes its keys",
            Run::Does(|c| Box::pin(lease::revoke(c))),
        )
        .made_at("leaseRevokeCommandFunc", "lease_command.go", (96, 96)),
        Command::new(
            "timetolive",
            "<leaseID> [options]",
            "Shows how long a lease has to live",
            Run::Does(|c| Box::pin(lease::timetolive(c))),
        )
        .flags(&[Flag::switch("keys", "show the attached keys too")])
        .made_at("leaseTimeToLiveCommandFunc", "lease_command.go", (128, 128)),
        Command::new("list", "", "Lists the leases", Run::Does(|c| Box::pin(lease::list(c))))
            .made_at("leaseListCommandFunc", "lease_command.go", (147, 147)),
        Command::new(
            "keep-alive",
            "[options] <leaseID>",
            "Renews a lease until interrupted",
            Run::Does(|c| Box::pin(lease::keep_alive(c))),
        )
        .flags(&[Flag::switch("once", "renew it once and end")])
        .made_at("leaseKeepAliveCommandFunc", "lease_command.go", (187, 189)),
    ];

static MEMBER: [Command; 5] = [
    Command::new(
        "add",
        "<memberName> [options]",
        "Adds a member to the cluster",
        Run::Does(|c| Box::pin(member::add(c))),
    )
    .flags(&[
        Flag::switch("learner", "add it as a learner, which does not vote"),
        Flag::new("peer-urls", Kind::Text, "", PEER_URLS),
    ])
    .made_at("memberAddCommandFunc", "member_command.go", (145, 141)),
    Command::new(
        "remove",
        "<memberID>",
        "Removes a member from the cluster",
        Run::Does(|c| Box::pin(member::remove(c))),
    )
    .made_at("memberRemoveCommandFunc", "member_command.go", (195, 191)),
    Command::new(
        "update",
        "<memberID> [options]",
        "Gives a member other peer URLs",
        Run::Does(|c| Box::pin(member::update(c))),
    )
    .flags(&[Flag::new("peer-urls", Kind::Text, "", PEER_URLS)])
    .made_at("memberUpdateCommandFunc", "member_command.go", (221, 217)),
    Command::new(
        "list",
        "",
        "Lists the members of the cluster",
        Run::Does(|c| Box::pin(member::list(c))),
    )
    .about("With simple output one line a member, its items in the order of the table's columns.")
    .flags(&[CONSISTENCY.since(Since::V36)])
    .made_at("memberListCommandFunc", "member_command.go", (237, 229)),
    Command::new(
        "promote",
        "<memberID>",
        "Makes a learner a voter",
        Run::Does(|c| Box::pin(member::promote(c))),
    )
    .made_at("memberPromoteCommandFunc", "member_command.go", (258, 250)),
];

static SNAPSHOT: [Command; 3] = [
    Command::new(
        "save",
        "<filename>",
        "Stores a member's data in a file",
        Run::Does(|c| Box::pin(maintenance::snapshot_save(c))),
    )
    .made_at("snapshotSaveCommandFunc", "snapshot_command.go", (79, 112)),
    Command::new(
        "restore",
        "<filename> [options]",
        "Makes a data directory from a snapshot (now in etcdutl)",
        Run::Does(|c| Box::pin(maintenance::snapshot_restore(c))),
    )
    .flags(&RESTORE)
    .since(Since::Until35),
    Command::new(
        "status",
        "<filename>",
        "Shows what a snapshot holds (now in etcdutl)",
        Run::Does(|c| Box::pin(maintenance::snapshot_status(c))),
    )
    .since(Since::Until35),
];

static RESTORE: [Flag; 10] = restore_flags("0");

/// The shells that completion scripts are printed for.
pub(crate) const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// How to use those scripts.
pub(crate) const COMPLETION_ABOUT: &str =
    "Source the script in your shell, or put it where your shell looks for completions.";

static MIRROR: [Flag; 11] = [
    Flag::new("dest-cacert", Kind::Text, "", "CA bundle for the destination"),
    Flag::new("dest-cert", Kind::Text, "", "TLS certificate file to show to the destination"),
    Flag::new("dest-insecure-transport", Kind::Bool, "true", "talk to the destination without TLS"),
    Flag::new("dest-key", Kind::Text, "", "key file of that certificate"),
    Flag::new("dest-password", Kind::Text, "", "password of --dest-user"),
    Flag::new("dest-prefix", Kind::Text, "", "what stands for --prefix in the destination"),
    Flag::new("dest-user", Kind::Text, "", "name[:password] to log in with at the destination"),
    Flag::new("max-txn-ops", Kind::Uint, "128", "at most so many changes in one transaction")
        .since(Since::V36),
    Flag::switch("no-dest-prefix", "leave --prefix out of the keys in the destination"),
    Flag::new("prefix", Kind::Text, "", PREFIX),
    Flag::new("rev", Kind::Int, "0", "begin with the changes of this revision").since(Since::V36),
];

static AUTH: [Command; 3] = [
    Command::new("enable", "", "Turns authentication on", Run::Does(|c| Box::pin(auth::enable(c))))
        .made_at("authEnableCommandFunc", "auth_command.go", (80, 78)),
    Command::new(
        "disable",
        "",
        "Turns authentication off",
        Run::Does(|c| Box::pin(auth::disable(c))),
    )
    .made_at("authDisableCommandFunc", "auth_command.go", (118, 116)),
    Command::new(
        "status",
        "",
        "Shows whether authentication is on",
        Run::Does(|c| Box::pin(auth::status(c))),
    )
    .made_at("authStatusCommandFunc", "auth_command.go", (56, 54)),
];

const INTERACTIVE: Flag =
    Flag::new("interactive", Kind::Bool, "true", "ask for the password at the terminal");

static USER: [Command; 7] = [
    Command::new(
        "add",
        "<user name or user:password> [options]",
        "Adds a user",
        Run::Does(|c| Box::pin(auth::user_add(c))),
    )
    .flags(&[
        INTERACTIVE,
        Flag::new("new-user-password", Kind::Text, "", "the password"),
        Flag::switch("no-password", "no password: the user shows a certificate"),
    ])
    .made_at("userAddCommandFunc", "user_command.go", (164, 165)),
    Command::new(
        "delete",
        "<user name>",
        "Deletes a user",
        Run::Does(|c| Box::pin(auth::user_delete(c))),
    )
    .made_at("userDeleteCommandFunc", "user_command.go", (178, 179)),
    Command::new(
        "get",
        "<user name> [options]",
        "Shows the roles of a user",
        Run::Does(|c| Box::pin(auth::user_get(c))),
    )
    .flags(&[Flag::switch("detail", "show what the roles permit")])
    .made_at("userGetCommandFunc", "user_command.go", (192, 193)),
    Command::new("list", "", "Lists the users", Run::Does(|c| Box::pin(auth::user_list(c))))
        .made_at("userListCommandFunc", "user_command.go", (219, 220)),
    Command::new(
        "passwd",
        "<user name> [options]",
        "Gives a user another password",
        Run::Does(|c| Box::pin(auth::user_passwd(c))),
    )
    .flags(&[INTERACTIVE])
    .made_at("userChangePasswordCommandFunc", "user_command.go", (241, 242)),
    Command::new(
        "grant-role",
        "<user name> <role name>",
        "Gives a user a role",
        Run::Does(|c| Box::pin(auth::user_grant_role(c))),
    )
    .made_at("userGrantRoleCommandFunc", "user_command.go", (255, 256)),
    Command::new(
        "revoke-role",
        "<user name> <role name>",
        "Takes a role from a user",
        Run::Does(|c| Box::pin(auth::user_revoke_role(c))),
    )
    .made_at("userRevokeRoleCommandFunc", "user_command.go", (269, 270)),
];

static RANGE: [Flag; 2] = [Flag::switch("from-key", FROM_KEY), Flag::switch("prefix", PREFIX)];

static ROLE: [Command; 6] = [
    Command::new("add", "<role name>", "Adds a role", Run::Does(|c| Box::pin(auth::role_add(c))))
        .made_at("roleAddCommandFunc", "role_command.go", (113, 112)),
    Command::new(
        "delete",
        "<role name>",
        "Deletes a role",
        Run::Does(|c| Box::pin(auth::role_delete(c))),
    )
    .made_at("roleDeleteCommandFunc", "role_command.go", (127, 126)),
    Command::new(
        "get",
        "<role name>",
        "Shows what a role permits",
        Run::Does(|c| Box::pin(auth::role_get(c))),
    )
    .made_at("roleGetCommandFunc", "role_command.go", (142, 141)),
    Command::new("list", "", "Lists the roles", Run::Does(|c| Box::pin(auth::role_list(c))))
        .made_at("roleListCommandFunc", "role_command.go", (156, 155)),
    Command::new(
        "grant-permission",
        "[options] <role name> <permission type> <key> [endkey]",
        "Permits a role to read, write or readwrite keys",
        Run::Does(|c| Box::pin(auth::role_grant(c))),
    )
    .flags(&RANGE)
    .made_at("roleGrantPermissionCommandFunc", "role_command.go", (176, 175)),
    Command::new(
        "revoke-permission",
        "<role name> <key> [endkey]",
        "Takes a permission from a role",
        Run::Does(|c| Box::pin(auth::role_revoke(c))),
    )
    .flags(&RANGE)
    .made_at("roleRevokePermissionCommandFunc", "role_command.go", (191, 190)),
];

const AUTO_COMPACT: Flag = Flag::switch("auto-compact", "compact the store when it is done");
const AUTO_DEFRAG: Flag = Flag::switch("auto-defrag", "defragment the members when it is done");
const LOAD: Flag = Flag::new("load", Kind::Text, "s", "how much: small, medium, large or xLarge")
    .values(&["small", "medium", "large", "xLarge"]);

static CHECK: [Command; 2] = [
    Command::new(
        "perf",
        "[options]",
        "Tests whether the cluster keeps up with a rate of writes",
        Run::Does(|c| Box::pin(check::perf(c))),
    )
    .flags(&[
        AUTO_COMPACT,
        AUTO_DEFRAG,
        LOAD,
        Flag::new("prefix", Kind::Text, "/etcdctl-check-perf/", "how the keys it writes begin"),
    ])
    .made_at("newCheckPerfCommand", "check.go", (158, 155))
    .direct(true, true),
    Command::new(
        "datascale",
        "[options]",
        "Measures the memory a member takes for a load of keys",
        Run::Does(|c| Box::pin(check::datascale(c))),
    )
    .flags(&[
        AUTO_COMPACT,
        AUTO_DEFRAG,
        LOAD,
        Flag::new(
            "prefix",
            Kind::Text,
            "/etcdctl-check-datascale/",
            "how the keys it writes begin",
        ),
    ])
    .made_at("newCheckDatascaleCommand", "check.go", (329, 328))
    .direct(true, true),
];

static DOWNGRADE: [Command; 3] = [
    Command::new(
        "validate",
        "<TARGET_VERSION>",
        "Tests whether the cluster could go back to a release",
        Run::Does(|c| Box::pin(maintenance::downgrade(c, DowngradeAction::Validate))),
    )
    .made_at("downgradeValidateCommandFunc", "downgrade_command.go", (88, 0)),
    Command::new(
        "enable",
        "<TARGET_VERSION>",
        "Begins to go back to a release",
        Run::Does(|c| Box::pin(maintenance::downgrade(c, DowngradeAction::Enable))),
    )
    .made_at("downgradeEnableCommandFunc", "downgrade_command.go", (114, 0)),
    Command::new(
        "cancel",
        "",
        "Stays with the release it has",
        Run::Does(|c| Box::pin(maintenance::downgrade(c, DowngradeAction::Cancel))),
    )
    .made_at("downgradeCancelCommandFunc", "downgrade_command.go", (128, 0)),
];

static COMMANDS: &[Command] = &[
    GET_COMMAND,
    PUT_COMMAND,
    DEL_COMMAND,
    Command::new(
        "txn",
        "[options]",
        "Does several requests in one transaction",
        Run::Does(|c| Box::pin(txn::run(c))),
    )
    .about(TXN_ABOUT)
    .flags(&[Flag::switch("interactive", "say what is asked for").short('i')])
    .made_at("txnCommandFunc", "txn_command.go", (76, 53)),
    Command::new(
        "compaction",
        "[options] <revision>",
        "Forgets the history before a revision",
        Run::Does(|c| Box::pin(maintenance::compaction(c))),
    )
    .flags(&[Flag::switch("physical", "wait until the old revisions are gone from the file")])
    .made_at("compactionCommandFunc", "compaction_command.go", (56, 55)),
    Command::group("alarm", "Commands about alarms", &ALARM),
    Command::new(
        "defrag",
        "",
        "Rewrites the data files of members without holes",
        Run::Does(|c| Box::pin(maintenance::defrag(c))),
    )
    .flags(&[Flag::new(
        "data-dir",
        Kind::Text,
        "",
        "defragment this directory of a stopped member",
    )
    .since(Since::Until35)])
    .inherited(&[CLUSTER])
    .made_at("defragCommandFunc", "defrag_command.go", (40, 53))
    .direct(true, false),
    Command::group("endpoint", "Commands about single members", &ENDPOINT).inherited(&[CLUSTER]),
    Command::new(
        "move-leader",
        "<transferee-member-id>",
        "Hands leadership to another member",
        Run::Does(|c| Box::pin(maintenance::move_leader(c))),
    )
    .made_at("transferLeadershipCommandFunc", "move_leader_command.go", (47, 46))
    .direct(true, true),
    Command::new(
        "watch",
        "[options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
        "Shows changes of keys as they happen",
        Run::Does(|c| Box::pin(watch::run(c))),
    )
    .flags(&WATCH)
    .made_at("watchCommandFunc", "watch_command.go", (81, 81)),
    Command::new(
        "version",
        "",
        "Shows the version of etcdctl",
        Run::Does(|c| Box::pin(misc::version(c))),
    ),
    Command::group("lease", "Commands about leases", &LEASE),
    Command::group("member", "Commands about the members of the cluster", &MEMBER),
    Command::group("snapshot", "Commands about snapshots of the data", &SNAPSHOT),
    Command::new(
        "make-mirror",
        "[options] <destination>",
        "Copies keys to another cluster, and every change of them",
        Run::Does(|c| Box::pin(mirror::run(c))),
    )
    .flags(&MIRROR)
    .made_at("makeMirrorCommandFunc", "make_mirror_command.go", (135, 124)),
    Command::new(
        "lock",
        "<lockname> [exec-command arg1 arg2 ...]",
        "Takes a lock and holds it, or holds it while a command runs",
        Run::Does(|c| Box::pin(lock::lock(c))),
    )
    .flags(&[Flag::new("ttl", Kind::Int, "10", "seconds the lock outlives a lost holder")])
    .made_at("lockCommandFunc", "lock_command.go", (50, 50)),
    Command::new(
        "elect",
        "<election-name> [proposal]",
        "Stands for election, or watches one",
        Run::Does(|c| Box::pin(lock::elect(c))),
    )
    .flags(&[Flag::switch("listen", "only watch who leads").short('l')])
    .made_at("electCommandFunc", "elect_command.go", (48, 50)),
    Command::group("auth", "Commands about authentication", &AUTH),
    Command::group("user", "Commands about users", &USER),
    Command::group("role", "Commands about roles", &ROLE),
    Command::group("check", "Commands that check properties of the cluster", &CHECK),
    Command::new(
        "completion",
        "[bash|zsh|fish|powershell]",
        "Prints a completion script for a shell",
        Run::Does(|c| Box::pin(misc::completion(c))),
    )
    .about(COMPLETION_ABOUT)
    .one_of(&SHELLS)
    .since(Since::V36),
    Command::group("downgrade", "Commands about going back a release", &DOWNGRADE)
        .since(Since::V36),
    Command::new("help", "[command]", "Explains a command", Run::Does(|c| Box::pin(misc::help(c)))),
];

/// etcdctl itself.
pub(crate) static ROOT: Command = Command {
    inherited: GLOBAL,
    subs: COMMANDS,
    ..Command::new("etcdctl", "", "Talks to an etcd cluster from the command line.", Run::Group)
};
