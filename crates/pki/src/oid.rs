//! Object identifiers as the content bytes of their DER, and what people call them.

/// ecPublicKey.
pub const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// prime256v1, also P-256.
pub const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// secp384r1.
pub const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// secp521r1.
pub const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// ecdsa-with-SHA256.
pub const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// rsaEncryption.
pub const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// sha256WithRSAEncryption.
pub const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// Ed25519.
pub const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// commonName.
pub const CN: &[u8] = &[0x55, 0x04, 0x03];
/// organizationName.
pub const O: &[u8] = &[0x55, 0x04, 0x0a];
/// subjectAltName.
pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// basicConstraints.
pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// keyUsage.
pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// extKeyUsage.
pub const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// subjectKeyIdentifier.
pub const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
/// authorityKeyIdentifier.
pub const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
/// id-kp-serverAuth.
pub const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// id-kp-clientAuth.
pub const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// anyExtendedKeyUsage.
pub const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
/// extensionRequest, an attribute of certificate requests.
pub const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];

/// Names of what certificates hold: identifier, short name, long name.
pub const NAMES: &[(&[u8], &str, &str)] = &[
    (CN, "CN", "commonName"),
    (&[0x55, 0x04, 0x04], "SN", "surname"),
    (&[0x55, 0x04, 0x05], "serialNumber", "serialNumber"),
    (&[0x55, 0x04, 0x06], "C", "countryName"),
    (&[0x55, 0x04, 0x07], "L", "localityName"),
    (&[0x55, 0x04, 0x08], "ST", "stateOrProvinceName"),
    (&[0x55, 0x04, 0x09], "street", "streetAddress"),
    (O, "O", "organizationName"),
    (&[0x55, 0x04, 0x0b], "OU", "organizationalUnitName"),
    (&[0x55, 0x04, 0x0c], "title", "title"),
    (&[0x55, 0x04, 0x11], "postalCode", "postalCode"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01], "emailAddress", "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC", "domainComponent"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID", "userId"),
    (SUBJECT_ALT_NAME, "subjectAltName", "X509v3 Subject Alternative Name"),
    (BASIC_CONSTRAINTS, "basicConstraints", "X509v3 Basic Constraints"),
    (KEY_USAGE, "keyUsage", "X509v3 Key Usage"),
    (EXT_KEY_USAGE, "extendedKeyUsage", "X509v3 Extended Key Usage"),
    (SUBJECT_KEY_ID, "subjectKeyIdentifier", "X509v3 Subject Key Identifier"),
    (AUTHORITY_KEY_ID, "authorityKeyIdentifier", "X509v3 Authority Key Identifier"),
    (&[0x55, 0x1d, 0x1e], "nameConstraints", "X509v3 Name Constraints"),
    (&[0x55, 0x1d, 0x1f], "crlDistributionPoints", "X509v3 CRL Distribution Points"),
    (&[0x55, 0x1d, 0x20], "certificatePolicies", "X509v3 Certificate Policies"),
    (
        &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01],
        "authorityInfoAccess",
        "Authority Information Access",
    ),
    (SERVER_AUTH, "serverAuth", "TLS Web Server Authentication"),
    (CLIENT_AUTH, "clientAuth", "TLS Web Client Authentication"),
    (&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03], "codeSigning", "Code Signing"),
    (&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04], "emailProtection", "E-mail Protection"),
    (&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08], "timeStamping", "Time Stamping"),
    (&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09], "OCSPSigning", "OCSP Signing"),
    (ANY_USAGE, "anyExtendedKeyUsage", "Any Extended Key Usage"),
    (EC_PUBLIC_KEY, "id-ecPublicKey", "id-ecPublicKey"),
    (RSA, "rsaEncryption", "rsaEncryption"),
    (ED25519, "ED25519", "ED25519"),
    (P256, "prime256v1", "prime256v1"),
    (P384, "secp384r1", "secp384r1"),
    (P521, "secp521r1", "secp521r1"),
    (ECDSA_SHA256, "ecdsa-with-SHA256", "ecdsa-with-SHA256"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "ecdsa-with-SHA384", "ecdsa-with-SHA384"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ecdsa-with-SHA512", "ecdsa-with-SHA512"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA-SHA1", "sha1WithRSAEncryption"),
    (SHA256_RSA, "RSA-SHA256", "sha256WithRSAEncryption"),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c],
        "RSA-SHA384",
        "sha384WithRSAEncryption",
    ),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d],
        "RSA-SHA512",
        "sha512WithRSAEncryption",
    ),
];

/// The short name of an identifier, or its numbers.
pub fn short(oid: &[u8]) -> String {
    match NAMES.iter().find(|(id, ..)| *id == oid) {
        Some((_, short, _)) => (*short).to_owned(),
        None => dotted(oid),
    }
}

/// The long name of an identifier, or its numbers.
pub fn long(oid: &[u8]) -> String {
    match NAMES.iter().find(|(id, ..)| *id == oid) {
        Some((_, _, long)) => (*long).to_owned(),
        None => dotted(oid),
    }
}

/// The identifier of a short or long name.
pub fn named(name: &str) -> Option<&'static [u8]> {
    NAMES.iter().find(|(_, short, long)| *short == name || *long == name).map(|(id, ..)| *id)
}

/// An identifier's numbers, as `1.2.840.10045.2.1`. What is no identifier shows as far as it
/// can be read.
pub fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut value = 0_u64;
    for byte in oid {
        value = value.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.push(first);
                value -= first * 40;
            }
            arcs.push(value);
            value = 0;
        }
    }
    let arcs: Vec<String> = arcs.iter().map(u64::to_string).collect();
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_numbers_and_names() {
        assert_eq!(dotted(EC_PUBLIC_KEY), "1.2.840.10045.2.1");
        assert_eq!(dotted(CN), "2.5.4.3");
        assert_eq!(dotted(&[0x88, 0x37]), "2.999");
        assert_eq!((short(CN), long(CN)), ("CN".to_owned(), "commonName".to_owned()));
        assert_eq!(short(&[0x2a, 0x03]), "1.2.3");
        assert_eq!(named("serverAuth"), Some(SERVER_AUTH));
    }
}
