//! The icons: strokes on a grid of 24, drawn in the colour of the text around them.

use yew::{Html, html};

/// An icon by its name; decoration only, so what it means is always said beside it.
pub(crate) fn icon(name: &str) -> Html {
    let path = match name {
        "play" => "M8 5.5v13l10.5-6.5z",
        "pause" => "M8.5 6v12M15.5 6v12",
        "step" => "M6 6v12l8-6zM17.5 6v12",
        "undo" => "M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2",
        "share" => "M12 15V4M8 7.5 12 3.5l4 4M6 12v7.5h12V12",
        "menu" => "M4.5 7h15M4.5 12h15M4.5 17h15",
        "auto" => "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
        "light" => {
            "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"
        }
        "dark" => "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
        "kill" => "M13 3 5.5 13.5H12L11 21l7.5-10.5H12z",
        "stop" => "M7 7h10v10H7z",
        "restart" => "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
        "freeze" => {
            "M12 3v18M4.2 7.5l15.6 9M4.2 16.5l15.6-9M9.5 4.5 12 7l2.5-2.5M9.5 19.5 12 17l2.5 2.5"
        }
        "power" => "M12 3.5V12M7 6.5a7.5 7.5 0 1 0 10 0",
        "isolate" => "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 4l3 3M20 4l-3 3M4 20l3-3M20 20l-3-3",
        "heal" => {
            "M10 14 14 10M8.5 11 6 13.5a3.2 3.2 0 0 0 4.5 4.5L13 15.5M15.5 13 18 10.5A3.2 3.2 0 0 0 13.5 6L11 8.5"
        }
        "partition" => "M12 3v3M12 9.5v5M12 18v3M5.5 8.5a3 3 0 1 0 0 6.5M18.5 8.5a3 3 0 1 1 0 6.5",
        "cut" => "M4 12h5M15 12h5M10 9l4 6M14 9l-4 6",
        "add" => "M12 5v14M5 12h14",
        "learner" => "M12 5 3 9.5 12 14l9-4.5zM7 12v4.5c2.5 2 7.5 2 10 0V12",
        "promote" => "M12 19V6M6.5 11 12 5.5 17.5 11",
        "remove" => "M6 7h12M9.5 7V4.5h5V7M7.5 7l1 13h7l1-13",
        "disk" => "M5 6c0-3 14-3 14 0v12c0 3-14 3-14 0zM5 6c0 3 14 3 14 0M5 12c0 3 14 3 14 0",
        "clock" => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2",
        "ok" => "M5 12.5 10 17.5 19.5 7",
        "edge" => "M12 4 2.5 20h19zM12 10v5M12 17.5v.5",
        "lost" => "M6 6l12 12M18 6 6 18",
        "close" => "M6 6l12 12M18 6 6 18",
        "leader" => "M4 17.5h16M4.5 7.5 8.5 11 12 5.5 15.5 11l4-3.5L18 14.5H6z",
        "follower" => "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
        "candidate" => "M6 9.5V5.5h12v4M4 9.5h16v9H4zM9 13.5h6",
        "off" => "M12 3.5V12M7 6.5a7.5 7.5 0 1 0 10 0M4 4l16 16",
        "spark" => "M12 3l2.2 6.8L21 12l-6.8 2.2L12 21l-2.2-6.8L3 12l6.8-2.2z",
        "shield" => "M12 3.5 5 6v6c0 4 3 7 7 8.5 4-1.5 7-4.5 7-8.5V6zM8.5 12l2.5 2.5 4.5-5",
        "keyboard" => "M3 7h18v10H3zM6.5 10.5h.1M10 10.5h.1M13.5 10.5h.1M17 10.5h.1M7.5 14h9",
        "file" => "M6.5 3.5h7l4 4v13h-11zM13.5 3.5v4h4",
        "link" => {
            "M10 14 14 10M8.5 11 6 13.5a3.2 3.2 0 0 0 4.5 4.5L13 15.5M15.5 13 18 10.5A3.2 3.2 0 0 0 13.5 6L11 8.5"
        }
        "people" => {
            "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.5 19c0-6 11-6 11 0M16 5.5a3 3 0 0 1 0 5.5M17 14c2.5.5 3.5 2.5 3.5 5"
        }
        "data" => "M5 6h14M5 12h14M5 18h9",
        "help" => "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5",
        _ => "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
    };
    html! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={path.to_string()} /></svg>
    }
}
