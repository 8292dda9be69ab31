//! Certificates in a world: clients and members whose handshakes succeed or fail, each for
//! its true reason.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use pki::{GeneralName, Issuer, Name, PrivateKey, Template, Usage};
use sim::net::ip_of;
use sim::{
    Fault, Group, HostId, HttpRequest, Install, SpawnSpec, TlsClient, TlsServer, World, WorldSpec,
};

use crate::common::*;

const YEAR_S: i64 = 365 * 86_400;

fn begin_s() -> i64 {
    i64::try_from(WorldSpec::default().epoch_us / 1_000_000).unwrap()
}

fn ca(seed: u64) -> Issuer {
    pki::authority("etcd-ca", seed, begin_s(), begin_s() + 10 * YEAR_S)
}

/// A host's certificate and key, PEM.
fn pair(host: u8, ca: &Issuer, until_s: i64) -> (String, String) {
    let key = PrivateKey::from_seed(9, &format!("n{host}"));
    let names = vec![
        GeneralName::Dns(format!("n{}", host + 1)),
        GeneralName::Ip(ip_of(HostId(host)).to_vec()),
        GeneralName::Ip(vec![127, 0, 0, 1]),
    ];
    let usages = [Usage::ServerAuth, Usage::ClientAuth];
    let leaf = Template::leaf(Name::new(&[], &format!("n{}", host + 1)), &usages, names);
    (leaf.valid(begin_s(), until_s).issue(&key, ca).to_pem(), key.to_pem())
}

/// Three members with certificates under `/pki`; those of the third are of another authority
/// of the same name.
fn world(stranger: bool, until_s: i64) -> World {
    let mut spec = spec(3, 3, 4);
    let (own, other) = (ca(1), ca(2));
    for (number, member) in (0..).zip(&mut spec.members) {
        let https = |urls: &mut Vec<String>| {
            urls.iter_mut().for_each(|url| *url = url.replace("http:", "https:"));
        };
        let config = &mut member.config;
        https(&mut config.listen_peer_urls);
        https(&mut config.listen_client_urls);
        https(&mut config.initial_advertise_peer_urls);
        https(&mut config.advertise_client_urls);
        config.initial_cluster.iter_mut().for_each(|(_, urls)| https(urls));
        for files in [&mut config.client_tls, &mut config.peer_tls] {
            files.cert_file = "/pki/it.crt".to_owned();
            files.key_file = "/pki/it.key".to_owned();
            files.trusted_ca_file = "/pki/ca.crt".to_owned();
            files.client_cert_auth = true;
        }
        let issuer = if stranger && number == 2 { &other } else { &own };
        let (certificate, key) = pair(number, issuer, until_s);
        for (path, text) in [
            ("/pki/it.crt", certificate),
            ("/pki/it.key", key),
            ("/pki/ca.crt", own.certificate.to_pem()),
        ] {
            spec.install.push(Install::file(&member.host, path, text.into_bytes(), 0o600));
        }
    }
    World::new(spec)
}

fn said(world: &World, host: u8, text: &str) -> bool {
    world.journal(HostId(host), 512).iter().any(|line| line.contains(text))
}

/// Asks a member for its health, and tells what came of it.
fn ask(world: &mut World, from: u8, addr: &str, client: TlsClient) -> String {
    let answer: Rc<RefCell<Option<String>>> = Rc::default();
    let (told, addr) = (answer.clone(), addr.to_owned());
    let code = move |sys: sim::Sys| -> sim::Task {
        Box::pin(async move {
            let conn = sys.dial(&addr).await.unwrap();
            let text = match conn.start_tls(&sys, &client).await {
                Err(error) => error.to_string(),
                Ok(()) => {
                    match (conn.ask(HttpRequest::new("GET", "/health")).await, conn.alert()) {
                        (Ok(response), _) => String::from_utf8_lossy(&response.body).into_owned(),
                        (Err(_), Some(alert)) => format!("remote error: tls: {alert}"),
                        (Err(_), None) => "EOF".to_owned(),
                    }
                }
            };
            *told.borrow_mut() = Some(text);
            0
        })
    };
    let spec = SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/c", &["c"]) };
    world.spawn_task(HostId(from), spec, Box::new(code)).unwrap();
    wait(world, 20 * SECOND_US, "an answer", |_| answer.borrow().is_some());
    answer.borrow_mut().take().unwrap()
}

fn client(host: u8, server_name: &str) -> TlsClient {
    let (certificate, key) = pair(host, &ca(1), begin_s() + YEAR_S);
    TlsClient {
        roots: Bytes::from(ca(1).certificate.to_pem()),
        certificate: Bytes::from(certificate),
        key: Bytes::from(key),
        server_name: server_name.to_owned(),
        insecure_skip_verify: false,
    }
}

#[test]
fn clients_hear_the_true_reason() {
    let mut world = world(false, begin_s() + YEAR_S);
    wait_leader(&mut world);
    run(&mut world, 2 * SECOND_US);
    let good = client(0, "n1");
    assert_eq!(ask(&mut world, 1, "n1:2379", good.clone()), r#"{"health":"true","reason":""}"#);
    let roots = Bytes::from(ca(2).certificate.to_pem());
    let wrong_ca = TlsClient { roots, ..good.clone() };
    assert_eq!(
        ask(&mut world, 1, "n1:2379", wrong_ca),
        "tls: failed to verify certificate: x509: certificate signed by unknown authority \
         (possibly because of \"x509: ECDSA verification failure\" while trying to verify \
         candidate authority certificate \"etcd-ca\")"
    );
    assert!(said(&world, 0, "remote error: tls: bad certificate"));
    assert_eq!(
        ask(&mut world, 1, "n1:2379", client(0, "n2")),
        "tls: failed to verify certificate: x509: certificate is valid for n1, not n2"
    );
    let nobody = TlsClient { certificate: Bytes::new(), key: Bytes::new(), ..good.clone() };
    assert_eq!(ask(&mut world, 1, "n1:2379", nobody), "remote error: tls: certificate required");
    assert!(said(&world, 0, "tls: client didn't provide a certificate"));
    let (certificate, key) = pair(0, &ca(2), begin_s() + YEAR_S);
    let (certificate, key) = (Bytes::from(certificate), Bytes::from(key));
    let stranger = TlsClient { certificate, key, ..good };
    assert_eq!(
        ask(&mut world, 1, "n1:2379", stranger),
        "remote error: tls: unknown certificate authority"
    );
    assert!(said(&world, 0, "rejected connection on client endpoint"));
}

#[test]
fn a_member_whose_certificate_is_a_strangers_talks_to_nobody_until_it_has_a_good_one() {
    let mut world = world(true, begin_s() + YEAR_S);
    wait(&mut world, 5 * SECOND_US, "a leader of two", |world| {
        leader(world).is_some_and(|host| host != HostId(2))
    });
    run(&mut world, 8 * SECOND_US);
    let third = world.member(HostId(2)).unwrap();
    assert_eq!((third.leader, third.commit), (None, third.commit));
    assert!(said(&world, 0, "rejected connection on peer endpoint"));
    assert!(said(&world, 2, "prober detected unhealthy status"));
    // Certificates are read for every handshake: nobody has to be restarted.
    let (certificate, _) = pair(2, &ca(1), begin_s() + YEAR_S);
    world.write_file(HostId(2), "/pki/it.crt", Bytes::from(certificate), 0o600).unwrap();
    wait(&mut world, 5 * SECOND_US, "agreement of three", agree);
}

#[test]
fn a_certificate_that_expires_ends_no_stream_and_begins_none() {
    let mut world = world(false, begin_s() + 60);
    wait_leader(&mut world);
    run(&mut world, 70 * SECOND_US);
    wait(&mut world, SECOND_US, "still a cluster", |world| leader(world).is_some());
    let late = ask(&mut world, 1, "n1:2379", client(0, "n1"));
    assert!(
        late.starts_with(
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: \
         current time 2026-11-22T09:01:1"
        ),
        "{late}"
    );
    inject(&mut world, Fault::Restart { host: HostId(1) });
    run(&mut world, 5 * SECOND_US);
    assert!(said(&world, 1, "certificate has expired"));
    assert_eq!(world.member(HostId(1)).unwrap().leader, None);
}

#[test]
fn a_process_serves_those_it_knows() {
    let mut world = cluster(2, 5);
    let (certificate, key) = pair(0, &ca(1), begin_s() + YEAR_S);
    let server = TlsServer {
        certificate: sim::Pem::Bytes(Bytes::from(certificate)),
        key: sim::Pem::Bytes(Bytes::from(key)),
        client_ca: Some(Bytes::from(ca(1).certificate.to_pem())),
        client_auth: sim::ClientAuth::VerifyIfGiven,
        ..TlsServer::from_files("", "")
    };
    let names: Rc<RefCell<Vec<String>>> = Rc::default();
    let seen = names.clone();
    let code = move |sys: sim::Sys| -> sim::Task {
        Box::pin(async move {
            let listener = sys.listen("n1:6443").unwrap();
            loop {
                let conn = listener.accept().await;
                if let Err((error, _)) = conn.accept_tls(&sys, &server).await {
                    seen.borrow_mut().push(error.to_string());
                    continue;
                }
                let chain = conn.peer_chain();
                let name = chain.first().map(|der| pki::Certificate::from_der(der).unwrap());
                let name = name.map(|it| it.subject.common_name().to_owned());
                seen.borrow_mut().push(name.unwrap_or_else(|| "nobody".to_owned()));
                conn.serve(|_| async { sim::HttpResponse::new(200, "text/plain", "hello") }).await;
            }
        })
    };
    let spec = SpawnSpec { fds: Vec::new(), group: Group::Own, ..SpawnSpec::new("/s", &["s"]) };
    world.spawn_task(HostId(0), spec, Box::new(code)).unwrap();
    assert_eq!(ask(&mut world, 1, "n1:6443", client(1, "n1")), "hello");
    let nobody = TlsClient { certificate: Bytes::new(), key: Bytes::new(), ..client(1, "n1") };
    assert_eq!(ask(&mut world, 1, "n1:6443", nobody), "hello");
    let skeptic = client(1, "n3");
    assert!(ask(&mut world, 1, "n1:6443", skeptic).contains("valid for n1, not n3"));
    wait(&mut world, SECOND_US, "three callers", |_| names.borrow().len() == 3);
    assert_eq!(*names.borrow(), ["n2", "nobody", "remote error: tls: bad certificate"]);
}
