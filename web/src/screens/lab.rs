//! The front door: the sandbox, with nothing beside it.

use yew::Html;

use super::{Place, Screen};
use crate::course::Do;
use crate::msg::Msg;

/// The screen.
pub(super) const SCREEN: Screen = Screen {
    id: "",
    label: "Lab",
    title: |_| String::new(),
    place: |_| Place::Lab,
    draw: |_| Html::default(),
    enter: |_| Some(Msg::Course(Do::Sandbox)),
};
