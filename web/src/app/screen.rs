//! Going from screen to screen: the address leads, the keyboard and the title follow.

use super::App;
use crate::platform::{self, terminal};
use crate::screens::{self, HEAD, Place};

/// The page's own name, after the screen's.
const NAME: &str = "Quorum Lab";
const FRONT_TITLE: &str = "Quorum Lab: a real etcd cluster in a page";

impl App {
    /// The address names another screen, or another part of the one that is shown.
    pub(super) fn go(&mut self, path: &str) {
        self.went |= self.ui.path != path;
        self.ui.path = path.into();
        self.stale = true;
        if let Some(menu) = platform::by_id("rooms") {
            platform::hide_popover(&menu);
        }
        self.enter();
    }

    /// Does what the screen of the address wants done when it comes.
    pub(super) fn enter(&self) {
        let (screen, rest) = screens::of_path(&self.ui.path);
        if let Some(msg) = (screen.enter)(rest) {
            self.emit.emit(msg);
        }
    }

    /// Title and keyboard follow the screen that was just drawn.
    pub(super) fn show_screen(&mut self) {
        let title = match (self.ui.screen().title)(&self.ui) {
            title if title.is_empty() => FRONT_TITLE.to_string(),
            title => format!("{title} · {NAME}"),
        };
        if title != self.title_shown {
            platform::document().set_title(&title);
            self.title_shown = title;
        }
        if std::mem::take(&mut self.went) {
            match self.ui.place() {
                Place::Lab => terminal::focus(self.ui.terminal),
                Place::Beside | Place::Whole => platform::focus(HEAD),
            }
        }
    }
}
