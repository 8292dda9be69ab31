//! Programs that want a screen, used as the page uses them: keys into a terminal, what it shows,
//! and the answers of an editor. What a recipe keeps of it comes to the same again.
#![cfg(feature = "k8s")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests fail where they unwrap")]

use lab::api::{EditorView, Input, Part, TtyId, Want};
use lab::session::Session;
use lab::worlds;

const TTY: TtyId = TtyId(1);

struct Page {
    session: Session,
    seen: u64,
    shown: String,
    editor: Option<EditorView>,
    running: Option<String>,
}

impl Page {
    fn new(world: &str) -> Page {
        let options = worlds::options(world, 3, "3.6", 1).unwrap();
        let host = worlds::hosts(&options)[0].clone();
        let mut session = Session::new(options).unwrap();
        session.settle_in().unwrap();
        session.stop_listening();
        session.apply(Input::OpenTty { tty: TTY, host }).unwrap();
        let mut page = Page { session, seen: 0, shown: String::new(), editor: None, running: None };
        page.wait();
        page
    }

    /// Lets half a second pass and takes the picture.
    fn wait(&mut self) {
        self.session.advance(self.session.now_us() + 500_000, u32::MAX).unwrap();
        let delta = self.session.view(&Want { seen: self.seen, ..Want::default() });
        self.seen = delta.seq;
        for part in delta.parts {
            match part {
                Part::Tty { bytes, .. } => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Part::TtyState(state) => {
                    (self.editor, self.running) = (state.editor, state.running);
                }
                _ => {}
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        let edited = self.session.edit(TTY, keys.as_bytes(), (60, 10));
        self.shown.push_str(&String::from_utf8_lossy(&edited.echo));
        for input in edited.submit {
            self.session.apply(input).unwrap();
        }
        self.wait();
    }

    /// Types a command and answers with what is shown since.
    fn run(&mut self, line: &str) -> String {
        self.shown.clear();
        self.keys(&format!("{line}\r"));
        std::mem::take(&mut self.shown)
    }

    fn ask(&mut self, text: Option<&str>, path: Option<&str>, force: bool, leave: bool) {
        let (text, path) = (text.map(str::to_owned), path.map(str::to_owned));
        self.session.apply(Input::Editor { tty: TTY, text, path, force, leave }).unwrap();
        self.wait();
    }

    fn message(&self) -> &str {
        &self.editor.as_ref().expect("the editor is open").message
    }

    /// Does all of it again from the recipe.
    fn replays(&mut self) {
        let mut again = Session::load(self.session.recipe()).unwrap();
        again.replay_to_end().unwrap();
        assert_eq!(again.trace_hash(), self.session.trace_hash());
    }
}

#[test]
fn vi_writes_what_the_page_sends() {
    let mut page = Page::new("bare");
    page.run("printf 'one\\ntwo\\n' > note.txt");
    page.run("vi note.txt");
    let editor = page.editor.clone().expect("vi shows an editor");
    assert_eq!((editor.keys.as_str(), editor.path.as_str()), ("vi", "note.txt"));
    assert_eq!(editor.text, "one\ntwo");
    assert_eq!(editor.message, "\"note.txt\" 2L, 8B");
    page.ask(Some("one\n2\nthree"), None, false, false);
    assert_eq!(page.message(), "\"note.txt\" 3L, 12B written");
    assert_eq!(page.editor.as_ref().unwrap().saved, 1);
    page.ask(None, None, false, true);
    assert_eq!((page.editor.as_ref(), page.running.as_deref()), (None, None));
    assert!(page.run("cat note.txt").contains("one\n2\nthree\n"));
    page.replays();
}

#[test]
fn vi_has_no_other_rights_than_its_user() {
    let mut page = Page::new("bare");
    page.run("vi /etc/hosts");
    assert!(page.message().starts_with("\"/etc/hosts\" [readonly] "), "{}", page.message());
    page.ask(Some("x"), None, false, true);
    assert_eq!(page.message(), "E45: 'readonly' option is set (add ! to override)");
    page.ask(Some("x"), None, true, true);
    assert_eq!(page.message(), "\"/etc/hosts\" E212: Can't open file for writing");
    page.ask(Some("x"), Some("/etc/passwd"), false, false);
    assert_eq!(page.message(), "E13: File exists (add ! to override)");
    page.ask(Some("x"), Some("mine"), false, false);
    assert_eq!(page.message(), "\"mine\" [New] 1L, 2B written");
    page.ask(None, None, false, true);
    assert!(page.run("cat mine; head -c 9 /etc/hosts; echo").contains("x\n127.0.0.1"));
    page.run("sudo vi /etc/hosts");
    page.ask(Some("127.0.0.1 localhost"), None, false, true);
    assert!(page.run("cat /etc/hosts").contains("\n127.0.0.1 localhost\n"));
}

#[test]
fn nano_speaks_its_own_words() {
    let mut page = Page::new("bare");
    page.run("nano new.yaml");
    assert_eq!(page.message(), "New File");
    page.ask(Some("a: 1"), None, false, false);
    assert_eq!(page.message(), "Wrote 1 line");
    page.ask(None, None, false, true);
    page.run("sudo sh -c 'umask 077; echo x > /etc/secret'");
    page.run("nano /etc/secret");
    assert_eq!(page.message(), "Error reading /etc/secret: Permission denied");
    page.ask(Some("x"), None, false, false);
    assert_eq!(page.message(), "Error writing /etc/secret: Permission denied");
}

#[test]
fn others_change_their_files_by_the_same_editor() {
    let mut page = Page::new("bare");
    page.run("crontab -e");
    assert!(page.editor.as_ref().unwrap().text.starts_with("# Edit this file"));
    page.ask(Some("5 4 * * * /usr/bin/true"), None, false, true);
    assert!(page.run("crontab -l").contains("\n5 4 * * * /usr/bin/true\n"));
    page.run("sudo EDITOR=nano systemctl edit cron");
    assert_eq!(page.editor.as_ref().unwrap().keys, "nano");
    page.ask(Some("### Editing x\n[Service]\nNice=5\n"), None, false, true);
    let cat = page.run("systemctl cat cron");
    assert!(
        cat.contains("# /etc/systemd/system/cron.service.d/override.conf\n[Service]\nNice=5\n"),
        "{cat}"
    );
}

#[test]
fn an_editor_goes_with_its_program() {
    let mut page = Page::new("bare");
    page.run("vi a");
    page.session.apply(Input::Sim { line: "poweroff etcd1".into() }).unwrap();
    page.wait();
    assert_eq!(page.editor, None);
}

#[test]
fn without_a_screen_there_is_no_editor() {
    let mut page = Page::new("bare");
    page.session.apply(Input::Line { tty: TTY, text: "vi a; echo $?".into() }).unwrap();
    page.wait();
    assert!(page.shown.contains("this terminal has no screen for an editor"), "{}", page.shown);
    assert!(page.shown.contains("\n1\n"));
}

#[test]
fn less_takes_keys_one_by_one() {
    let mut page = Page::new("bare");
    page.run("seq 1 100 | less");
    assert_eq!(page.editor, None);
    page.shown.clear();
    page.keys(" ");
    assert!(page.shown.contains("\n11\n") && !page.shown.contains("\n9\n"), "{}", page.shown);
    page.shown.clear();
    page.keys("/");
    page.keys("77");
    page.keys("\r");
    assert!(page.shown.contains("77\n78\n"), "{}", page.shown);
    page.shown.clear();
    page.keys("G");
    assert!(page.shown.contains("100\n\x1b[7m(END)"), "{}", page.shown);
    page.keys("q");
    assert_eq!(page.running, None);
    page.replays();
}

#[test]
fn ctrl_z_stops_a_command_and_fg_wakes_it() {
    let mut page = Page::new("bare");
    page.run("sleep 20 | cat");
    page.shown.clear();
    page.keys("\x1a");
    assert!(
        page.shown.contains("^Z\n\n[1]+  Stopped                 sleep 20 | cat\n"),
        "{}",
        page.shown
    );
    assert!(page.run("echo $?; jobs").contains("148\n[1]+  Stopped "));
    assert!(page.run("bg").contains("[1]+ sleep 20 | cat &\n"));
    assert!(page.run("jobs").contains("[1]+  Running                 sleep 20 | cat &\n"));
    page.run("fg");
    assert!(page.running.is_some());
    page.keys("\x03");
    assert_eq!(page.running, None);
    page.replays();
}
