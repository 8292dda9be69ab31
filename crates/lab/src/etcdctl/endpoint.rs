//! `endpoint health`, `status` and `hashkv`, and the endpoints that `--cluster` means.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use etcd::pb;
use etcd::rpc::{Answer, Op};

use super::Ctl;
use super::client::{Client, Failure, Spec};
use super::exit::{ERROR, Exit};
use super::go::duration;
use super::printer::{Health, Shown};
use super::settings::Settings;

/// The endpoints a command over single members goes to.
pub(super) async fn endpoints(ctl: &Ctl, settings: &Settings) -> Result<Vec<String>, Exit> {
    if !ctl.flags.bool("cluster") && !settings.flags.bool("cluster") {
        // Not trimmed, unlike those of a client over all of them.
        return Ok(settings.flags.list("endpoints").to_vec());
    }
    if settings.spec.endpoints.is_empty() {
        return Err(Exit::new(ERROR, "etcdclient: no available endpoints"));
    }
    let client = ctl.connect(&settings.spec).await?;
    let op = Op::MemberList(pb::MemberListRequest { linearizable: true });
    match client.call(&op, settings.deadline_us(&ctl.sys)).await {
        Ok(Answer::Members(list)) => {
            Ok(list.members.into_iter().flat_map(|member| member.client_urls).collect())
        }
        Ok(_) => unreachable!("a list of members is answered as one"),
        Err(error) => Err(Exit::new(
            ERROR,
            format!("failed to fetch endpoints from etcd cluster member list: {error}"),
        )),
    }
}

/// A client for one endpoint: 3.6 makes a new one each time, 3.5 dials aside from a client
/// over all, whose name its warnings then show.
pub(super) async fn single(
    ctl: &Ctl,
    settings: &Settings,
    over_all: Option<&Client>,
    endpoint: &str,
) -> Result<Client, Exit> {
    match over_all {
        Some(client) => Ok(client.aside(endpoint, &settings.spec.tls)),
        None => {
            let spec = Spec { endpoints: vec![endpoint.to_owned()], ..settings.spec.clone() };
            ctl.connect(&spec).await
        }
    }
}

/// 3.5's client over all endpoints, for the commands that have one.
pub(super) async fn over_all(ctl: &Ctl, settings: &Settings) -> Result<Option<Client>, Exit> {
    if ctl.release.is_3_6() {
        return Ok(None);
    }
    ctl.connect(&settings.spec).await.map(Some)
}

/// Asks every endpoint in turn; a failing one gets its line on standard error.
async fn ask_each(
    ctl: &Ctl,
    settings: &Settings,
    op: &Op,
    what: &str,
) -> Result<(Vec<(String, Answer)>, Option<Failure>), Exit> {
    let all = over_all(ctl, settings).await?;
    let (mut answers, mut last) = (Vec::new(), None);
    for endpoint in endpoints(ctl, settings).await? {
        let client = single(ctl, settings, all.as_ref(), &endpoint).await?;
        match client.call(op, settings.deadline_us(&ctl.sys)).await {
            Ok(answer) => answers.push((endpoint, answer)),
            Err(error) => {
                ctl.err(&format!("Failed to get the {what} of endpoint {endpoint} ({error})\n"))
                    .await;
                last = Some(error);
            }
        }
    }
    Ok((answers, last))
}

pub(super) async fn status(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let settings = ctl.settings().await?;
    let (answers, failure) = ask_each(&ctl, &settings, &Op::Status, "status").await?;
    let list = answers.into_iter().filter_map(|(endpoint, answer)| match answer {
        Answer::Status(answer) => Some((endpoint, answer)),
        _ => None,
    });
    ctl.show(&settings.printer, &Shown::Status(list.collect())).await?;
    match failure {
        Some(_) => Err(Exit::silent(ERROR)),
        None => Ok(()),
    }
}

pub(super) async fn hashkv(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let settings = ctl.settings().await?;
    let op = Op::HashKv(pb::HashKvRequest { revision: ctl.flags.int("rev") });
    let (answers, failure) = ask_each(&ctl, &settings, &op, "hash").await?;
    let list = answers.into_iter().filter_map(|(endpoint, answer)| match answer {
        Answer::HashKv(answer) => Some((endpoint, answer)),
        _ => None,
    });
    ctl.show(&settings.printer, &Shown::HashKv(list.collect())).await?;
    match failure {
        Some(error) => Err(Exit::new(ERROR, error)),
        None => Ok(()),
    }
}

pub(super) async fn health(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let settings = ctl.settings().await?;
    let mut probes: Vec<Pin<Box<dyn Future<Output = Health>>>> = Vec::new();
    for endpoint in endpoints(&ctl, &settings).await? {
        let spec = Spec { endpoints: vec![endpoint.clone()], ..settings.spec.clone() };
        let client = Client::new(&ctl.sys, ctl.release, "client", &spec);
        probes.push(Box::pin(probe(ctl.clone(), settings.clone(), client, endpoint)));
    }
    let list = together(probes).await;
    let healthy = list.iter().all(|health| health.error.is_empty());
    ctl.show(&settings.printer, &Shown::Health(list)).await?;
    if healthy { Ok(()) } else { Err(Exit::new(ERROR, "unhealthy cluster")) }
}

/// Reads a key through consensus, then looks for alarms.
async fn probe(ctl: Rc<Ctl>, settings: Settings, client: Client, endpoint: String) -> Health {
    if let Err(error) = ctl.log_in(&client).await {
        return Health { endpoint, took: String::new(), error: error.to_string() };
    }
    let start_us = ctl.sys.mono_us();
    let deadline_us = settings.deadline_us(&ctl.sys);
    let get = pb::RangeRequest { key: "health".into(), ..pb::RangeRequest::default() };
    let got = client.call(&Op::Range(get), deadline_us).await;
    let took_us = ctl.sys.mono_us() - start_us;
    let took = duration::measured(took_us, u64::from(ctl.sys.pid().0));
    let error = match got {
        Err(error) if error.to_string() != "etcdserver: permission denied" => error.to_string(),
        _ => alarms(&client, deadline_us).await,
    };
    Health { endpoint, took, error }
}

async fn alarms(client: &Client, deadline_us: Option<u64>) -> String {
    match client.call(&Op::Alarm(pb::AlarmRequest::default()), deadline_us).await {
        Ok(Answer::Alarm(list)) if !list.alarms.is_empty() => {
            let names = list.alarms.iter().map(|alarm| match alarm.alarm() {
                pb::AlarmType::Nospace => "NOSPACE ",
                pb::AlarmType::Corrupt => "CORRUPT ",
                pb::AlarmType::None => "UNKNOWN ",
            });
            format!("Active Alarm(s): {}", names.collect::<String>())
        }
        Ok(_) => String::new(),
        Err(_) => "Unable to fetch the alarm list".to_owned(),
    }
}

/// Runs futures side by side and gives their values in the order they come.
pub(super) async fn together<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T>>>>) -> Vec<T> {
    let mut values = Vec::new();
    poll_fn(|cx| {
        futures.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(value) => {
                values.push(value);
                false
            }
            Poll::Pending => true,
        });
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    values
}
