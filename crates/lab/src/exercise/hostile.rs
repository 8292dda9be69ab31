//! Exercise files from strangers: huge, deep, absurd. Each is refused with a sentence or
//! begins; none of them ends the engine.

use super::*;
use crate::session::Session;

const GOOD: &str = r#"slug = "one"
title = "One"
label = "DEEP"
minutes = 1
task = "Put a."

[[check]]
id = "a"
text = "a is there"
when = { key = { name = "a" } }

[life]
text = "The same."
"#;

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    GOOD.replace(from, to)
}

fn refused(source: &str) -> String {
    let why = Exercise::read(source, 1).map(|_| "it was taken").unwrap_err().to_string();
    assert!(!why.is_empty() && why.len() < 2000, "{} bytes", why.len());
    why
}

fn when(question: &str) -> String {
    with("{ key = { name = \"a\" } }", question)
}

/// On a stack as small as a browser gives.
fn on_small_stack(run: fn()) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    thread.expect("a thread can be started").join().expect("it comes through");
}

#[test]
fn too_much_of_anything_is_refused() {
    assert!(refused(&format!("{GOOD}#{}", "x".repeat(600 << 10))).contains("at most 512 KiB"));
    let checks = "[[check]]\nid = \"ID\"\ntext = \"t\"\nwhen = { quorum = true }\n".repeat(65);
    let many = format!("{GOOD}\n{checks}");
    assert_eq!(refused(&many), "check: there are 66, expected at most 64");
    let start = format!("start = [{}]\ntask =", "\"true\",".repeat(201));
    assert_eq!(refused(&with("task =", &start)), "start: there are 201, expected at most 200");
    let title = format!("title = \"{}\"", "x".repeat(121));
    assert_eq!(
        refused(&with("title = \"One\"", &title)),
        "title: it has 121 characters, expected at most 120"
    );
    let wide = format!("{{ any = [{}] }}", "{ quorum = true },".repeat(1001));
    assert!(refused(&when(&wide)).starts_with("check 'a', when: expected at most 24"));
}

#[test]
fn deep_nesting_is_refused() {
    on_small_stack(|| {
        for deep in [30, 100, 5000, 40_000] {
            let inline =
                format!("{}{{ quorum = true }}{}", "{ not = ".repeat(deep), " }".repeat(deep));
            refused(&when(&inline));
            refused(&when(&format!("{{ all = {}{} }}", "[".repeat(deep), "]".repeat(deep))));
            // The same in keys with dots, in every place that takes a key.
            let dotted = format!("when.{}quorum = true", "not.".repeat(deep));
            refused(&with("when = { key = { name = \"a\" } }", &dotted));
            refused(&when(&format!("{{ {}quorum = true }}", "not.".repeat(deep))));
            refused(&format!("{GOOD}\n[{}x]\n", "a.".repeat(deep)));
            refused(&format!("{GOOD}\n[check.{}x]\ny = 1\n", "when.not.".repeat(deep)));
            let quoted = format!("when.{}quorum = true", "\"not\" . ".repeat(deep));
            refused(&with("when = { key = { name = \"a\" } }", &quoted));
        }
    });
}

#[test]
fn drawn_values_cannot_grow_without_end() {
    let mut draw = String::from("[draw]\na = [\"");
    draw.push_str(&"x".repeat(1000));
    draw.push_str("\"]\n");
    for pair in ["ba", "cb", "dc", "ed", "fe"] {
        let (name, of) = pair.split_at(1);
        draw.push_str(&format!("{name} = [\"{}\"]\n", format!("${{{of}}}").repeat(20)));
    }
    // Each line is put in before the next: from the last to the first they multiply.
    for order in [["f", "e", "d", "c", "b", "a"], ["a", "b", "c", "d", "e", "f"]] {
        let mut renamed = draw.clone();
        for (place, name) in order.iter().enumerate() {
            renamed = renamed.replace(&format!("${{{name}}}"), &format!("${{v{place}}}"));
            renamed = renamed.replace(&format!("\n{name} ="), &format!("\nv{place} ="));
        }
        let source = format!("{}\n{renamed}", with("Put a.", "Put ${v5}${v0}."));
        if let Ok(exercise) = Exercise::read(&source, 1) {
            assert!(exercise.task.len() < 2 << 20);
        }
    }
    let many = format!(
        "{}\n[draw]\nv = [\"{}\"]\n",
        with("Put a.", &"${v}".repeat(9000)),
        "y".repeat(9000)
    );
    assert_eq!(refused(&many), "draw.v: it makes more than 1024 KiB of this");
}

#[test]
fn absurd_numbers_are_refused_or_harmless() {
    for (question, named) in [
        ("{ steady-seconds = -1 }", "line 10, when"),
        ("{ steady-seconds = 99999999999 }", "line 10, when"),
        ("{ elections = 1e400 }", "line 10, when"),
        ("{ revision-at-least = 99999999999999999999 }", "line 10, when"),
        ("{ quorum = 1 }", "line 10, when"),
        ("{ leases = nan }", "line 10, when"),
    ] {
        let why = refused(&when(question));
        assert!(why.starts_with(named), "{question}: {why}");
    }
    for members in ["0", "10", "255"] {
        let world = format!("[world]\nmembers = {members}\n[life]");
        assert!(refused(&with("[life]", &world)).starts_with("world: "), "{members}");
    }
    assert!(refused(&with("[life]", "[world]\nname = \"../x\"\n[life]")).starts_with("world: "));
    assert!(refused(&with("[life]", "[world]\nrelease = \"9\"\n[life]")).starts_with("world: "));
    let huge = "{ any = [ { terms-passed = 9223372036854775807 }, { steady-seconds = 4294967295 }, \
                { revision-at-least = 9223372036854775807 }, { leases = 9223372036854775807 }, \
                { lasting = { that = { quorum = true }, seconds = 4294967295 } }, \
                { keys = { prefix = \"\", at_least = 9223372036854775807 } }, \
                { ran = { program = \"true\", times = 4294967295 } }, \
                { in-use-below-bytes = 0 }, { voter-count = 4294967295 } ] }";
    let session = begun(&when(huge));
    assert!(!session.lesson().unwrap().checks[0].holds);
}

fn begun(source: &str) -> Session {
    let mut typist = prepare(source, 1).expect("it is an exercise");
    let until_us = typist.session().now_us() + 2_000_000;
    typist.session_mut().advance(until_us, u32::MAX).expect("time passes");
    typist.into_session()
}

#[test]
fn names_of_nothing_and_patterns_of_anything_are_looked_for_in_vain() {
    let odd = "{ any = [ { leader = \"\" }, { running = [\"n99\", \"\", \"<b>\"] }, \
               { flag = { host = \"n0\", name = \"\", is = \"*\" } }, \
               { file = { host = \"\", path = \"\" } }, { file = { host = \"n1\", path = \"/\\u0000\" } }, \
               { key = { name = \"\", on = \"n77\" } }, { alarm = \"\\u202e\" }, \
               { ran = { program = \"*\", args = [\"****************************************x\"] } }, \
               { answered = { name = \"@leader\", is = \"@nothing\" } }, \
               { did = { sim = \"\" } }, { then = [ { elections = 4000 } ] } ] }";
    let session = begun(&when(odd));
    assert!(!session.lesson().unwrap().checks[0].holds);
}

#[test]
fn a_start_that_fails_or_never_ends_is_told() {
    let start = |lines: &str| with("task =", &format!("start = [{lines}]\ntask ="));
    let why = |lines: &str| prepare(&start(lines), 1).map(|_| ()).unwrap_err();
    assert!(why("\"no-such-program\"").contains("'no-such-program' ended with status 127"));
    assert!(why("\"@n77 true\"").contains("n77"));
    assert!(why("\"sleep 100000\"").contains("ended with status 130"));
    let lines = "\"sleep 500\",".repeat(100);
    assert!(why(&lines).contains("start: it takes more than"), "{}", why(&lines));
}

#[test]
fn text_is_text() {
    let html = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    let source = with("task = \"Put a.\"", &format!("task = \"{html}\""));
    assert_eq!(Exercise::read(&source, 1).unwrap().task, html);
    let read = "text = \"The same.\"\nread = [\"javascript:alert(1)\"]";
    assert_eq!(
        refused(&with("text = \"The same.\"", read)),
        "life.read: 'javascript:alert(1)' is no page, expected https://..."
    );
    for binary in ["\0\0\0", "\u{feff}", "=== ", "=== text.md", "\r\r\r", "[[[[", "\"\"\"", "'''"] {
        refused(binary);
        let behind = format!("{GOOD}{binary}{binary}\u{1}");
        // What comes after such a line is another file, and has to be one.
        match binary.starts_with('=') {
            true => drop(Folder::parse(&behind).unwrap_err()),
            false => drop(refused(&behind)),
        }
    }
}
