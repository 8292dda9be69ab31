//! `net.SplitHostPort` and the part of `net/url` that endpoints and peer URLs go through.

use super::quote::quote;

/// `net.SplitHostPort`: host and port, or Go's error text.
pub fn split_host_port(text: &str) -> Result<(&str, &str), String> {
    let fail = |why| Err(format!("address {text}: {why}"));
    let Some(colon) = text.rfind(':') else { return fail("missing port in address") };
    if let Some(inner) = text.strip_prefix('[') {
        let Some(end) = inner.find(']') else { return fail("missing ']' in address") };
        if end + 2 == text.len() {
            return fail("missing port in address");
        }
        if end + 2 != colon {
            let why = if inner[end + 1..].starts_with(':') {
                "too many colons in address"
            } else {
                "missing port in address"
            };
            return fail(why);
        }
        return Ok((&inner[..end], &text[colon + 1..]));
    }
    let host = &text[..colon];
    if host.contains(':') {
        return fail("too many colons in address");
    }
    if text.contains('[') {
        return fail("unexpected '[' in address");
    }
    if text.contains(']') {
        return fail("unexpected ']' in address");
    }
    Ok((host, &text[colon + 1..]))
}

/// A parsed URL: what is left of it after `url.Parse` for our purposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `http`, lower case; empty without one.
    pub scheme: String,
    /// Host and port.
    pub host: String,
    /// What follows the host.
    pub path: String,
}

/// `url.Parse`.
pub fn parse_url(text: &str) -> Result<Url, String> {
    let fail = |why: &str| Err(format!("parse {}: {why}", quote(text.as_bytes())));
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return fail("net/url: invalid control character in URL");
    }
    let mut rest = text;
    let mut scheme = String::new();
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return fail("missing protocol scheme"),
            b':' => {
                scheme = text[..at].to_ascii_lowercase();
                rest = &text[at + 1..];
                break;
            }
            // A character that no scheme has: there is none.
            _ => break,
        }
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            // `http:opaque`: neither host nor path.
            return Ok(Url { scheme, host: String::new(), path: String::new() });
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return fail("first path segment in URL cannot contain colon");
        }
    }
    let Some(authority) = rest.strip_prefix("//") else {
        return Ok(Url { scheme, host: String::new(), path: rest.to_owned() });
    };
    let (authority, path) = match authority.find('/') {
        Some(at) => authority.split_at(at),
        None => (authority, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some(fault) = host_fault(host) {
        return fail(&fault);
    }
    Ok(Url { scheme, host: host.to_owned(), path: path.to_owned() })
}

fn host_fault(host: &str) -> Option<String> {
    let port = if host.starts_with('[') {
        let end = host.find(']');
        let Some(end) = end else { return Some("missing ']' in host".to_owned()) };
        &host[end + 1..]
    } else {
        host.find(':').map_or("", |at| &host[at..])
    };
    if host.contains(' ') {
        return Some("invalid character \" \" in host name".to_owned());
    }
    let fine = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    (!fine).then(|| format!("invalid port {} after host", quote(port.as_bytes())))
}

/// `types.NewURLs` of etcd: a list of peer or client URLs, checked and sorted.
pub fn parse_urls<S: AsRef<str>>(items: &[S]) -> Result<Vec<String>, String> {
    if items.is_empty() {
        return Err("no valid URLs given".to_owned());
    }
    let mut urls = Vec::new();
    for item in items {
        let item = item.as_ref().trim();
        let url = parse_url(item)?;
        match url.scheme.as_str() {
            "http" | "https" => {
                if split_host_port(&url.host).is_err() {
                    return Err(format!(
                        "URL address does not have the form \"host:port\": {item}"
                    ));
                }
                if !url.path.is_empty() {
                    return Err(format!("URL must not contain a path: {item}"));
                }
            }
            "unix" | "unixs" => {}
            _ => {
                return Err(format!("URL scheme must be http, https, unix, or unixs: {item}"));
            }
        }
        urls.push(format!("{}://{}{}", url.scheme, url.host, url.path));
    }
    flat::sort(&mut urls);
    Ok(urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_split_as_in_go() {
        assert_eq!(split_host_port("127.0.0.1:2379"), Ok(("127.0.0.1", "2379")));
        assert_eq!(split_host_port("[::1]:2379"), Ok(("::1", "2379")));
        let table = [
            ("127.0.0.1", "address 127.0.0.1: missing port in address"),
            ("ftp://127.0.0.1:1", "address ftp://127.0.0.1:1: too many colons in address"),
            ("[::1]", "address [::1]: missing port in address"),
            ("[::1", "address [::1: missing ']' in address"),
        ];
        for (text, error) in table {
            assert_eq!(split_host_port(text), Err(error.to_owned()));
        }
    }

    #[test]
    fn url_errors_are_those_of_etcd() {
        let table = [
            ("garbage", "URL scheme must be http, https, unix, or unixs: garbage"),
            (
                "127.0.0.1:23894",
                "parse \"127.0.0.1:23894\": first path segment in URL cannot contain colon",
            ),
            (
                "http://127.0.0.1",
                "URL address does not have the form \"host:port\": http://127.0.0.1",
            ),
            ("http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"),
            ("http://a:1/x", "URL must not contain a path: http://a:1/x"),
        ];
        for (text, error) in table {
            assert_eq!(parse_urls(&[text]), Err(error.to_owned()));
        }
        assert_eq!(
            parse_urls(&["http://b:2", " http://a:1"]),
            Ok(vec!["http://a:1".to_owned(), "http://b:2".to_owned()])
        );
    }
}
