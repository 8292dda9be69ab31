//! Processes that serve: listening, accepting, HTTP, and how connections end.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use sim::{
    DialError, Group, HostId, Http, HttpRequest, HttpResponse, ListenError, Packet, Pid, Signal,
    SpawnSpec, Sys, Task, World, race,
};

use crate::common::*;

type Notes = Rc<RefCell<Vec<String>>>;

/// Starts code on a host.
fn go(world: &mut World, host: u8, code: impl FnOnce(Sys) -> Task + 'static) -> Pid {
    let spec =
        SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/p", &["program"]) };
    world.spawn_task(HostId(host), spec, Box::new(code)).unwrap()
}

fn serve(sys: Sys) -> Task {
    Box::pin(async move {
        let listener = sys.listen("0.0.0.0:8080").unwrap();
        loop {
            let conn = listener.accept().await;
            conn.serve(|request| async move {
                let text = format!("{} {}", request.method, request.path);
                HttpResponse::new(200, "text/plain", text)
            })
            .await;
        }
    })
}

#[test]
fn a_process_serves_http_to_other_hosts() {
    let mut world = cluster(2, 1);
    go(&mut world, 0, serve);
    let notes = Notes::default();
    let said = notes.clone();
    go(&mut world, 1, move |sys| {
        Box::pin(async move {
            let conn = sys.dial("n1:8080").await.unwrap();
            for path in ["/a", "/b?c=d"] {
                let answer = conn.ask(HttpRequest::new("GET", path)).await.unwrap();
                assert_eq!(answer.header("content-type"), Some("text/plain"));
                said.borrow_mut().push(String::from_utf8(answer.body.to_vec()).unwrap());
            }
            let taken = sys.listen("n1:8080").unwrap_err();
            assert!(matches!(taken, ListenError::NotOurs { .. }), "{taken}");
            assert!(sys.sockets().iter().any(|it| it.remote == "10.0.0.1:8080"));
            0
        })
    });
    wait(&mut world, SECOND_US, "two answers", |_| notes.borrow().len() == 2);
    assert_eq!(*notes.borrow(), ["GET /a", "GET /b?c=d"]);
}

#[test]
fn a_stream_ends_when_either_side_goes() {
    let mut world = cluster(2, 2);
    let notes = Notes::default();
    let said = notes.clone();
    let server = go(&mut world, 0, move |sys| {
        Box::pin(async move {
            let listener = sys.listen(":9000").unwrap();
            assert!(matches!(sys.listen(":9000"), Err(ListenError::InUse { .. })));
            let first = listener.accept().await;
            let asked = first.recv().await.unwrap();
            assert!(matches!(asked, Packet::Http(Http::Request(_))));
            let head = HttpResponse { more: true, ..HttpResponse::new(200, "text/plain", "") };
            first.send(Packet::Http(Http::Response(head))).unwrap();
            for no in 0..1000_u32 {
                if first.send_chunk(Bytes::from(no.to_string()), true).is_err() {
                    break;
                }
                let _ = race(sys.sleep_us(100_000), first.closed()).await;
            }
            said.borrow_mut().push("the client went".to_owned());
            // The second is never accepted: it ends with the process.
            sys.sleep_us(3600 * SECOND_US).await;
            0
        })
    });
    let said = notes.clone();
    go(&mut world, 1, move |sys| {
        Box::pin(async move {
            let conn = sys.dial("n1:9000").await.unwrap();
            let head = conn.ask(HttpRequest::new("GET", "/watch")).await.unwrap();
            assert!(head.more);
            assert_eq!(conn.chunk().await, Ok(Some(Bytes::from_static(b"0"))));
            assert_eq!(conn.chunk().await, Ok(Some(Bytes::from_static(b"1"))));
            drop(conn);
            let second = sys.dial("n1:9000").await.unwrap();
            let end = format!("{:?}", second.recv().await);
            said.borrow_mut().push(end);
            let refused = sys.dial("n1:9000").await.unwrap_err();
            assert!(matches!(refused, DialError::Refused { .. }), "{refused}");
            0
        })
    });
    wait(&mut world, SECOND_US, "the client to go", |_| notes.borrow().len() == 1);
    go(&mut world, 0, move |sys| {
        Box::pin(async move {
            sys.kill(server, Signal::Kill).unwrap();
            0
        })
    });
    wait(&mut world, SECOND_US, "the server to go", |_| notes.borrow().len() == 2);
    assert_eq!(*notes.borrow(), ["the client went", "Err(Closed)"]);
}
