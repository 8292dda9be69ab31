//! `member add`, `remove`, `update`, `list` and `promote`.

use std::rc::Rc;

use etcd::pb;
use etcd::rpc::{Answer, Op};

use super::Ctl;
use super::exit::{BAD_ARGS, ERROR, Exit};
use super::go::{addr, number, quote::quote};
use super::kv::serializable;
use super::printer::{Format, Shown};

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

fn bad<T>(message: impl std::fmt::Display) -> Result<T, Exit> {
    Err(Exit::new(BAD_ARGS, message))
}

fn id_of(ctl: &Ctl) -> Result<u64, Exit> {
    let [arg] = ctl.args.as_slice() else { return bad("member ID is not provided") };
    number::parse_uint(arg, 16).map_err(|error| {
        Exit::new(BAD_ARGS, format!("bad member ID arg ({error}), expecting ID in Hex"))
    })
}

/// The peer URLs of `--peer-urls`.
fn peer_urls(ctl: &Ctl) -> Result<Vec<String>, Exit> {
    match ctl.flags.text("peer-urls") {
        "" => bad("member peer urls not provided"),
        urls => Ok(urls.split(',').map(str::to_owned).collect()),
    }
}

pub(super) async fn add(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let Some(name) = ctl.args.first() else { return bad("member name not provided") };
    if ctl.args.len() > 1 {
        let urls = ctl.args.iter().filter(|arg| arg.to_lowercase().starts_with("http"));
        let hints: String = urls.map(|url| format!(", did you mean --peer-urls={url}")).collect();
        return bad(format!("too many arguments{hints}"));
    }
    let urls = peer_urls(&ctl)?;
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    // The library checks the URLs and sends them as they were given.
    addr::parse_urls(&urls).map_err(failed)?;
    let is_learner = ctl.flags.bool("learner");
    let op = Op::MemberAdd(pb::MemberAddRequest { peer_urls: urls, is_learner });
    let Answer::MemberAdd(answer) = client.call(&op, deadline_us).await.map_err(failed)? else {
        unreachable!("an added member is answered as one");
    };
    let added = answer.member.as_ref().map_or(0, |member| member.id);
    let cluster: Vec<String> = answer
        .members
        .iter()
        .flat_map(|member| {
            let name = if member.id == added { name } else { &member.name };
            member.peer_urls.iter().map(move |url| format!("{name}={url}"))
        })
        .collect();
    ctl.show(&settings.printer, &Shown::MemberAdd(answer)).await?;
    if settings.printer.format == Format::Simple {
        let quoted = |text: &str| quote(text.as_bytes());
        ctl.out(format!(
            "\nETCD_NAME={}\nETCD_INITIAL_CLUSTER={}\nETCD_INITIAL_ADVERTISE_PEER_URLS={}\n\
             ETCD_INITIAL_CLUSTER_STATE=\"existing\"\n",
            quoted(name),
            quoted(&cluster.join(",")),
            quoted(ctl.flags.text("peer-urls"))
        ))
        .await;
    }
    Ok(())
}

pub(super) async fn remove(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let id = id_of(&ctl)?;
    change(&ctl, id, "removed from", Op::MemberRemove(pb::MemberRemoveRequest { id })).await
}

pub(super) async fn update(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let id = id_of(&ctl)?;
    let peer_urls = peer_urls(&ctl)?;
    change(&ctl, id, "updated in", Op::MemberUpdate(pb::MemberUpdateRequest { id, peer_urls }))
        .await
}

pub(super) async fn promote(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let id = id_of(&ctl)?;
    change(&ctl, id, "promoted in", Op::MemberPromote(pb::MemberPromoteRequest { id })).await
}

async fn change(ctl: &Ctl, id: u64, done: &'static str, op: Op) -> Result<(), Exit> {
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    if let Op::MemberUpdate(request) = &op {
        addr::parse_urls(&request.peer_urls).map_err(failed)?;
    }
    match client.call(&op, deadline_us).await.map_err(failed)? {
        Answer::Members(answer) => {
            ctl.show(&settings.printer, &Shown::MemberChange(id, done, answer)).await
        }
        _ => unreachable!("a change of members is answered with them"),
    }
}

pub(super) async fn list(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let local = ctl.release.is_3_6() && serializable(ctl.flags.text("consistency"), "l")?;
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let op = Op::MemberList(pb::MemberListRequest { linearizable: !local });
    match client.call(&op, deadline_us).await.map_err(failed)? {
        Answer::Members(answer) => ctl.show(&settings.printer, &Shown::Members(answer)).await,
        _ => unreachable!("a list of members is answered as one"),
    }
}
