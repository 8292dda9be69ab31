//! Logs of containers and commands in them: asked of the kubelet that runs them.

use serde_json::Value;
use sim::{Conn, Http, HttpRequest, HttpResponse, Packet, TlsClient};

use super::Server;
use super::failure::Failure;
use super::routes::{Query, Route};
use crate::client::escape;
use crate::resources::named;
use crate::value::{list, text};

const KUBELET_PORT: u16 = 10_250;

impl Server {
    /// Passes a request on to the kubelet; none when the answer was a stream that has ended.
    pub(super) async fn proxy(
        &self,
        conn: &Conn,
        route: &Route,
        query: &Query,
        request: &HttpRequest,
    ) -> Result<Option<HttpResponse>, Failure> {
        let pod = self.store.get(route.kind, &route.namespace, &route.name).await?;
        let pod = pod.ok_or_else(|| Failure::not_found(route.kind, &route.name))?;
        let container = container_of(&pod, query.get("container"), route)?;
        let node_name = text(&pod, "spec.nodeName");
        if node_name.is_empty() {
            let why = format!("pod {} does not have a host assigned", route.name);
            return Err(Failure::bad(why));
        }
        let node = self.store.get(named("Node"), "", node_name).await?.unwrap_or_default();
        let addresses = list(&node, "status.addresses");
        let address = addresses.iter().find(|it| text(it, "type") == "InternalIP");
        let address = address.map(|it| text(it, "address")).unwrap_or(node_name);
        let place = format!("{address}:{KUBELET_PORT}");
        let verb = if route.subresource == "log" { "containerLogs" } else { "exec" };
        let path = format!("/{verb}/{}/{}/{container}", route.namespace, route.name);
        let path_query = match request.split().1 {
            "" => path.clone(),
            query => format!("{path}?{query}"),
        };
        let shown = format!("https://{place}{}", if verb == "exec" { &path_query } else { &path });
        let failed = |error: String| {
            let error = match verb {
                "exec" => format!("error dialing backend: {error}"),
                _ => format!("Get \"{shown}\": {error}"),
            };
            Failure::bare(error)
        };
        let upstream = self.sys.dial(&place).await.map_err(|error| failed(error.to_string()))?;
        let tls = TlsClient {
            certificate: self.options.kubelet_cert.clone(),
            key: self.options.kubelet_key.clone(),
            server_name: address.to_owned(),
            insecure_skip_verify: true,
            ..TlsClient::default()
        };
        let shaken = upstream.start_tls(&self.sys, &tls).await;
        shaken.map_err(|error| failed(error.to_string()))?;
        let mut inner = HttpRequest::new(&request.method, &path_query);
        inner.headers = request.headers.clone();
        inner.body = request.body.clone();
        let response = upstream.ask(inner).await.map_err(|_| failed("EOF".to_owned()))?;
        if response.status >= 300 {
            let body = String::from_utf8_lossy(&response.body).trim_end().to_owned();
            return Err(Failure::bad(body));
        }
        let more = response.more;
        if !more {
            return Ok(Some(response));
        }
        if conn.send(Packet::Http(Http::Response(response))).is_err() {
            return Ok(None);
        }
        loop {
            let chunk = match sim::race(upstream.chunk(), conn.closed()).await {
                sim::Either::Left(Ok(Some(chunk))) => chunk,
                _ => break,
            };
            if conn.send_chunk(chunk, true).is_err() {
                return Ok(None);
            }
        }
        let _ = conn.send_chunk(bytes::Bytes::new(), false);
        Ok(None)
    }
}

/// The container somebody means: the one named, or the only one.
fn container_of(pod: &Value, wanted: &str, route: &Route) -> Result<String, Failure> {
    let names: Vec<&str> = list(pod, "spec.containers").iter().map(|it| text(it, "name")).collect();
    match (wanted, names.as_slice()) {
        ("", [one]) => Ok(escape(one)),
        ("", many) => Err(Failure::bad(format!(
            "a container name must be specified for pod {}, choose one of: [{}]",
            route.name,
            many.join(" ")
        ))),
        (name, names) if names.contains(&name) => Ok(escape(name)),
        (name, _) => {
            Err(Failure::bad(format!("container {name} is not valid for pod {}", route.name)))
        }
    }
}
