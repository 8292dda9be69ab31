//! The canvas under the cards.

use std::f64::consts::{FRAC_PI_2, TAU};

use lab::api::{LinkView, Power};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d as Context, HtmlCanvasElement};

use super::flights::Drawn;
use super::kinds::{self, Shape};
use super::layout::{along, edge};
use super::{Gesture, Point, Scene};
use crate::{math, platform, text};

/// Requests and replies of a link keep to their side.
const ASIDE: f64 = 7.0;
/// Half the width of a message.
const HALF: f64 = 6.5;

/// The colours of the style sheet, read once per theme.
#[derive(Clone, Debug, Default)]
pub(super) struct Palette {
    families: Vec<(&'static str, String)>,
    link: String,
    lead: String,
    cut: String,
    ink: String,
    paper: String,
    accent: String,
    font: String,
}

impl Palette {
    pub(super) fn read() -> Palette {
        let root = platform::document().document_element().expect("a document has a root");
        let style = platform::window().get_computed_style(&root).ok().flatten();
        let value = |name: &str| {
            style.as_ref().and_then(|it| it.get_property_value(name).ok()).unwrap_or_default()
        };
        Palette {
            families: kinds::FAMILIES
                .iter()
                .map(|family| (family.name, value(&format!("--m-{}", family.name))))
                .collect(),
            link: value("--link"),
            lead: value("--link-lead"),
            cut: value("--bad"),
            ink: value("--ink-2"),
            paper: value("--stage"),
            accent: value("--accent"),
            font: format!("500 11px {}", value("--sans")),
        }
    }

    fn family(&self, name: &str) -> &str {
        self.families.iter().find(|(it, _)| *it == name).map_or("#888", |(_, colour)| colour)
    }
}

impl Scene {
    /// Where a message is drawn now; none before its birth.
    pub(super) fn spot(&self, drawn: &Drawn) -> Option<Point> {
        let part = drawn.part(self.wall_ms, self.now_us);
        if part < 0.0 {
            return None;
        }
        let (from, to) = self.ends(&drawn.flight.from, &drawn.flight.to)?;
        // A lost message falls off half-way; without motion all wait in the middle.
        let shown = match (self.still, drawn.flight.lost) {
            (true, _) => 0.5,
            (false, true) => part * 0.55,
            (false, false) => smooth(part),
        };
        Some(along(from, to, shown, ASIDE))
    }

    fn ends(&self, from: &str, to: &str) -> Option<(Point, Point)> {
        let (from, to) = (*self.places.get(from)?, *self.places.get(to)?);
        let size = self.size();
        Some((edge(from, to, size), edge(to, from, size)))
    }

    /// Draws everything anew.
    pub(super) fn draw(&self) {
        let Some((canvas, context)) = canvas() else { return };
        let ratio = platform::window().device_pixel_ratio().clamp(1.0, 2.0);
        let (width, height) = ((self.width * ratio) as u32, (self.height * ratio) as u32);
        if canvas.width() != width || canvas.height() != height {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).expect("finite numbers");
        context.clear_rect(0.0, 0.0, self.width, self.height);
        self.draw_links(&context);
        for drawn in &self.flights.drawn {
            self.draw_message(&context, drawn);
        }
        self.draw_gesture(&context);
    }

    fn draw_links(&self, context: &Context) {
        let hosts: Vec<&String> = self.places.iter().map(|(host, _)| host).collect();
        for (i, a) in hosts.iter().enumerate() {
            for b in &hosts[i + 1..] {
                self.draw_link(context, a, b);
            }
        }
    }

    fn draw_link(&self, context: &Context, a: &str, b: &str) {
        let Some((from, to)) = self.ends(a, b) else { return };
        let state = |from: &str, to: &str| {
            self.links.iter().find(|link| link.from == from && link.to == to)
        };
        let (there, back) = (state(a, b), state(b, a));
        let cut = |link: Option<&LinkView>| link.is_some_and(|link| link.cut);
        let off = |host: &str| {
            self.powers.get(host).is_none_or(|it| matches!(it, Power::Off | Power::Stopped))
        };
        let leads = |host: &str| self.leader.as_deref() == Some(host);
        context.set_line_cap("round");
        match (cut(there), cut(back)) {
            (true, true) => self.draw_cut(context, from, to),
            (false, false) => {
                let lead = (leads(a) || leads(b)) && !off(a) && !off(b);
                context.set_stroke_style_str(if lead {
                    &self.palette.lead
                } else {
                    &self.palette.link
                });
                context.set_line_width(if lead { 1.75 } else { 1.25 });
                context.set_global_alpha(if off(a) || off(b) { 0.35 } else { 1.0 });
                line(context, from, to);
                context.set_global_alpha(1.0);
            }
            (there_cut, _) => {
                let (from, to) = if there_cut { (from, to) } else { (to, from) };
                self.draw_one_way(context, from, to);
            }
        }
        let words = words(there.or(back));
        for (line, word) in words.iter().enumerate() {
            let below = (line as f64 - (words.len() as f64 - 1.0) / 2.0) * 19.0;
            self.draw_label(context, at(along(from, to, 0.5, 0.0), 0.0, below), word);
        }
    }

    /// Nothing passes: a broken line with a cross in the middle.
    fn draw_cut(&self, context: &Context, from: Point, to: Point) {
        context.set_stroke_style_str(&self.palette.cut);
        context.set_line_width(1.25);
        context.set_global_alpha(0.55);
        dash(context, &[2.0, 7.0]);
        line(context, from, to);
        dash(context, &[]);
        context.set_global_alpha(1.0);
        let middle = along(from, to, 0.5, 0.0);
        context.set_line_width(2.0);
        let arm = 4.5;
        line(context, at(middle, -arm, -arm), at(middle, arm, arm));
        line(context, at(middle, -arm, arm), at(middle, arm, -arm));
    }

    /// One direction is cut: broken on its side, whole with an arrow on the other.
    fn draw_one_way(&self, context: &Context, cut_from: Point, cut_to: Point) {
        context.set_stroke_style_str(&self.palette.cut);
        context.set_line_width(1.25);
        dash(context, &[2.0, 7.0]);
        line(context, along(cut_from, cut_to, 0.0, 3.0), along(cut_from, cut_to, 1.0, 3.0));
        dash(context, &[]);
        context.set_stroke_style_str(&self.palette.lead);
        context.set_fill_style_str(&self.palette.lead);
        line(context, along(cut_to, cut_from, 0.0, 3.0), along(cut_to, cut_from, 1.0, 3.0));
        let tip = along(cut_to, cut_from, 0.98, 3.0);
        let angle = math::atan2(cut_from.y - cut_to.y, cut_from.x - cut_to.x);
        polygon(context, tip, 6.0, angle, 3);
        context.fill();
    }

    fn draw_label(&self, context: &Context, place: Point, text: &str) {
        context.set_font(&self.palette.font);
        context.set_text_align("center");
        context.set_text_baseline("middle");
        let width = context.measure_text(text).map_or(40.0, |it| it.width()) + 12.0;
        context.set_fill_style_str(&self.palette.paper);
        context.set_stroke_style_str(&self.palette.lead);
        context.set_line_width(1.0);
        context.begin_path();
        context.round_rect_with_f64(place.x - width / 2.0, place.y - 9.0, width, 18.0, 9.0).ok();
        context.fill();
        context.stroke();
        context.set_fill_style_str(&self.palette.ink);
        context.fill_text(text, place.x, place.y + 0.5).ok();
    }

    fn draw_message(&self, context: &Context, drawn: &Drawn) {
        let Some(place) = self.spot(drawn) else { return };
        let flight = &drawn.flight;
        let (family, reply) = kinds::family(flight.kind);
        let colour = self.palette.family(family.name);
        let part = drawn.part(self.wall_ms, self.now_us);
        let quiet = kinds::is_quiet(flight.kind);
        let fade = if flight.lost { (1.0 - part).max(0.0) } else { 1.0 };
        context.set_global_alpha(fade * if quiet { 0.75 } else { 1.0 });
        context.set_fill_style_str(if reply { &self.palette.paper } else { colour });
        context.set_stroke_style_str(colour);
        context.set_line_width(if reply { 2.0 } else { 1.5 });
        let half = if quiet { HALF * 0.62 } else { HALF };
        let direction = self.direction(&flight.from, &flight.to);
        shape(context, family.shape, place, half, direction);
        context.fill();
        context.stroke();
        context.set_global_alpha(1.0);
        if flight.lost && part > 0.5 {
            self.draw_lost(context, place);
        }
        if self.picked == Some(flight.id) {
            context.set_stroke_style_str(&self.palette.accent);
            context.set_line_width(2.0);
            circle(context, place, HALF + 6.0);
            context.stroke();
        }
    }

    fn draw_lost(&self, context: &Context, place: Point) {
        context.set_stroke_style_str(&self.palette.cut);
        context.set_line_width(2.0);
        line(context, at(place, -5.0, -5.0), at(place, 5.0, 5.0));
        line(context, at(place, -5.0, 5.0), at(place, 5.0, -5.0));
    }

    fn direction(&self, from: &str, to: &str) -> f64 {
        match (self.places.get(from), self.places.get(to)) {
            (Some(from), Some(to)) => math::atan2(to.y - from.y, to.x - from.x),
            _ => 0.0,
        }
    }

    fn draw_gesture(&self, context: &Context) {
        context.set_stroke_style_str(&self.palette.accent);
        context.set_line_width(1.5);
        match &self.gesture {
            Some(Gesture::Lasso(a, b)) => {
                dash(context, &[5.0, 4.0]);
                context.stroke_rect(
                    a.x.min(b.x),
                    a.y.min(b.y),
                    (a.x - b.x).abs(),
                    (a.y - b.y).abs(),
                );
                dash(context, &[]);
                context.set_fill_style_str(&self.palette.accent);
                context.set_global_alpha(0.08);
                context.fill_rect(a.x.min(b.x), a.y.min(b.y), (a.x - b.x).abs(), (a.y - b.y).abs());
                context.set_global_alpha(1.0);
            }
            Some(Gesture::Line(host, to)) => {
                if let Some(from) = self.places.get(host) {
                    context.set_line_width(2.5);
                    line(context, *from, *to);
                }
            }
            None => {}
        }
    }
}

fn canvas() -> Option<(HtmlCanvasElement, Context)> {
    let canvas: HtmlCanvasElement = platform::by_id("stage-canvas")?.dyn_into().ok()?;
    let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    Some((canvas, context))
}

/// Slow at both ends, so that leaving and arriving can be seen.
fn smooth(part: f64) -> f64 {
    part * part * (3.0 - 2.0 * part)
}

/// What is unusual about a link, in words.
fn words(link: Option<&LinkView>) -> Vec<String> {
    let Some(link) = link else { return Vec::new() };
    let percent = |per_10k: u16| format!("{} %", text::decimal(per_10k.into(), 100));
    let mut words = Vec::new();
    if link.latency_us >= 1000 {
        words.push(text::span(link.latency_us));
    }
    if link.loss_per_10k > 0 {
        words.push(format!("{} lost", percent(link.loss_per_10k)));
    }
    if link.duplicate_per_10k > 0 {
        words.push(format!("{} twice", percent(link.duplicate_per_10k)));
    }
    words
}

fn at(point: Point, dx: f64, dy: f64) -> Point {
    Point { x: point.x + dx, y: point.y + dy }
}

fn line(context: &Context, from: Point, to: Point) {
    context.begin_path();
    context.move_to(from.x, from.y);
    context.line_to(to.x, to.y);
    context.stroke();
}

fn dash(context: &Context, lengths: &[f64]) {
    let lengths: js_sys::Array =
        lengths.iter().map(|it| wasm_bindgen::JsValue::from(*it)).collect();
    context.set_line_dash(&lengths).expect("lengths are positive numbers");
}

fn circle(context: &Context, place: Point, radius: f64) {
    context.begin_path();
    context.arc(place.x, place.y, radius, 0.0, TAU).expect("a radius is positive");
}

fn polygon(context: &Context, place: Point, radius: f64, turned: f64, corners: u32) {
    context.begin_path();
    for corner in 0..corners {
        let angle = turned + TAU * f64::from(corner) / f64::from(corners);
        let (x, y) = (place.x + radius * math::cos(angle), place.y + radius * math::sin(angle));
        if corner == 0 {
            context.move_to(x, y);
        } else {
            context.line_to(x, y);
        }
    }
    context.close_path();
}

fn shape(context: &Context, shape: Shape, place: Point, half: f64, direction: f64) {
    match shape {
        Shape::Square => {
            context.begin_path();
            context.rect(
                place.x - half + 0.5,
                place.y - half + 0.5,
                half * 2.0 - 1.0,
                half * 2.0 - 1.0,
            );
        }
        Shape::Dot => circle(context, place, half),
        Shape::Triangle => polygon(context, place, half + 1.5, -FRAC_PI_2, 3),
        Shape::Hexagon => polygon(context, place, half + 3.0, 0.0, 6),
        Shape::Diamond => polygon(context, place, half + 1.5, 0.0, 4),
        Shape::Arrow => polygon(context, place, half + 1.5, direction, 3),
        Shape::Pill => {
            context.begin_path();
            let (width, height) = (half * 2.6, half * 1.5);
            context
                .round_rect_with_f64(
                    place.x - width / 2.0,
                    place.y - height / 2.0,
                    width,
                    height,
                    height / 2.0,
                )
                .ok();
        }
    }
}
