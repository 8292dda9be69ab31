//! `version`, `help` and `completion`.

use std::fmt::Write as _;
use std::rc::Rc;

use super::exit::Exit;
use super::parse::{find, topic};
use super::table::ROOT;
use super::{Ctl, help};

pub(super) async fn version(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let release = ctl.release;
    let api = format!("{}.{}", release.major, release.minor);
    ctl.out(format!("etcdctl version: {release}\nAPI version: {api}\n")).await;
    Ok(())
}

pub(super) async fn help(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let path = match find(&ROOT, &ctl.args, ctl.release) {
        Ok((path, _)) => path,
        Err(_) => {
            ctl.err(&format!("Unknown help topic {}\n", topic(&ctl.args))).await;
            vec![&ROOT]
        }
    };
    ctl.out(help::usage(&path, ctl.release)).await;
    Ok(())
}

/// A script of our own that offers the words of the command table.
pub(super) async fn completion(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let mut words = Vec::new();
    for command in ROOT.subs(ctl.release).filter(|command| command.offered()) {
        let subs: Vec<&str> =
            command.subs(ctl.release).filter(|sub| sub.offered()).map(|sub| sub.name).collect();
        words.push((command.name, subs.join(" ")));
    }
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let names = names.join(" ");
    let text = match ctl.args.first().map(String::as_str) {
        Some("bash") => bash(&names, &words),
        Some("zsh") => format!(
            "#compdef etcdctl\ncompdef _etcdctl etcdctl\n\n_etcdctl() {{\n  \
             if (( CURRENT == 2 )); then\n    compadd {names}\n    return\n  fi\n  \
             case ${{words[2]}} in\n{}  esac\n}}\n",
            cases(&words, |subs| format!("compadd {subs}"))
        ),
        Some("fish") => {
            let mut text = format!(
                "# fish completion for etcdctl\ncomplete -c etcdctl -n __fish_use_subcommand -f -a '{names}'\n"
            );
            for (name, subs) in words.iter().filter(|(_, subs)| !subs.is_empty()) {
                let _ = writeln!(
                    text,
                    "complete -c etcdctl -n '__fish_seen_subcommand_from {name}' -f -a '{subs}'"
                );
            }
            text
        }
        _ => format!(
            "# powershell completion for etcdctl\nRegister-ArgumentCompleter -Native -CommandName \
             etcdctl -ScriptBlock {{\n  param($word)\n  '{names}'.Split(' ') | Where-Object {{ \
             $_.StartsWith($word) }}\n}}\n"
        ),
    };
    ctl.out(text).await;
    Ok(())
}

fn bash(names: &str, words: &[(&str, String)]) -> String {
    let title = format!("{:<59}-*- shell-script -*-", "# bash completion for etcdctl");
    format!(
        "{title}\n\n__etcdctl_debug()\n{{\n  [[ -n ${{BASH_COMP_DEBUG_FILE:-}} ]] && echo \"$*\" \
         >> \"$BASH_COMP_DEBUG_FILE\"\n}}\n\n__etcdctl_complete()\n{{\n  \
         local words=\"{names}\"\n  if (( COMP_CWORD > 1 )); then\n    \
         case ${{COMP_WORDS[1]}} in\n{}    *) words= ;;\n    esac\n  fi\n  \
         COMPREPLY=( $(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\") )\n}}\n\n\
         complete -F __etcdctl_complete etcdctl\n",
        cases(words, |subs| format!("words=\"{subs}\""))
    )
}

fn cases(words: &[(&str, String)], action: impl Fn(&str) -> String) -> String {
    words
        .iter()
        .filter(|(_, subs)| !subs.is_empty())
        .map(|(name, subs)| format!("    {name}) {} ;;\n", action(subs)))
        .collect()
}
