//! Files out of the virtual hosts and into them, and the whole cluster as an archive.

use js_sys::Uint8Array;
use lab::api::{Answer, Command};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::Context;

use super::App;
use crate::link::{Ask, Reply, get};
use crate::msg::{Chosen, Msg};
use crate::platform::{self, browser};
use crate::text;

/// The session takes no larger file: it stays in the recipe.
const PUT_BYTES_MAX: u32 = 32 << 20;
/// So much of a hash is enough to compare by eye.
const HASH_SHOWN: usize = 16;

impl App {
    /// Asks for a file of a host; it is offered under its last name.
    pub(super) fn take_out(&mut self, host: String, path: String) {
        let name = path.rsplit('/').next().unwrap_or("file").to_string();
        self.link.call(Ask::Pull { name }, &Command::Pull { host, path });
    }

    /// Asks for the archive that starts this cluster on real machines.
    pub(super) fn take_home(&mut self) {
        let seed = self.options.as_ref().map_or(0, |options| options.seed);
        let name = format!("take-home-seed{seed}.tar");
        self.link.call(Ask::Pull { name }, &Command::TakeHome);
    }

    /// A file came out, or a sentence why not.
    pub(super) fn pulled(&mut self, name: &str, reply: Reply) {
        match (reply.blob, reply.answer) {
            (Some(bytes), _) => {
                // That it came is the browser's to show.
                browser::download(name, bytes);
            }
            (None, Some(Answer::Refused(why))) => self.ui.notice(true, format!("{name}: {why}")),
            _ => {}
        }
    }

    /// Lets the learner choose a file for the directory on screen.
    pub(super) fn choose_for(&mut self, ctx: &Context<Self>, host: String) {
        if !self.is_live() {
            self.ui.notice(true, "This tab only shows the lab: take it over first.");
            return;
        }
        let folder = self.ui.folder.clone();
        let link = ctx.link().clone();
        spawn_local(async move {
            match JsFuture::from(browser::take_file(PUT_BYTES_MAX)).await {
                Ok(file) if file.is_object() => {
                    let name = get(&file, "name").as_string().unwrap_or_default();
                    let path = format!("{}/{name}", folder.trim_end_matches('/'));
                    let chosen = Chosen {
                        host,
                        path,
                        size: get(&file, "size").as_f64().unwrap_or(0.0) as u64,
                        bytes: get(&file, "bytes").dyn_into::<Uint8Array>().ok(),
                        sha256: get(&file, "sha256").as_string().unwrap_or_default(),
                    };
                    link.send_message(Msg::PutIn(Box::new(chosen)));
                }
                // Nothing was chosen.
                Ok(_) => {}
                Err(error) => link.send_message(Msg::Unread(
                    get(&error, "message").as_string().unwrap_or_default(),
                )),
            }
        });
    }

    /// The chosen file was read: onto the host with it.
    pub(super) fn put_in(&mut self, chosen: Chosen) {
        let Chosen { host, path, size, bytes, sha256 } = chosen;
        let Some(bytes) = bytes.filter(|_| self.is_live()) else {
            let (size, most) = (text::bytes(size), text::bytes(u64::from(PUT_BYTES_MAX)));
            self.ui.notice(
                true,
                format!("{path} was not put in: it has {size}, and a lab keeps up to {most}."),
            );
            return;
        };
        let mut said = format!("{host}:{path} is there: {}", text::bytes(size));
        if let Some(hash) = sha256.get(..HASH_SHOWN) {
            said.push_str(&format!(", SHA-256 {hash}…"));
        }
        self.seq += 1;
        self.saver.touched(platform::wall_ms());
        self.link.push(self.seq, &host, &path, bytes, said);
    }

    /// The file is on the host, or was refused.
    pub(super) fn pushed(&mut self, reply: &Reply) {
        let Ask::Push { seq, host, path, bytes, said } = &reply.ask else { return };
        self.stale = true;
        if reply.point != 0 {
            self.note_point(reply.point, seq - 1, reply.at_us);
            self.push_undo(reply.point);
        }
        match &reply.answer {
            Some(Answer::Refused(why)) => self.ui.notice(true, why.clone()),
            _ => self.ui.notice(false, format!("{said}.")),
        }
        self.store_file(*seq, reply.at_us, host, path, bytes);
    }
}
