//! The time controls: pause, one event, speed.

use web_sys::HtmlInputElement;
use yew::{Html, InputEvent, TargetCast, classes, html};

use super::Look;
use super::icons::icon;
use crate::clock::{self, STOPS};
use crate::msg::Msg;

/// The controls. The virtual clock itself is written by the app, each frame.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let stopped = look.ui.read_only;
    let per_mille = look.clock.per_mille;
    let (sign, word) = if look.clock.running { ("pause", "Pause") } else { ("play", "Run") };
    let slid = look.emit.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Msg::Speed(clock::from_slider(input.value_as_number()))
    });
    let now = clock::label(per_mille);
    html! {
        <section class="time" aria-label="Time">
            <button class="round" id="toggle" onclick={look.click(|| Msg::Toggle)} disabled={stopped}
                aria-label={word} title={format!("{word} (space)")}>{ icon(sign) }</button>
            <button class="round quiet" id="step" onclick={look.click(|| Msg::Step)} disabled={stopped}
                aria-label="One event" title="Pause and let exactly one event happen (.)">{ icon("step") }</button>
            <output class="clock" id="clock" title="Virtual time since the world began">{ "0:00.000" }</output>
            <label class="slider">
                <span class="sr">{ "Speed" }</span>
                <input type="range" id="speed" min="0" max="1000" step="1" oninput={slid}
                    value={clock::to_slider(per_mille).to_string()}
                    aria-valuetext={now.clone()} list="stops" title="Speed ([ and ])" />
            </label>
            <div class="stops" role="group" aria-label="Speeds">
                { for STOPS.into_iter().map(|stop| html! {
                    <button key={stop} class={classes!("chip", (stop == per_mille).then_some("on"))}
                        aria-pressed={(stop == per_mille).to_string()}
                        onclick={look.click(move || Msg::Speed(stop))}>{ clock::label(stop) }</button>
                }) }
            </div>
            <output class="speed" for="speed">{ now }</output>
        </section>
    }
}
