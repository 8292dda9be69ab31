//! The strip under the terminal while an exercise is open: the wrong turn that was just taken,
//! that it is done, or nothing.

use yew::{Html, html};

use super::icons::icon;
use super::{Look, icon_button};
use crate::course::Do;
use crate::markdown::Writer;
use crate::msg::Msg;
use crate::screens::COURSE;

/// The strip. It explains; it never blocks.
pub(super) fn draw(look: &Look<'_>) -> Html {
    let course = &look.ui.course;
    let Some(lesson) = look.view.lesson.as_ref() else { return Html::default() };
    if let Some((at, all)) = course.playing {
        return html! {
            <aside class="strip coach" id="coach" aria-label="Coach">{ icon("play") }
                <span>{ format!("The solution is being typed: line {at} of {all}. Any key stops it.") }</span></aside>
        };
    }
    let heard = || look.click(|| Msg::Course(Do::Heard));
    if let Some(row) = lesson.coach.get(course.heard..).and_then(|rows| rows.last()) {
        // The words are linked in the list beside the lab; here is only what was done.
        let said = Writer::new("strip-word", &[]).line(&row.text);
        return html! {
            <aside class="strip coach wrong" id="coach" aria-label="Coach" data-wrong={row.id.clone()}>
                { icon("edge") }<span>{ said }</span>
                <button onclick={look.click(|| Msg::Undo)} disabled={look.ui.undo == 0}>{ "Undo" }</button>
                { icon_button("close", "Read".into(), heard()) }
            </aside>
        };
    }
    if lesson.done_us.is_some() {
        let next = course.row(&lesson.next);
        return html! {
            <aside class="strip coach well" id="coach" aria-label="Coach">
                { icon("ok") }<span>{ format!("{} is done.", lesson.title) }</span>
                if let Some(next) = next {
                    <a class="go" href={format!("#/{COURSE}/{}", next.slug)}>{ format!("Next: {}", next.title) }</a>
                }
            </aside>
        };
    }
    Html::default()
}
