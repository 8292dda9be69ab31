//! A member's metrics, which `check datascale` reads over HTTP.

use sim::{HttpRequest, Sys};

use super::settings::translate;

/// The text at `/metrics` of an endpoint, or Go's error.
pub(super) async fn fetch(sys: &Sys, endpoint: &str) -> Result<String, String> {
    let (address, _) = translate(endpoint);
    let asked = format!("Get \"http://{address}/metrics\"");
    let gone = |_| format!("{asked}: EOF");
    let conn = sys.dial(&address).await.map_err(|error| format!("{asked}: {error}"))?;
    let answer = conn.ask(HttpRequest::new("GET", "/metrics")).await.map_err(gone)?;
    let mut body = answer.body.to_vec();
    let mut more = answer.more;
    while more {
        match conn.chunk().await.map_err(gone)? {
            Some(bytes) => body.extend_from_slice(&bytes),
            None => more = false,
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
