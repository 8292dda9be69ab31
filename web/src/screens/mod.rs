//! The screens: what fills the page, one file each, by the address' fragment.
//!
//! [`SCREENS`] is the table; a new screen is a file, a `mod` line and a row. The lab's areas
//! (cluster, terminal, facts) stay in the document whatever is shown, because terminals live
//! in it; a screen says by its [`Place`] whether they are seen. What is not seen is neither
//! drawn nor computed, and the lab's time stands still meanwhile.
//!
//! The address of a screen is `#/ID` or `#/ID/REST`; the rest is the screen's own.

use yew::{Html, html};

use crate::msg::Msg;
use crate::panels::Look;
use crate::panels::icons::icon;
use crate::state::{Frame, UiState};

mod compare;
mod course;
mod exam;
mod lab;
mod lesson;
mod quorum;
mod report;
mod sheet;
mod teach;

/// Where a screen is, beside the lab's three areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: only the lab is seen.
    Lab,
    /// An area of its own beside the lab's.
    Beside,
    /// The whole page; the lab is out of sight.
    Whole,
}

/// A screen.
pub(crate) struct Screen {
    /// Its name in the address; the front door's is empty.
    pub(crate) id: &'static str,
    /// What the navigation says.
    pub(crate) label: &'static str,
    /// What the tab of the browser says before the page's own name.
    pub(crate) title: fn(&UiState) -> String,
    /// Where it is drawn.
    pub(crate) place: fn(&UiState) -> Place,
    /// How it is drawn. The heading has the id [`HEAD`] and `tabindex="-1"`: the keyboard goes
    /// there when the screen comes.
    pub(crate) draw: fn(&Look<'_>) -> Html,
    /// What going there does, with the rest of the address.
    pub(crate) enter: fn(&str) -> Option<Msg>,
}

/// Every screen, in the order of the navigation; the first is the front door.
pub(crate) static SCREENS: &[Screen] =
    &[lab::SCREEN, course::SCREEN, exam::SCREEN, quorum::SCREEN, compare::SCREEN, teach::SCREEN];

/// The course's name in the address.
pub(crate) const COURSE: &str = "course";
/// The exam's.
pub(crate) const EXAM: &str = "exam";

/// The id of a screen's heading.
pub(crate) const HEAD: &str = "screen-head";

/// The screen of an address' path, and the rest of the path. An unknown one is the front door.
pub(crate) fn of_path(path: &str) -> (&'static Screen, &str) {
    let (id, rest) = path.split_once('/').unwrap_or((path, ""));
    match SCREENS.iter().find(|screen| screen.id == id) {
        Some(screen) => (screen, rest),
        None => (&SCREENS[0], ""),
    }
}

/// The slug of the exercise an address' path names.
pub(crate) fn exercise_of(path: &str) -> Option<&str> {
    let slug = path.strip_prefix(COURSE)?.strip_prefix('/')?.split('/').next()?;
    (!slug.is_empty()).then_some(slug)
}

impl UiState {
    /// The screen that is shown.
    pub(crate) fn screen(&self) -> &'static Screen {
        of_path(&self.path).0
    }

    /// Where it is.
    pub(crate) fn place(&self) -> Place {
        match (self.screen().place)(self) {
            Place::Beside if self.frame == Frame::Bare => Place::Lab,
            place => place,
        }
    }
}

/// The way from screen to screen: links in the top bar, on a narrow screen behind a button.
pub(crate) fn navigation(look: &Look<'_>) -> Html {
    if look.ui.frame != Frame::None {
        return Html::default();
    }
    let here = look.ui.screen();
    html! {
        <>
            <button class="rooms-button" popovertarget="rooms">{ here.label }{ icon("down") }</button>
            <nav id="rooms" class="rooms" popover="auto" aria-label="Screens">
                { for SCREENS.iter().map(|screen| {
                    let on = screen.id == here.id;
                    html! {
                        <a key={screen.id} href={format!("#/{}", screen.id)} class={if on { "on" } else { "" }}
                            aria-current={on.then_some("page")}>{ screen.label }</a>
                    }
                }) }
            </nav>
        </>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_screen_and_what_it_shows() {
        assert_eq!(of_path("").0.id, "");
        assert_eq!(of_path("no-such/thing").0.id, "");
        for screen in SCREENS {
            let path = format!("{}/a/b", screen.id);
            assert_eq!((of_path(&path).0.id, of_path(&path).1), (screen.id, "a/b"));
        }
    }
}
