//! `version`, `help` and `completion`.

use std::fmt::Write as _;
use std::rc::Rc;

use etcd::Release;

use super::exit::Exit;
use super::parse::{find, topic};
use super::table::{Command, ROOT};
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

pub(super) async fn completion(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let shell = ctl.args.first().map(String::as_str).unwrap_or_default();
    ctl.out(script(&ROOT, shell, ctl.release)).await;
    Ok(())
}

/// A completion script of our own that offers the words of a command table.
pub(crate) fn script(root: &Command, shell: &str, release: Release) -> String {
    let program = root.name;
    let mut words = Vec::new();
    for command in root.subs(release).filter(|command| command.offered()) {
        let subs: Vec<&str> =
            command.subs(release).filter(|sub| sub.offered()).map(|sub| sub.name).collect();
        words.push((command.name, subs.join(" ")));
    }
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let names = names.join(" ");
    match shell {
        "bash" => bash(program, &names, &words),
        "zsh" => format!(
            "#compdef {program}\ncompdef _{program} {program}\n\n# zsh completion for \
             {program}\n\n_{program}() {{\n  \
             if (( CURRENT == 2 )); then\n    compadd {names}\n    return\n  fi\n  \
             case ${{words[2]}} in\n{}  esac\n}}\n",
            cases(&words, |subs| format!("compadd {subs}"))
        ),
        "fish" => {
            let mut text = format!(
                "# fish completion for {program}\ncomplete -c {program} -n \
                 __fish_use_subcommand -f -a '{names}'\n"
            );
            for (name, subs) in words.iter().filter(|(_, subs)| !subs.is_empty()) {
                let _ = writeln!(
                    text,
                    "complete -c {program} -n '__fish_seen_subcommand_from {name}' -f -a '{subs}'"
                );
            }
            text
        }
        _ => format!(
            "# powershell completion for {program}\nRegister-ArgumentCompleter -Native \
             -CommandName {program} -ScriptBlock {{\n  param($word)\n  '{names}'.Split(' ') | \
             Where-Object {{ $_.StartsWith($word) }}\n}}\n"
        ),
    }
}

/// It begins as cobra's does, and then is shorter.
fn bash(program: &str, names: &str, words: &[(&str, String)]) -> String {
    let title = format!("# bash completion for {program}");
    format!(
        "{title:<59}-*- shell-script -*-\n\n__{program}_debug()\n{{\n    if [[ -n \
         ${{BASH_COMP_DEBUG_FILE:-}} ]]; then\n        echo \"$*\" >> \
         \"${{BASH_COMP_DEBUG_FILE}}\"\n    fi\n}}\n\n__{program}_complete()\n{{\n  \
         local words=\"{names}\"\n  if (( COMP_CWORD > 1 )); then\n    \
         case ${{COMP_WORDS[1]}} in\n{}    *) words= ;;\n    esac\n  fi\n  \
         COMPREPLY=( $(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\") )\n}}\n\n\
         complete -F __{program}_complete {program}\n",
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
