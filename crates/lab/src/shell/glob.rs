//! File name expansion: the paths of a host that fit a pattern.

use sim::Sys;

use super::pattern::{self, Pattern};

/// At most so many paths come of one pattern.
const PATHS_MAX: usize = 100_000;

/// The paths that fit, sorted; none where there are none.
pub(crate) fn expand(sys: &Sys, text: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let slashes = rest.len() - rest.trim_start_matches('/').len();
        if slashes > 0 {
            for path in &mut paths {
                path.push_str(&rest[..slashes]);
            }
            rest = &rest[slashes..];
            if rest.is_empty() {
                paths.retain(|path| sys.stat(path).is_ok_and(|stat| stat.is_dir()));
            }
            continue;
        }
        let end = component_end(rest);
        let component = &rest[..end];
        rest = &rest[end..];
        paths = if pattern::is_pattern(component) {
            fitting(sys, &paths, &Pattern::new(component), !rest.is_empty())
        } else {
            let name = pattern::unescape(component);
            let joined = paths.into_iter().map(|path| path + &name);
            joined.filter(|path| !rest.is_empty() || sys.lstat(path).is_ok()).collect()
        };
    }
    flat::sort(&mut paths);
    paths
}

/// Where the first component ends; a `/` in a set does not count.
fn component_end(text: &str) -> usize {
    text.find('/').unwrap_or(text.len())
}

fn fitting(sys: &Sys, paths: &[String], pattern: &Pattern, directories: bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        let place = if path.is_empty() { "." } else { path.as_str() };
        let Ok(names) = sys.read_dir(place) else { continue };
        for name in names {
            let hidden = name.starts_with('.') && !pattern.begins_with_dot();
            if hidden || !pattern.matches(&name) || found.len() >= PATHS_MAX {
                continue;
            }
            let joined = format!("{path}{name}");
            if !directories || sys.stat(&joined).is_ok_and(|stat| stat.is_dir()) {
                found.push(joined);
            }
        }
    }
    found
}
