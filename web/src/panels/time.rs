//! The time controls: pause, one event, speed.

use web_sys::HtmlInputElement;
use yew::{Html, InputEvent, Properties, TargetCast, classes, component, html};

use super::Emit;
use super::icons::icon;
use crate::clock::{self, STOPS};
use crate::msg::Msg;

/// Props of [`Time`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// In thousandths.
    pub(crate) per_mille: u32,
    /// Whether time passes.
    pub(crate) running: bool,
    /// The world cannot go on: a checker stopped it, or this tab only shows it.
    pub(crate) stopped: bool,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// The controls. The virtual clock itself is written by the app, each frame.
#[component]
pub(crate) fn Time(props: &Props) -> Html {
    let emit = props.emit.clone();
    let say = |msg: fn() -> Msg| emit.reform(move |_| msg());
    let (sign, word) = if props.running { ("pause", "Pause") } else { ("play", "Run") };
    let slid = emit.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Msg::Speed(clock::from_slider(input.value_as_number()))
    });
    let now = clock::label(props.per_mille);
    html! {
        <section class="time" aria-label="Time">
            <button class="round" id="toggle" onclick={say(|| Msg::Toggle)} disabled={props.stopped}
                aria-label={word} title={format!("{word} (space)")}>{ icon(sign) }</button>
            <button class="round quiet" id="step" onclick={say(|| Msg::Step)} disabled={props.stopped}
                aria-label="One event" title="Pause and let exactly one event happen (.)">{ icon("step") }</button>
            <output class="clock" id="clock" title="Virtual time since the world began">{ "0:00.000" }</output>
            <label class="slider">
                <span class="sr">{ "Speed" }</span>
                <input type="range" id="speed" min="0" max="1000" step="1" oninput={slid}
                    value={clock::to_slider(props.per_mille).to_string()}
                    aria-valuetext={now.clone()} list="stops" title="Speed ([ and ])" />
            </label>
            <div class="stops" role="group" aria-label="Speeds">
                { for STOPS.into_iter().map(|stop| html! {
                    <button key={stop} class={classes!("chip", (stop == props.per_mille).then_some("on"))}
                        aria-pressed={(stop == props.per_mille).to_string()}
                        onclick={emit.reform(move |_| Msg::Speed(stop))}>{ clock::label(stop) }</button>
                }) }
            </div>
            <output class="speed" for="speed">{ now }</output>
        </section>
    }
}
