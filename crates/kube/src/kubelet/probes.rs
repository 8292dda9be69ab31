//! Probes: questions to a container, and what their answers add up to.

use serde_json::Value;
use sim::{Either, HttpRequest, Sys, TlsClient, race};

use crate::value::{at, int, text};

/// One probe of one container.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    failures: i64,
    successes: i64,
    next_us: u64,
    /// Whether it passed last time its thresholds were reached.
    pub(super) passed: Option<bool>,
    /// What the last failure was.
    pub(super) said: String,
}

/// What a look at a probe came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It was not asked, or its thresholds were not reached.
    Same,
    /// It failed, not yet often enough.
    Failed,
    /// It failed as often as it may.
    TooOften,
    /// It passed.
    Passed,
}

impl Tally {
    /// Asks if it is time to.
    pub(super) async fn look(
        &mut self,
        sys: &Sys,
        probe: &Value,
        address: &str,
        started_us: u64,
    ) -> Look {
        let seconds = |path: &str, default: i64| {
            let seconds = int(probe, path).unwrap_or(default).max(0);
            u64::try_from(seconds).unwrap_or_default() * 1_000_000
        };
        let now_us = sys.mono_us();
        if self.next_us == 0 {
            self.next_us = started_us.max(1) + seconds("initialDelaySeconds", 0);
        }
        if now_us < self.next_us {
            return Look::Same;
        }
        self.next_us = now_us + seconds("periodSeconds", 10).max(1_000_000);
        let timeout_us = seconds("timeoutSeconds", 1).max(1_000_000);
        let answer = match race(ask(sys, probe, address), sys.sleep_us(timeout_us)).await {
            Either::Left(answer) => answer,
            Either::Right(()) => Err(format!(
                "Get \"{}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                url(probe, address)
            )),
        };
        match answer {
            Ok(()) => {
                self.failures = 0;
                self.successes += 1;
                if self.successes >= int(probe, "successThreshold").unwrap_or(1) {
                    self.passed = Some(true);
                }
                Look::Passed
            }
            Err(said) => {
                self.said = said;
                self.successes = 0;
                self.failures += 1;
                if self.failures >= int(probe, "failureThreshold").unwrap_or(3) {
                    self.passed = Some(false);
                    return Look::TooOften;
                }
                Look::Failed
            }
        }
    }
}

fn port(probe: &Value, place: &str) -> String {
    match at(probe, place) {
        Value::String(text) => text.clone(),
        number => number.to_string(),
    }
}

fn url(probe: &Value, address: &str) -> String {
    let http = at(probe, "httpGet");
    let host = match text(http, "host") {
        "" => address,
        host => host,
    };
    let scheme = if text(http, "scheme") == "HTTPS" { "https" } else { "http" };
    format!("{scheme}://{host}:{}{}", port(probe, "httpGet.port"), text(http, "path"))
}

/// Asks once, as a probe says.
pub(crate) async fn ask(sys: &Sys, probe: &Value, address: &str) -> Result<(), String> {
    let http = at(probe, "httpGet");
    if http.is_object() {
        let url = url(probe, address);
        let failed = |error: String| format!("Get \"{url}\": {error}");
        let (place, tls) = crate::etcd3::address(&url);
        let conn = sys.dial(&place).await.map_err(|error| failed(error.to_string()))?;
        if tls {
            let client = TlsClient { insecure_skip_verify: true, ..TlsClient::default() };
            let shaken = conn.start_tls(sys, &client).await;
            shaken.map_err(|error| failed(error.to_string()))?;
        }
        let mut request = HttpRequest::new("GET", text(http, "path"));
        request.headers.push(("User-Agent".to_owned(), "kube-probe/1.36".to_owned()));
        let response = conn.ask(request).await.map_err(|_| failed("EOF".to_owned()))?;
        return match response.status {
            200..400 => Ok(()),
            code => Err(format!("HTTP probe failed with statuscode: {code}")),
        };
    }
    if at(probe, "tcpSocket").is_object() {
        let place = format!("{address}:{}", port(probe, "tcpSocket.port"));
        return match sys.dial(&place).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
    }
    Ok(())
}
