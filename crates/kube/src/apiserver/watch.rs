//! Watches of the API: the events of a kind from a revision on, one JSON line each.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Value, json};
use sim::{Conn, Either, Http, HttpResponse, Packet, race};

use super::Server;
use super::cache::Event;
use super::failure::Failure;
use super::rest::Filter;
use super::routes::{Query, Route};
use crate::tasks::until;
use crate::value;

/// How long a watch stays open where its client does not say.
const TIMEOUT_S: i64 = 1800;

impl Server {
    /// Serves a watch until it ends; the error comes before anything was sent.
    pub(super) async fn watch(
        &self,
        conn: &Conn,
        route: &Route,
        query: &Query,
    ) -> Result<(), Failure> {
        let filter = Filter::of(route.kind, query)?;
        let ours = |object: &Value| {
            (route.namespace.is_empty() || value::namespace(object) == route.namespace)
                && (route.name.is_empty() || value::name(object) == route.name)
                && filter.fits(object)
        };
        let mut first = String::new();
        let mut revision: i64 = match query.get("resourceVersion") {
            "" | "0" => {
                let (objects, revision) = self.caches.all(route.kind)?;
                for object in objects.iter().filter(|object| ours(object)) {
                    line(&mut first, "ADDED", object);
                }
                revision
            }
            text => text.parse().map_err(|_| {
                Failure::bad(format!("invalid resource version \"{text}\": it is no number"))
            })?,
        };
        self.caches.reaches(route.kind, revision)?;
        let mut response = HttpResponse::new(200, "application/json", first);
        response.more = true;
        if conn.send(Packet::Http(Http::Response(response))).is_err() {
            return Ok(());
        }
        let seconds = Some(query.int("timeoutSeconds")).filter(|it| *it > 0).unwrap_or(TIMEOUT_S);
        let seconds = u64::try_from(seconds).unwrap_or_default();
        let ends_us = self.sys.mono_us() + seconds * 1_000_000;
        loop {
            let left_us = ends_us.saturating_sub(self.sys.mono_us());
            let over = async { race(conn.closed(), self.sys.sleep_us(left_us)).await };
            let events = until(|| self.caches.after(route.kind, revision));
            let events = match race(events, over).await {
                Either::Left(Ok(events)) => events,
                Either::Left(Err(failure)) => {
                    let mut text = String::new();
                    line(&mut text, "ERROR", &failure.status());
                    let _ = conn.send_chunk(Bytes::from(text), false);
                    return Ok(());
                }
                Either::Right(_) => {
                    // The client that hung up hears nothing of it.
                    let _ = conn.send_chunk(Bytes::new(), false);
                    return Ok(());
                }
            };
            let mut text = String::new();
            for event in &events {
                revision = event.revision;
                tell(&mut text, event, &ours);
            }
            if !text.is_empty() && conn.send_chunk(Bytes::from(text), true).is_err() {
                return Ok(());
            }
        }
    }
}

/// What an event is to a watcher that sees only some of the objects.
fn tell(out: &mut String, event: &Event, ours: &impl Fn(&Value) -> bool) {
    let seen = |object: &Option<Rc<Value>>| object.as_ref().is_some_and(|object| ours(object));
    match (seen(&event.before), seen(&event.object)) {
        (false, false) => {}
        (false, true) => line(out, "ADDED", event.object.as_ref().expect("it was seen")),
        (true, true) => line(out, "MODIFIED", event.object.as_ref().expect("it was seen")),
        (true, false) => {
            // The last that was known of it, at the moment of its end.
            let mut object = (**event.before.as_ref().expect("it was seen")).clone();
            value::set(&mut object, "metadata.resourceVersion", event.revision.to_string());
            line(out, "DELETED", &object);
        }
    }
}

fn line(out: &mut String, kind: &str, object: &Value) {
    out.push_str(&json!({"type": kind, "object": object}).to_string());
    out.push('\n');
}
