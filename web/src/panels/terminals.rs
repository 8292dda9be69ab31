//! The terminals: a tab for each, and for small screens a row of commands to tap.

use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlSelectElement};
use yew::{
    Event, Html, Properties, TargetCast, classes, component, html, use_effect_with, use_node_ref,
};

use super::Emit;
use super::icons::icon;
use crate::msg::Msg;
use crate::platform::{self, terminal};
use crate::state::{UiState, View};

/// Props of [`Terminals`].
#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The picture: hosts and what runs.
    pub(crate) view: View,
    /// Which terminals there are.
    pub(crate) ui: UiState,
    /// Where messages go.
    pub(crate) emit: Emit,
}

/// Commands to tap, for who has no keyboard at hand: (what the chip says, what it types).
static CHIPS: &[(&str, &str)] = &[
    ("put", "etcdctl put greeting hello"),
    ("get", "etcdctl get greeting"),
    ("get, serializable", "etcdctl get greeting --consistency=s"),
    ("status", "etcdctl endpoint status --cluster -w table"),
    ("health", "etcdctl endpoint health --cluster"),
    ("members", "etcdctl member list -w table"),
    ("watch", "etcdctl watch greeting"),
    ("sim help", "sim help"),
];

/// The area.
#[component]
pub(crate) fn Terminals(props: &Props) -> Html {
    let ui = &props.ui;
    let opened = props.emit.reform(|event: Event| {
        let list: HtmlSelectElement = event.target_unchecked_into();
        let host = list.value();
        list.set_selected_index(0);
        Msg::OpenTerminal(host)
    });
    html! {
        <section class="terminals" id="area-terminal" aria-label="Terminal" tabindex="-1">
            <header class="tabs">
                <div role="tablist" aria-label="Terminals">
                    { for ui.terminals.iter().map(|it| tab(props, it.tty, &it.host)) }
                </div>
                if !ui.read_only {
                    <select class="plus" onchange={opened} aria-label="New terminal on" title="A terminal on another host">
                        <option value="" selected=true disabled=true>{ "+ shell" }</option>
                        { for props.view.members.iter().map(|card| html! {
                            <option key={card.host.as_str()} value={card.host.clone()}>{ &card.host }</option>
                        }) }
                    </select>
                }
                <small class="hint">{ "F6 leaves the terminal" }</small>
            </header>
            <div class="screens">
                { for ui.terminals.iter().map(|it| html! {
                    <Screen key={it.tty} tty={it.tty} front={it.tty == ui.terminal} emit={props.emit.clone()} />
                }) }
            </div>
            { chips(props) }
        </section>
    }
}

fn tab(props: &Props, tty: u32, host: &str) -> Html {
    let front = props.ui.terminal == tty;
    let busy = props.view.running(tty).map(str::to_string);
    html! {
        <span key={tty} class={classes!("tab", front.then_some("on"))}>
            <button role="tab" id={format!("tab-{tty}")} aria-selected={front.to_string()}
                onclick={props.emit.reform(move |_| Msg::ShowTerminal(tty))}>
                { host.to_string() }
                if let Some(program) = busy { <small>{ program }</small> }
            </button>
            if props.ui.terminals.len() > 1 && !props.ui.read_only {
                <button class="close" aria-label={format!("Close the terminal on {host}")}
                    onclick={props.emit.reform(move |_| Msg::CloseTerminal(tty))}>{ icon("close") }</button>
            }
        </span>
    }
}

fn chips(props: &Props) -> Html {
    let typed = |text: String| props.emit.reform(move |_| Msg::TypeText(text.clone()));
    html! {
        <div class="chips" role="group" aria-label="Commands to tap">
            <button class="chip enter" onclick={typed("\r".into())}>{ "⏎ Enter" }</button>
            <button class="chip" onclick={typed("\u{3}".into())}>{ "Ctrl-C" }</button>
            <button class="chip" onclick={typed("\t".into())}>{ "Tab" }</button>
            <button class="chip" onclick={typed("\u{1b}[A".into())} aria-label="Last command">{ "↑" }</button>
            { for CHIPS.iter().map(|(label, line)| html! {
                <button key={*label} class="chip" title={*line} onclick={typed((*line).into())}>{ *label }</button>
            }) }
        </div>
    }
}

/// Props of [`Screen`].
#[derive(Properties, PartialEq)]
struct ScreenProps {
    tty: u32,
    front: bool,
    emit: Emit,
}

/// The element xterm.js lives in, as long as the tab is open.
#[component]
fn Screen(props: &ScreenProps) -> Html {
    let place = use_node_ref();
    let (tty, emit) = (props.tty, props.emit.clone());
    use_effect_with(place.clone(), move |place| {
        let element = place.cast::<Element>();
        let typed = {
            let emit = emit.clone();
            Closure::new(move |bytes: Uint8Array| {
                emit.emit(Msg::Typed { tty, bytes: bytes.to_vec() });
            })
        };
        if let Some(element) = element {
            let small = platform::matches("(max-width: 560px)");
            terminal::open(tty, &element, &theme(), if small { 12.0 } else { 13.0 }, &typed);
            emit.emit(Msg::TerminalReady(tty));
        }
        move || {
            terminal::close(tty);
            drop(typed);
        }
    });
    use_effect_with(props.front, move |front| {
        if *front {
            terminal::fit(tty);
        }
    });
    html! { <div ref={place} class={classes!("screen", props.front.then_some("front"))} role="tabpanel" aria-labelledby={format!("tab-{tty}")} /> }
}

/// The terminal's colours, from the style sheet, as xterm.js wants them.
pub(crate) fn theme() -> String {
    let root = platform::document().document_element().expect("a document has a root");
    let style = platform::window().get_computed_style(&root).ok().flatten();
    let colour = |name: &str| {
        let value = style.as_ref().and_then(|it| it.get_property_value(name).ok());
        value.unwrap_or_default().trim().to_string()
    };
    const NAMES: [(&str, &str); 20] = [
        ("background", "--t-back"),
        ("foreground", "--t-ink"),
        ("cursor", "--t-cursor"),
        ("selectionBackground", "--t-select"),
        ("black", "--t-black"),
        ("red", "--t-red"),
        ("green", "--t-green"),
        ("yellow", "--t-yellow"),
        ("blue", "--t-blue"),
        ("magenta", "--t-magenta"),
        ("cyan", "--t-cyan"),
        ("white", "--t-white"),
        ("brightBlack", "--t-grey"),
        ("brightRed", "--t-red"),
        ("brightGreen", "--t-green"),
        ("brightYellow", "--t-yellow"),
        ("brightBlue", "--t-blue"),
        ("brightMagenta", "--t-magenta"),
        ("brightCyan", "--t-cyan"),
        ("brightWhite", "--t-ink"),
    ];
    let pairs: Vec<String> =
        NAMES.iter().map(|(name, from)| format!("\"{name}\":\"{}\"", colour(from))).collect();
    format!("{{{}}}", pairs.join(","))
}
