//! Where the members stand: a ring that fills the stage.

use crate::math;

/// A point of the stage, in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    /// From the left.
    pub(crate) x: f64,
    /// From the top.
    pub(crate) y: f64,
}

impl Point {
    /// How far another point is.
    pub(crate) fn distance(self, other: Point) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        math::sqrt(dx * dx + dy * dy)
    }
}

/// How a member is drawn: the more there are and the smaller the stage, the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Everything on the card.
    Full,
    /// Role, term and indices.
    Compact,
    /// A disc with a name.
    Disc,
}

impl Size {
    /// Width and height of a card, as the style sheet has them.
    pub(crate) fn extent(self) -> (f64, f64) {
        match self {
            Size::Full => (188.0, 112.0),
            Size::Compact => (146.0, 66.0),
            Size::Disc => (70.0, 66.0),
        }
    }

    /// The class of the card.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Size::Full => "full",
            Size::Compact => "compact",
            Size::Disc => "disc",
        }
    }
}

/// Room kept at the edges: the toolbar floats over the bottom.
const TOP: f64 = 14.0;
const BOTTOM: f64 = 66.0;
const SIDE: f64 = 14.0;

/// The largest size that fits, and a place for each of `count` members, the first on top.
pub(crate) fn ring(count: usize, width: f64, height: f64) -> (Size, Vec<Point>) {
    let sizes = [Size::Full, Size::Compact, Size::Disc];
    let fitting = sizes.into_iter().find(|size| fits(*size, count, width, height));
    let size = fitting.unwrap_or(Size::Disc);
    (size, places(size, count, width, height))
}

fn places(size: Size, count: usize, width: f64, height: f64) -> Vec<Point> {
    let (card_width, card_height) = size.extent();
    // Where the middle of a card may be.
    let (left, right) = (SIDE + card_width / 2.0, width - SIDE - card_width / 2.0);
    let (top, bottom) = (TOP + card_height / 2.0, height - BOTTOM - card_height / 2.0);
    if count == 1 {
        // Alone, it has the middle: the legend is on top.
        return vec![Point { x: width / 2.0, y: top.midpoint(bottom) }];
    }
    let high = (bottom - top).min((right - left).max(0.0) * 1.5).max(40.0);
    // A very wide ring hides who is whose neighbour: bounded in its width.
    let wide = (right - left).min((high * 2.6).max(480.0)).max(40.0);
    let turn = std::f64::consts::TAU / count.max(1) as f64;
    let angle = |place: usize| turn * place as f64 - std::f64::consts::FRAC_PI_2;
    let ring: Vec<Point> = (0..count)
        .map(|place| Point { x: math::cos(angle(place)), y: math::sin(angle(place)) })
        .collect();
    // An odd ring is not as high below its middle as above: stretched to the room there is.
    let low = |it: fn(&Point) -> f64| ring.iter().map(it).fold(0.0, f64::min);
    let far = |it: fn(&Point) -> f64| ring.iter().map(it).fold(0.0, f64::max);
    let (x0, x1, y0, y1) = (low(|it| it.x), far(|it| it.x), low(|it| it.y), far(|it| it.y));
    let fit = |value: f64, from: f64, to: f64, room: f64| {
        let middle = (from + to) / 2.0;
        if to - from < 0.1 { 0.0 } else { (value - middle) / (to - from) * room }
    };
    let (middle_x, middle_y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    ring.iter()
        .map(|it| Point {
            x: middle_x + fit(it.x, x0, x1, wide),
            y: middle_y + fit(it.y, y0, y1, high),
        })
        .collect()
}

/// Whether no two cards touch.
fn fits(size: Size, count: usize, width: f64, height: f64) -> bool {
    let (card_width, card_height) = size.extent();
    let gap = match size {
        Size::Full => 26.0,
        Size::Compact => 12.0,
        Size::Disc => 2.0,
    };
    let all = places(size, count, width, height);
    if card_width * 2.0 + gap > width || card_height + TOP + BOTTOM > height {
        return false;
    }
    all.iter().enumerate().all(|(i, a)| {
        all[i + 1..].iter().all(|b| {
            (a.x - b.x).abs() >= card_width + gap || (a.y - b.y).abs() >= card_height + gap
        })
    })
}

/// Where the line from the middle of one card to another leaves the first.
pub(crate) fn edge(from: Point, to: Point, size: Size) -> Point {
    let (width, height) = size.extent();
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let by_width = if dx == 0.0 { f64::INFINITY } else { (width / 2.0 + 3.0) / dx.abs() };
    let by_height = if dy == 0.0 { f64::INFINITY } else { (height / 2.0 + 3.0) / dy.abs() };
    let part = by_width.min(by_height).min(0.48);
    Point { x: from.x + dx * part, y: from.y + dy * part }
}

/// A point on the way, moved aside so that the two directions of a link do not meet.
pub(crate) fn along(from: Point, to: Point, part: f64, aside: f64) -> Point {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = from.distance(to).max(1.0);
    Point {
        x: from.x + dx * part - dy / length * aside,
        y: from.y + dy * part + dx / length * aside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_nine_members_fit_every_screen_without_touching() {
        for (width, height) in [(860.0, 470.0), (1200.0, 600.0), (360.0, 480.0), (700.0, 380.0)] {
            for count in 1..=9 {
                let (size, places) = ring(count, width, height);
                assert_eq!(places.len(), count);
                assert!(fits(size, count, width, height), "{count} in {width}x{height}: {size:?}");
                let (card_width, card_height) = size.extent();
                for place in places {
                    assert!(place.x >= card_width / 2.0 && place.x <= width - card_width / 2.0);
                    assert!(place.y >= card_height / 2.0 && place.y <= height - card_height / 2.0);
                }
            }
        }
        assert_eq!(ring(3, 860.0, 470.0).0, Size::Full);
    }

    #[test]
    fn links_leave_a_card_at_its_edge() {
        let (from, to) = (Point { x: 100.0, y: 100.0 }, Point { x: 900.0, y: 100.0 });
        let out = edge(from, to, Size::Full);
        assert_eq!((out.x, out.y), (100.0 + 188.0 / 2.0 + 3.0, 100.0));
        let middle = along(from, to, 0.5, 4.0);
        assert_eq!((middle.x, middle.y), (500.0, 104.0));
    }
}
