//! The terminals: a tab for each, and for small screens a row of commands to tap.

use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use yew::{Html, classes, html};

use super::icons::icon;
use super::{Emit, Look};
use crate::msg::Msg;
use crate::platform::{self, terminal};

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

/// The area. What is inside a screen is xterm.js's; the app opens it when it is drawn.
pub(crate) fn draw(look: &Look<'_>) -> Html {
    let ui = look.ui;
    let mut hosts = Vec::new();
    for card in look.view.members.iter() {
        hosts.push((card.host.clone(), card.host.clone()));
    }
    html! {
        <section class="terminals" id="area-terminal" aria-label="Terminal" tabindex="-1">
            <header class="tabs">
                <div role="tablist" aria-label="Terminals">
                    { for ui.terminals.iter().map(|it| tab(look, it.tty, &it.host)) }
                </div>
                if !ui.read_only {
                    { look.choice("+ shell", hosts, Msg::OpenTerminal) }
                }
                <small class="hint">{ "F6 leaves the terminal" }</small>
            </header>
            <div class="screens">
                { for ui.terminals.iter().map(|it| html! {
                    <div key={it.tty} id={format!("screen-{}", it.tty)} role="tabpanel" aria-labelledby={format!("tab-{}", it.tty)}
                        class={classes!("screen", (it.tty == ui.terminal).then_some("front"))} />
                }) }
            </div>
            { chips(look) }
        </section>
    }
}

fn tab(look: &Look<'_>, tty: u32, host: &str) -> Html {
    let front = look.ui.terminal == tty;
    let busy = look.view.running(tty).map(str::to_string);
    html! {
        <span key={tty} class={classes!("tab", front.then_some("on"))}>
            <button role="tab" id={format!("tab-{tty}")} aria-selected={front.to_string()}
                onclick={look.click(move || Msg::ShowTerminal(tty))}>
                { host.to_string() }
                if let Some(program) = busy { <small>{ program }</small> }
            </button>
            if look.ui.terminals.len() > 1 && !look.ui.read_only {
                <button class="close" aria-label={format!("Close the terminal on {host}")}
                    onclick={look.click(move || Msg::CloseTerminal(tty))}>{ icon("close") }</button>
            }
        </span>
    }
}

fn chips(look: &Look<'_>) -> Html {
    let typed = |text: &'static str| look.click(move || Msg::TypeText(text.into()));
    html! {
        <div class="chips" role="group" aria-label="Commands to tap">
            <button class="chip enter" onclick={typed("\r")}>{ "⏎ Enter" }</button>
            <button class="chip" onclick={typed("\u{3}")}>{ "Ctrl-C" }</button>
            <button class="chip" onclick={typed("\t")}>{ "Tab" }</button>
            <button class="chip" onclick={typed("\u{1b}[A")} aria-label="Last command">{ "↑" }</button>
            { for CHIPS.iter().map(|(label, line)| html! {
                <button key={*label} class="chip" title={*line} onclick={typed(line)}>{ *label }</button>
            }) }
        </div>
    }
}

/// An open xterm.js and what it calls with bytes.
pub(crate) struct Screen {
    tty: u32,
    _typed: Closure<dyn FnMut(Uint8Array)>,
}

impl Screen {
    /// Opens xterm.js in the element drawn for this terminal.
    pub(crate) fn open(tty: u32, emit: Emit) -> Option<Screen> {
        let element = platform::by_id(&format!("screen-{tty}"))?;
        let typed = Closure::new(move |bytes: Uint8Array| {
            emit.emit(Msg::Typed { tty, bytes: bytes.to_vec() });
        });
        let small = platform::matches("(max-width: 560px)");
        terminal::open(tty, &element, &theme(), if small { 12.0 } else { 13.0 }, &typed);
        Some(Screen { tty, _typed: typed })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        terminal::close(self.tty);
    }
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
    let mut json = String::from("{");
    for (name, from) in NAMES {
        let comma = if json.len() > 1 { "," } else { "" };
        json.push_str(&format!("{comma}\"{name}\":\"{}\"", colour(from)));
    }
    json + "}"
}
