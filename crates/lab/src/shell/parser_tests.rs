//! The grammar, by its texts.

use super::*;

fn error(text: &str) -> String {
    let mut parser = Parser::new(text, 1);
    parser.whole_script().expect_err(text).to_string()
}

#[test]
fn incomplete_texts_ask_for_more() {
    let open = [
        "echo 'a",
        "echo \"a",
        "echo $'a",
        "echo `a",
        "echo $(a",
        "echo ${a",
        "echo $((1+",
        "a |",
        "a |&",
        "a &&",
        "a ||",
        "a \\",
        "a && # c",
        "( a",
        "(",
        "{ a",
        "{",
        "if a",
        "if a; then",
        "if a; then b",
        "if a; then b; else",
        "while a; do b",
        "for i in 1 2",
        "for i in 1; do",
        "for i",
        "case a in",
        "case a in b) c",
        "case a in b) c;;",
        "f()",
        "f() {",
        "cat <<E",
        "cat <<E\nx",
        "cat <<-E\n\tx\n",
        "cat <<'E'\n$(",
        "a\nb |",
        "echo $(cat <<E\nx\n",
        "echo \"$(echo 'a",
        "[[ a &&",
        "a=\"b\nc",
    ];
    for text in open {
        assert!(needs_more(text), "{text:?} is complete");
    }
}

#[test]
fn complete_texts_do_not() {
    let whole = [
        "",
        "  ",
        "# it's",
        "echo a",
        "echo 'a' \"b\"",
        "a | b",
        "a; b",
        "a &",
        "( a )",
        "{ a; }",
        "if a; then b; fi",
        "while a; do b; done",
        "for i in 1 2; do :; done",
        "f() { a; }",
        "case a in b) c;; esac",
        "cat <<E\nx\nE",
        "cat <<-E\n\tx\n\tE\n",
        "cat <<A <<B\na\nA\nb\nB",
        "echo $(cat <<E\nx\nE\n)",
        "echo )",
        "a | | b",
        "echo \\\\",
        "echo 'a\\'",
        "a \\\nb",
        "echo a#b",
        "[[ a == b ]]",
        "(( 1 + 2 ))",
        "for ((i=0;i<3;i++)); do :; done",
        "echo >",
        "fi",
        "echo ${a:-}",
        "echo \"${a:-'}\"",
        "echo $(( (1+2)*3 ))",
    ];
    for text in whole {
        assert!(!needs_more(text), "{text:?} is open");
    }
}

#[test]
fn mistakes_have_the_texts_of_bash() {
    let table = [
        ("echo )", "syntax error near unexpected token `)'"),
        ("echo \"abc", "unexpected EOF while looking for matching `\"'"),
        ("echo 'abc", "unexpected EOF while looking for matching `''"),
        ("if true; then", "syntax error: unexpected end of file"),
        ("echo $(ls", "unexpected EOF while looking for matching `)'"),
        ("echo `ls", "unexpected EOF while looking for matching ``'"),
        ("( ls", "syntax error: unexpected end of file"),
        ("foo() ", "syntax error: unexpected end of file"),
        ("| a", "syntax error near unexpected token `|'"),
        ("a | | b", "syntax error near unexpected token `|'"),
        ("&& a", "syntax error near unexpected token `&&'"),
        ("if true; fi", "syntax error near unexpected token `fi'"),
        ("for", "syntax error near unexpected token `newline'"),
        ("case x in", "syntax error: unexpected end of file"),
        ("echo ${x", "unexpected EOF while looking for matching `}'"),
        ("a ;; b", "syntax error near unexpected token `;;'"),
        ("}", "syntax error near unexpected token `}'"),
        ("{ }", "syntax error near unexpected token `}'"),
        ("()", "syntax error near unexpected token `)'"),
        ("echo >", "syntax error near unexpected token `newline'"),
        ("if; then", "syntax error near unexpected token `;'"),
        ("echo a & && b", "syntax error near unexpected token `&&'"),
        ("foo bar() { :; }", "syntax error near unexpected token `('"),
        ("[[ a b c ]]", "conditional binary operator expected"),
    ];
    for (text, expected) in table {
        assert_eq!(error(text), expected, "{text:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let text = "(".repeat(1000);
    assert!(error(&text).contains("nesting"));
    let text = "echo $(".repeat(1000);
    assert!(error(&text).contains("nesting"));
    let text = "${a:-".repeat(1000);
    assert!(error(&text).contains("nesting"));
    let text = "[[ ! ! ".to_owned() + &"! ".repeat(1000);
    assert!(error(&text).contains("nesting"));
}

#[test]
fn background_items_keep_their_text() {
    let mut parser = Parser::new("sleep 5  & echo a&&b ; c", 1);
    let script = parser.next_line().expect("it parses").expect("it is not empty");
    let texts: Vec<_> =
        script.items.iter().map(|item| (item.text.as_str(), item.background)).collect();
    assert_eq!(texts, [("sleep 5", true), ("echo a&&b", false), ("c", false)]);
}

#[test]
fn aliases_are_text() {
    let aliases = Aliases::from([
        ("ll".to_owned(), "ls -l".to_owned()),
        ("ls".to_owned(), "ls -h".to_owned()),
        ("both".to_owned(), "ll; ls".to_owned()),
    ]);
    let mut parser = Parser::new("both x", 1).with_aliases(&aliases);
    let script = parser.next_line().expect("it parses").expect("it is not empty");
    assert_eq!(script.items.len(), 2);
    assert_eq!(script.items[0].text, "ls -h -l");
    assert_eq!(script.items[1].text, "ls -h x");
}

#[test]
fn no_text_makes_it_panic() {
    const PARTS: [&str; 40] = [
        "echo", " ", "\n", ";", "&", "&&", "||", "|", "|&", "(", ")", "{", "}", "if", "then", "fi",
        "for", "in", "do", "done", "case", "esac", ";;", "$(", "`", "'", "\"", "${", "${x:-",
        "$((", "))", "<<E", "E", "\\", "<", ">", "[[", "]]", "é", "#",
    ];
    let mut state = 7u32;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(PARTS[(state >> 16) as usize % PARTS.len()]);
        }
        // What asks for more asks no longer once everything is closed, or is wrong.
        let _ = needs_more(&text);
        let _ = Parser::new(&text, 1).whole_script();
    }
}
