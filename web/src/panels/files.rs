//! The files of a host: its directories, each file to be taken out, any file to be put in, and
//! the whole cluster to be taken home.

use lab::api::{FileKind, FileRow, FolderView};
use yew::{Html, classes, html};

use super::icons::icon;
use super::{Look, Panel, empty};
use crate::msg::Msg;
use crate::text;

/// The tab.
pub(super) const PANEL: Panel = Panel {
    id: "files",
    label: "Files",
    want: |ui, view, want| want.folder = Some((ui.subject(view).into(), ui.folder.clone())),
    draw,
};

fn draw(look: &Look<'_>) -> Html {
    let subject = look.ui.subject(look.view).to_string();
    let mut hosts = Vec::new();
    for card in look.view.members.iter() {
        hosts.push((card.host.clone(), card.host.clone()));
    }
    let shown = |it: &&FolderView| it.host == subject && it.path == look.ui.folder;
    let folder = look.view.folder.as_deref().filter(shown);
    let put = {
        let host = subject.clone();
        look.click(move || Msg::ChooseFor(host.clone()))
    };
    html! {
        <>
            <p class="lead files-lead">
                { look.choice(&subject, hosts, |host| Msg::Choose { host, add: false }) }
                { crumbs(look) }
                <button class="act" onclick={put} disabled={look.ui.read_only} title="A file of your own machine, into this directory">
                    { icon("put") }<span>{ "Put a file here" }</span></button>
                <button class="act" onclick={look.click(|| Msg::TakeHome)}
                    title="One archive: a snapshot, and all it takes to start this cluster on real machines">
                    { icon("home") }<span>{ "Take it home" }</span></button>
            </p>
            { for folder.map(|folder| listing(look, folder)) }
        </>
    }
}

/// The way from the root to here, each step a button.
fn crumbs(look: &Look<'_>) -> Html {
    let mut steps = vec![("/".to_string(), "/".to_string())];
    let mut path = String::new();
    for name in look.ui.folder.split('/').filter(|name| !name.is_empty()) {
        path.push('/');
        path.push_str(name);
        steps.push((format!("{name}/"), path.clone()));
    }
    html! {
        <nav class="crumbs" aria-label="Directory">
            { for steps.into_iter().map(|(name, path)| html! {
                <button key={path.clone()} onclick={look.click(move || Msg::Folder(path.clone()))}><code>{ name }</code></button>
            }) }
        </nav>
    }
}

fn listing(look: &Look<'_>, folder: &FolderView) -> Html {
    if let Some(error) = &folder.error {
        return empty(&format!("{}: {error}", folder.path));
    }
    if folder.rows.is_empty() {
        return empty("This directory is empty.");
    }
    let hidden = folder.total - folder.rows.len() as u64;
    html! {
        <>
            <table class="files"><tbody>{ for folder.rows.iter().map(|row| file(look, folder, row)) }</tbody></table>
            if hidden > 0 { { empty(&format!("And {} more: list them in the terminal.", text::count(hidden))) } }
        </>
    }
}

fn file(look: &Look<'_>, folder: &FolderView, row: &FileRow) -> Html {
    let path = format!("{}/{}", folder.path.trim_end_matches('/'), row.name);
    let host = folder.host.clone();
    let (sign, class, title) = match row.kind {
        FileKind::Dir => ("folder", "dir", "Look inside".to_string()),
        FileKind::File => ("file", "", format!("Download {}", row.name)),
        FileKind::Other => ("link", "other", "A link or a device: it stays here".to_string()),
    };
    let onclick = {
        let (path, dir) = (path.clone(), row.kind == FileKind::Dir);
        look.click(move || match dir {
            true => Msg::Folder(path.clone()),
            false => Msg::TakeOut { host: host.clone(), path: path.clone() },
        })
    };
    html! {
        <tr key={path} class={classes!(class)}>
            <td class="wide">
                <button {onclick} {title} disabled={row.kind == FileKind::Other}>
                    { icon(sign) }<code>{ &row.name }</code>
                    if row.kind == FileKind::File { <span class="out">{ icon("download") }</span> }
                </button>
            </td>
            <td class="number">{ mode(row) }</td>
            <td class="number">{ if row.kind == FileKind::File { text::bytes(row.size) } else { String::new() } }</td>
        </tr>
    }
}

/// Permission bits as `ls -l` shows them.
fn mode(row: &FileRow) -> String {
    let mut text = String::from(match row.kind {
        FileKind::Dir => "d",
        FileKind::File => "-",
        FileKind::Other => "l",
    });
    for bit in (0..9).rev() {
        let sign = ['x', 'w', 'r'][bit % 3];
        text.push(if row.mode >> bit & 1 == 1 { sign } else { '-' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_in_a_long_listing() {
        let row = |kind, mode| mode_of(kind, mode);
        assert_eq!(row(FileKind::Dir, 0o700), "drwx------");
        assert_eq!(row(FileKind::File, 0o644), "-rw-r--r--");
    }

    fn mode_of(kind: FileKind, mode: u16) -> String {
        super::mode(&FileRow { name: "a".into(), kind, mode, size: 1 })
    }
}
