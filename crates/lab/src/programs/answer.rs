//! `answer`: what a learner thinks, said to the exercise.

use super::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "answer",
    summary: "answer a question of the exercise",
    usage: "answer NAME=VALUE...",
    run: |sys| {
        Box::pin(async move {
            let args = sys.args();
            let answers: Option<Vec<(&str, &str)>> =
                args.iter().skip(1).map(|arg| arg.split_once('=')).collect();
            let Some(answers) = answers.filter(|answers| !answers.is_empty()) else {
                sys.eprint("answer: write NAME=VALUE, such as: answer leader=n2\n").await;
                return 2;
            };
            for (name, value) in answers {
                sys.tell_session(format!("answer {name}={value}"));
                sys.print(&format!("noted: {name} is {value}\n")).await;
            }
            0
        })
    },
    complete: None,
};
