//! The page: shows what the session answers and asks it for more. It knows no rule of etcd.
//!
//! Reading order: `msg` (all that can happen), `state` (all that is remembered), `app` (what
//! each message does), `screens` and `panels` (what is drawn), `stage` (the sixty-frames-a-second part).

mod app;
mod bench;
mod boot;
mod clock;
mod coach;
mod course;
mod exam;
mod link;
mod map;
mod markdown;
mod math;
mod msg;
mod panels;
mod platform;
mod player;
mod progress;
mod saver;
mod screens;
mod scroll;
mod stage;
mod state;
mod store;
mod teach;
mod text;

fn main() {
    yew::Renderer::<app::App>::with_root(platform::mount_point()).render();
}
