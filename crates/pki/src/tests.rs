//! Chains as a whole: every error a learner can meet, in Go's words; and bytes that are no
//! certificates.

use crate::*;

const DAY_S: i64 = 86_400;
/// 2026-11-22T09:10:50Z.
const NOW_S: i64 = 1_795_338_650;

fn ca(name: &str) -> Issuer {
    authority(name, 1, NOW_S - DAY_S, NOW_S + 3650 * DAY_S)
}

fn names() -> Vec<GeneralName> {
    vec![
        GeneralName::Dns("localhost".into()),
        GeneralName::Dns("*.lab.example".into()),
        GeneralName::Ip(vec![127, 0, 0, 1]),
        GeneralName::Ip(vec![10, 0, 0, 1]),
    ]
}

fn leaf(usages: &[Usage], names: Vec<GeneralName>) -> Template {
    Template::leaf(Name::new(&[], "etcd-server"), usages, names)
        .valid(NOW_S - DAY_S, NOW_S + 365 * DAY_S)
}

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(7, name)
}

fn judge(chain: &[Certificate], roots: &[&Certificate], name: &str, usage: Usage) -> String {
    let mut pool = Pool::default();
    roots.iter().for_each(|root| pool.add((*root).clone()));
    let now_s = u64::try_from(NOW_S).unwrap();
    let options = VerifyOptions { roots: &pool, name: Some(name), now_s, usage };
    verify(chain, &options).map_or_else(|error| error.to_string(), |()| String::new())
}

#[test]
fn good_chains_are_good() {
    let ca = ca("etcd-ca");
    let server = leaf(&[Usage::ServerAuth, Usage::ClientAuth], names()).issue(&key("s"), &ca);
    for name in
        ["localhost", "LOCALHOST", "n1.lab.example", "127.0.0.1", "10.0.0.1", "[127.0.0.1]", ""]
    {
        assert_eq!(
            judge(std::slice::from_ref(&server), &[&ca.certificate], name, Usage::ServerAuth),
            ""
        );
    }
    assert_eq!(judge(std::slice::from_ref(&server), &[&ca.certificate], "", Usage::ClientAuth), "");
    // A certificate that is trusted itself needs nobody above it.
    assert_eq!(
        judge(std::slice::from_ref(&server), &[&server], "localhost", Usage::ServerAuth),
        ""
    );
    // One between.
    let mut template = leaf(&[], Vec::new());
    (template.ca, template.key_usage) = (true, KeyUsage::CERT_SIGN);
    template.subject = Name::new(&[], "between");
    let middle_key = key("middle");
    let middle = template.issue(&middle_key, &ca);
    let issuer = Issuer { certificate: middle.clone(), key: middle_key };
    let below = leaf(&[Usage::ServerAuth], names()).issue(&key("b"), &issuer);
    let chain = [below.clone(), middle];
    assert_eq!(judge(&chain, &[&ca.certificate], "localhost", Usage::ServerAuth), "");
    assert_eq!(
        judge(&[below], &[&ca.certificate], "localhost", Usage::ServerAuth),
        "x509: certificate signed by unknown authority"
    );
}

#[test]
fn every_fault_has_gos_words() {
    let ca = ca("etcd-ca");
    let both = [Usage::ServerAuth, Usage::ClientAuth];
    let root = &ca.certificate;
    let server = leaf(&both, names()).issue(&key("s"), &ca);
    let one = |certificate: &Certificate, roots: &[&Certificate], name: &str, usage| {
        judge(std::slice::from_ref(certificate), roots, name, usage)
    };
    let other = authority("other-ca", 2, NOW_S - DAY_S, NOW_S + DAY_S).certificate;
    let same_name = authority("etcd-ca", 2, NOW_S - DAY_S, NOW_S + DAY_S).certificate;
    let unknown = "x509: certificate signed by unknown authority";
    assert_eq!(one(&server, &[], "localhost", Usage::ServerAuth), unknown);
    assert_eq!(one(&server, &[&other], "localhost", Usage::ServerAuth), unknown);
    assert_eq!(
        one(&server, &[&same_name], "localhost", Usage::ServerAuth),
        format!(
            "{unknown} (possibly because of \"x509: ECDSA verification failure\" while trying to \
             verify candidate authority certificate \"etcd-ca\")"
        )
    );
    let alone = leaf(&both, names()).self_sign(&key("s"));
    assert_eq!(one(&alone, &[root], "localhost", Usage::ServerAuth), unknown);
    assert_eq!(
        one(&server, &[root], "n2", Usage::ServerAuth),
        "x509: certificate is valid for localhost, *.lab.example, not n2"
    );
    assert_eq!(
        one(&server, &[root], "10.0.0.2", Usage::ServerAuth),
        "x509: certificate is valid for 127.0.0.1, 10.0.0.1, not 10.0.0.2"
    );
    let by_name = leaf(&both, vec![GeneralName::Dns("n1".into())]).issue(&key("s"), &ca);
    assert_eq!(
        one(&by_name, &[root], "127.0.0.1", Usage::ServerAuth),
        "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
    );
    let nameless = leaf(&both, Vec::new()).issue(&key("s"), &ca);
    assert_eq!(
        one(&nameless, &[root], "etcd-server", Usage::ServerAuth),
        "x509: certificate relies on legacy Common Name field, use SANs instead"
    );
    assert_eq!(
        one(&nameless, &[root], "n1", Usage::ServerAuth),
        "x509: certificate is not valid for any names, but wanted to match n1"
    );
}

#[test]
fn faults_of_time_and_use_have_gos_words() {
    let ca = ca("etcd-ca");
    let both = [Usage::ServerAuth, Usage::ClientAuth];
    let root = &ca.certificate;
    let server = leaf(&both, names()).issue(&key("s"), &ca);
    let one = |certificate: &Certificate, roots: &[&Certificate], name: &str, usage| {
        judge(std::slice::from_ref(certificate), roots, name, usage)
    };
    let unknown = "x509: certificate signed by unknown authority";
    let old = leaf(&both, names()).valid(NOW_S - 9 * DAY_S, NOW_S - 1).issue(&key("s"), &ca);
    assert_eq!(
        one(&old, &[root], "localhost", Usage::ServerAuth),
        "x509: certificate has expired or is not yet valid: current time 2026-11-22T09:10:50Z \
         is after 2026-11-22T09:10:49Z"
    );
    let young = leaf(&both, names()).valid(NOW_S + 1, NOW_S + DAY_S).issue(&key("s"), &ca);
    assert_eq!(
        one(&young, &[root], "localhost", Usage::ServerAuth),
        "x509: certificate has expired or is not yet valid: current time 2026-11-22T09:10:50Z \
         is before 2026-11-22T09:10:51Z"
    );
    let client = leaf(&[Usage::ClientAuth], names()).issue(&key("c"), &ca);
    let usage = "x509: certificate specifies an incompatible key usage";
    assert_eq!(one(&client, &[root], "localhost", Usage::ServerAuth), usage);
    let only = leaf(&[Usage::ServerAuth], names()).issue(&key("c"), &ca);
    assert_eq!(one(&only, &[root], "", Usage::ClientAuth), usage);
    // Signed by one that may not sign.
    let fake = Issuer { certificate: server.clone(), key: key("s") };
    let below = leaf(&both, names()).issue(&key("b"), &fake);
    assert_eq!(
        one(&below, &[&server], "localhost", Usage::ServerAuth),
        format!(
            "{unknown} (possibly because of \"x509: invalid signature: parent certificate cannot \
             sign this kind of certificate\" while trying to verify candidate authority \
             certificate \"etcd-server\")"
        )
    );
    // The authority itself is too old.
    let dead = authority("etcd-ca", 1, NOW_S - 9 * DAY_S, NOW_S - DAY_S);
    let under = leaf(&both, names()).issue(&key("s"), &dead);
    assert_eq!(
        one(&under, &[&dead.certificate], "localhost", Usage::ServerAuth),
        "x509: certificate has expired or is not yet valid: current time 2026-11-22T09:10:50Z \
         is after 2026-11-21T09:10:50Z"
    );
    assert_eq!(judge(&[], &[root], "", Usage::Any), VerifyError::Empty.to_string());
}

#[test]
fn pairs_are_checked_in_gos_words() {
    let ca = ca("etcd-ca");
    let certificate = leaf(&[Usage::ServerAuth], names()).issue(&key("s"), &ca).to_pem();
    let (right, wrong) = (key("s").to_pem(), key("w").to_pem());
    let pair = KeyPair::from_pem(certificate.as_bytes(), right.as_bytes()).unwrap();
    assert_eq!(pair.chain.len(), 1);
    let pkcs8 = key("s").to_pkcs8_pem();
    assert!(KeyPair::from_pem(certificate.as_bytes(), pkcs8.as_bytes()).is_ok());
    let broken = pem::encode("CERTIFICATE", &key("s").to_sec1().unwrap());
    let table = [
        (certificate.as_str(), wrong.as_str(), "tls: private key does not match public key"),
        ("x", &right, "tls: failed to find any PEM data in certificate input"),
        (&certificate, "x", "tls: failed to find any PEM data in key input"),
        (
            &right,
            &right,
            "tls: failed to find certificate PEM data in certificate input, but did find a \
             private key; PEM inputs may have been switched",
        ),
        (
            &certificate,
            &certificate,
            "tls: found a certificate rather than a key in the PEM for the private key",
        ),
        (&broken, &right, "x509: malformed tbs certificate"),
        (
            &certificate,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "tls: failed to parse private key",
        ),
    ];
    for (certificate, key, error) in table {
        let found = KeyPair::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

#[test]
fn requests_come_back() {
    let extensions = [alt_names(&names())];
    let subject = Name::of(&[(oid::O, "lab"), (oid::CN, "n1")]).as_utf8();
    let request = Request::make(&subject, &key("r"), &extensions).unwrap();
    let read = Request::from_pem(request.to_pem().as_bytes()).unwrap();
    assert_eq!(read, request);
    assert!(read.signed && read.extensions == extensions);
    let mut changed = request.raw;
    *changed.last_mut().unwrap() ^= 1;
    assert!(!Request::from_der(&changed).is_ok_and(|request| request.signed));
}

#[test]
fn keys_and_certificates_are_always_the_same() {
    let ca = ca("etcd-ca");
    let again = authority("etcd-ca", 1, NOW_S - DAY_S, NOW_S + 3650 * DAY_S);
    assert_eq!(ca.certificate, again.certificate);
    assert_ne!(key("a").to_sec1(), key("b").to_sec1());
    let golden = include_str!("../tests/golden.pem");
    let server = leaf(&[Usage::ServerAuth, Usage::ClientAuth], names()).issue(&key("s"), &ca);
    let made = format!("{}{}{}", ca.certificate.to_pem(), server.to_pem(), key("s").to_pem());
    assert_eq!(made, golden);
    let read = PrivateKey::from_pem(golden.as_bytes()).unwrap();
    assert!(read == key("s"));
}

/// A certificate of another program with an RSA key, self-signed.
const RSA: &[u8] = include_bytes!("../tests/rsa.pem");

#[test]
fn certificates_with_rsa_keys_are_read_and_verified() {
    let certificates = Certificate::from_pem(RSA).unwrap();
    let certificate = &certificates[0];
    assert!(matches!(certificate.key, PublicKey::Rsa { exponent: 65_537, .. }));
    assert_eq!(certificate.subject.common_name(), "rsa-ca");
    certificate
        .key
        .verify(&certificate.algorithm, &certificate.tbs, &certificate.signature)
        .unwrap();
    let mut tbs = certificate.tbs.clone();
    tbs[20] ^= 1;
    certificate.key.verify(&certificate.algorithm, &tbs, &certificate.signature).unwrap_err();
    let pair = KeyPair::from_pem(RSA, RSA).unwrap();
    assert!(matches!(pair.key, PrivateKey::Rsa(_)));
    let other = leaf(&[], names()).self_sign(&key("s")).to_pem();
    assert_eq!(
        KeyPair::from_pem(other.as_bytes(), RSA).unwrap_err().to_string(),
        "tls: private key type does not match public key type"
    );
}

#[test]
fn no_bytes_make_the_readers_panic() {
    let ca = ca("etcd-ca");
    let server = leaf(&[Usage::ServerAuth], names()).issue(&key("s"), &ca);
    let request = Request::make(&server.subject, &key("s"), &[alt_names(&names())]).unwrap();
    let rsa = pem::blocks(RSA);
    let samples = [
        server.raw,
        request.raw,
        rsa[0].der.clone(),
        rsa[1].der.clone(),
        key("s").to_sec1().unwrap(),
        key("s").to_pkcs8().unwrap(),
    ];
    let mut state = 1_u64;
    let mut draw = |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut read = 0_u32;
    for sample in &samples {
        for turn in 0..3000 {
            let mut bytes = sample.clone();
            for _ in 0..=turn % 4 {
                let place = draw(bytes.len());
                match draw(4) {
                    0 => bytes[place] = u8::try_from(draw(256)).unwrap(),
                    1 => bytes[place] ^= 1 << draw(8),
                    2 => bytes.truncate(place.max(1)),
                    _ => bytes.insert(place, u8::try_from(draw(256)).unwrap()),
                }
            }
            read += look(&bytes, &ca.certificate);
        }
        for len in 0..sample.len() {
            read += look(&sample[..len], &ca.certificate);
        }
    }
    // Some survive: the test looks at more than the first byte.
    assert!(read > 100, "{read}");
}

/// Does with bytes all that can be done with them.
fn look(bytes: &[u8], root: &Certificate) -> u32 {
    let _ = Request::from_der(bytes);
    let _ = PrivateKey::from_der(bytes).map(|key| key.public());
    let Ok(certificate) = Certificate::from_der(bytes) else { return 0 };
    let _ = certificate.is_for("localhost");
    let _ = certificate.is_for("127.0.0.1");
    let _ = certificate.subject.one_line("=");
    let mut roots = Pool::default();
    roots.add(root.clone());
    let options = VerifyOptions { roots: &roots, name: None, now_s: 1, usage: Usage::Any };
    let _ = verify(std::slice::from_ref(&certificate), &options);
    for extension in &certificate.extensions {
        let _ = oid::long(&extension.oid);
    }
    1
}
