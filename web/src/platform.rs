//! The border to JavaScript: what `web/js/page.js` offers, and small words around `web_sys`.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, HtmlElement, Window, Worker};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = quorumLab, js_name = build)]
    static BUILD: String;
    #[wasm_bindgen(thread_local_v2, js_namespace = quorumLab, js_name = coreUrl)]
    static CORE_URL: String;
    #[wasm_bindgen(thread_local_v2, js_namespace = quorumLab, js_name = k8sUrl)]
    static K8S_URL: String;

    /// Starts the worker; Trusted Types ask that only `page.js` names scripts.
    #[wasm_bindgen(js_namespace = quorumLab, js_name = startWorker)]
    pub(crate) fn start_worker() -> Worker;
}

/// The terminal: see `web/js/terminal.js`.
pub(crate) mod terminal {
    use super::{Element, Uint8Array, wasm_bindgen};
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn open(
            handle: u32,
            element: &Element,
            theme: &str,
            font_size: f64,
            on_bytes: &Closure<dyn FnMut(Uint8Array)>,
        );
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn close(handle: u32);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn write(handle: u32, bytes: Uint8Array);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn reset(handle: u32, bytes: Uint8Array);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn fit(handle: u32);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn columns(handle: u32) -> u16;
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn rows(handle: u32) -> u16;
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn focus(handle: u32);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"])]
        pub(crate) fn owed() -> f64;
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"], js_name = setTheme)]
        pub(crate) fn set_theme(theme: &str);
        #[wasm_bindgen(js_namespace = ["quorumLab", "terminal"], js_name = setReader)]
        pub(crate) fn set_reader(on: bool);
    }
}

/// The editors over the terminals: see `web/js/editing.js`.
pub(crate) mod editing {
    use super::{JsValue, wasm_bindgen};
    use wasm_bindgen::prelude::*;

    /// What a user asks of an editor: terminal, text or null, path or null, force, leave.
    pub(crate) type OnAsk = dyn FnMut(u32, JsValue, JsValue, bool, bool);

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = ["quorumLab", "editing"])]
        pub(crate) fn listen(on_ask: &Closure<OnAsk>);
        #[cfg_attr(
            not(target_family = "wasm"),
            expect(
                clippy::too_many_arguments,
                reason = "an object would weigh more on both sides"
            )
        )]
        #[wasm_bindgen(js_namespace = ["quorumLab", "editing"])]
        pub(crate) fn show(
            tty: u32,
            keys: &str,
            path: &str,
            text: &str,
            read_only: bool,
            message: &str,
            failed: bool,
            saved: u32,
        );
        #[wasm_bindgen(js_namespace = ["quorumLab", "editing"])]
        pub(crate) fn hide(tty: u32) -> bool;
    }
}

/// The rest of the browser: see `web/js/platform.js`.
pub(crate) mod browser {
    use super::{Promise, Uint8Array, wasm_bindgen};
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn acquire(steal: bool, on_lost: &Closure<dyn FnMut()>) -> Promise;
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn persist() -> Promise;
        /// Has the second half of this module fetched.
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn later();
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn download(name: &str, bytes: Uint8Array);
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"], js_name = chooseFile)]
        pub(crate) fn choose_file() -> Promise;
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"], js_name = takeFile)]
        pub(crate) fn take_file(bytes_max: u32) -> Promise;
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn copy(text: &str) -> Promise;
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn remember(key: &str, value: &str);
        #[wasm_bindgen(js_namespace = ["quorumLab", "platform"])]
        pub(crate) fn recall(key: &str) -> String;
    }
}

/// The name of this build; the worker has the same or refuses to start.
pub(crate) fn build() -> String {
    BUILD.with(Clone::clone)
}

/// Where core.wasm lies.
pub(crate) fn core_url() -> String {
    CORE_URL.with(Clone::clone)
}

/// Where the module of all other worlds lies.
pub(crate) fn k8s_url() -> String {
    K8S_URL.with(Clone::clone)
}

/// The browser's window.
pub(crate) fn window() -> Window {
    web_sys::window().expect("a page runs in a window")
}

/// The page's document.
pub(crate) fn document() -> Document {
    window().document().expect("a window has a document")
}

/// The place of `index.html` the page is drawn into, emptied of the words shown while loading.
pub(crate) fn mount_point() -> Element {
    let place = by_id("app").expect("index.html has #app");
    place.set_text_content(None);
    place
}

/// An element by its id, if it is drawn at present.
pub(crate) fn by_id(id: &str) -> Option<Element> {
    document().get_element_by_id(id)
}

/// The style of an element. The content security policy forbids style attributes, so what
/// moves is set through this.
pub(crate) fn style(element: &Element, name: &str, value: &str) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // Only an unknown name is refused, and ours are known.
        element.style().set_property(name, value).ok();
    }
}

/// Wall time in milliseconds, never going back.
pub(crate) fn wall_ms() -> f64 {
    window().performance().map_or(0.0, |it| it.now())
}

/// The date in milliseconds since 1970.
pub(crate) fn date_ms() -> f64 {
    js_sys::Date::now()
}

/// Whether a media query holds.
pub(crate) fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|it| it.matches())
}

/// Goes to another screen, as a link would.
pub(crate) fn set_fragment(path: &str) {
    window().location().set_hash(path).ok();
}

/// Closes a popover, where the browser knows them and it is open.
pub(crate) fn hide_popover(element: &Element) {
    if element.matches(":popover-open").unwrap_or(false)
        && let Some(element) = element.dyn_ref::<HtmlElement>()
    {
        element.hide_popover().ok();
    }
}

/// Moves the keyboard to an element.
pub(crate) fn focus(id: &str) {
    if let Some(element) = by_id(id).and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        element.focus().ok();
    }
}

/// A number for a new lab's name or seed: the one place where chance comes in.
pub(crate) fn draw(below: u32) -> u32 {
    // A float below 2^53 holds every u32, so nothing is cut.
    (js_sys::Math::random() * f64::from(below)) as u32
}
