//! A new exercise that works, to be filled in.

use super::bundle::Folder;

const SOURCE: &str = r#"slug = "SLUG"
title = "A short title"
label = "DEEP"
minutes = 5
task = "What to reach, in one sentence."
hints = ["The first hint.", "The last hint says it all."]

[world]
members = 3

[[check]]
id = "there"
text = "The key a holds 1"
when = { key = { name = "a", is = "1" } }

[[wrong]]
id = "other-value"
when = { ran = { program = "etcdctl", args = ["put", "a", "2"] } }
say = "`{command}` stored another value."

[life]
text = "What differs on a real cluster."
read = ["https://etcd.io/docs/v3.6/"]
"#;

/// The files of a new exercise.
pub fn template(slug: &str) -> Folder {
    Folder {
        source: SOURCE.replace("SLUG", slug),
        text: "# A short title\n\nWhat the learner reads.\n".into(),
        solution: "etcdctl put a 1\n".into(),
        scripts: vec![("wrong-other-value.txt".into(), "etcdctl put a 2\n".into())],
    }
}
