//! Repo rules as tests: what a reviewer would otherwise have to say twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates from the inside out: each may name only those before it.
const ORDER: [&str; 9] = ["flat", "bolt", "mvcc", "etcd", "pki", "sim", "kube", "lab", "web"];
/// What may not be below `lab`: no browser, no clock, no network can reach the world.
const BROWSER: [&str; 8] =
    ["wasm-bindgen", "web-sys", "js-sys", "gloo", "yew", "chrono", "time", "tokio"];
/// What the world `cluster` does without: certificates, YAML, Kubernetes. Nobody waits for it
/// before the first picture.
const LATER: [&str; 21] = [
    "kube",
    "pki",
    "p256",
    "ecdsa",
    "elliptic-curve",
    "rsa",
    "x509-cert",
    "der",
    "spki",
    "rustls",
    "ring",
    "rcgen",
    "serde_yaml",
    "serde_yaml_ng",
    "serde_norway",
    "serde-saphyr",
    "saphyr",
    "yaml-rust2",
    "toml",
    "k8s-openapi",
    "k8s-pb",
];
/// Where a float could make two machines disagree.
const NO_FLOATS: [&str; 6] = ["flat", "bolt", "mvcc", "etcd", "pki", "sim"];
const TEXT: [&str; 12] =
    ["rs", "toml", "md", "js", "mjs", "ts", "css", "html", "json", "sh", "svg", "webmanifest"];
const FILE_BYTES_MAX: u64 = 300_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is one deep")
}

/// The files git knows or would take, relative to the root.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the repository's files");
    assert!(output.status.success(), "git ls-files failed");
    let listed = String::from_utf8(output.stdout).expect("our file names are UTF-8");
    listed.lines().map(PathBuf::from).filter(|file| root().join(file).is_file()).collect()
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or("")
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).expect("our text files are UTF-8")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "wasm32-unknown-unknown"])
        .current_dir(root())
        .output()
        .expect("cargo describes the workspace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// Normal dependencies (not build or dev) by package name, ours and others'.
fn graph(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a resolved graph");
    let packages = metadata["packages"].as_array().expect("packages");
    let name_of: BTreeMap<&str, &str> = packages
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let mut graph = BTreeMap::new();
    for node in nodes {
        let name = name_of[node["id"].as_str().expect("an id")];
        let normal = node["deps"].as_array().into_iter().flatten().filter(|dep| {
            dep["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
        });
        let names = normal.map(|dep| name_of[dep["pkg"].as_str().expect("a package")].to_string());
        graph.entry(name.to_string()).or_insert_with(BTreeSet::new).extend(names);
    }
    graph
}

#[test]
fn each_crate_names_only_those_inside_it() {
    let graph = graph(&metadata());
    for (place, name) in ORDER.iter().enumerate() {
        let outer: BTreeSet<&str> = ORDER[place..].iter().copied().collect();
        let wrong: Vec<_> =
            graph[*name].iter().filter(|dep| outer.contains(dep.as_str())).collect();
        assert!(wrong.is_empty(), "{name} names {wrong:?}, which lie outside it");
    }
}

/// The crates a module of the page is made of.
fn tree_of(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "lab", "--no-default-features", "--features", features, "--offline"])
        .args(["--target", "wasm32-unknown-unknown", "--edges", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo lists what a module is made of");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names of crates are ASCII");
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_browser_and_no_clock_below_lab() {
    for features in ["core", "core,k8s"] {
        let names = tree_of(features);
        assert!(names.contains("raft"), "this is not the tree of a core: {names:?}");
        let wrong: Vec<_> = BROWSER.iter().filter(|name| names.contains(**name)).collect();
        assert!(wrong.is_empty(), "{wrong:?} came in below lab");
    }
}

#[test]
fn the_first_module_carries_nothing_of_other_worlds() {
    let (first, other) = (tree_of("core"), tree_of("core,k8s"));
    assert!(other.contains("kube") && other.contains("pki"), "they are in the other module");
    let wrong: Vec<_> = LATER.iter().filter(|name| first.contains(**name)).collect();
    assert!(wrong.is_empty(), "core.wasm carries {wrong:?}");
}

#[test]
fn every_module_says_what_it_is() {
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|file| extension(file) == "rs" && !read(file).starts_with("//! "))
        .collect();
    assert!(wrong.is_empty(), "no //! header: {wrong:?}");
}

#[test]
fn text_files_are_clean() {
    // Put together here, so that this file does not find itself.
    let banned =
        [concat!("FIX", "ME"), concat!("db", "g!("), concat!("to", "do!("), concat!("XX", "X")];
    let mut wrong = Vec::new();
    for file in files() {
        if !TEXT.contains(&extension(&file)) || file.ends_with("package-lock.json") {
            continue;
        }
        let text = read(&file);
        if !text.is_empty() && !text.ends_with('\n') {
            wrong.push(format!("{}: no newline at its end", file.display()));
        }
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", file.display(), number + 1);
            if line.ends_with([' ', '\t', '\r']) {
                wrong.push(format!("{place}: blanks at the end of the line"));
            }
            wrong.extend(
                banned
                    .iter()
                    // A run of more is a pattern of mktemp, not a remark.
                    .filter(|word| line.contains(**word) && !line.contains(concat!("XX", "XX")))
                    .map(|word| format!("{place}: {word}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_large() {
    let size = |file: &PathBuf| fs::metadata(root().join(file)).map_or(0, |data| data.len());
    let wrong: Vec<_> = files().into_iter().filter(|file| size(file) > FILE_BYTES_MAX).collect();
    assert!(wrong.is_empty(), "over {FILE_BYTES_MAX} bytes: {wrong:?}");
}

#[test]
fn no_float_decides_what_a_world_does() {
    let mut wrong = Vec::new();
    for file in files() {
        let inside = NO_FLOATS.iter().any(|name| file.starts_with(format!("crates/{name}/src")));
        if !inside || extension(&file) != "rs" {
            continue;
        }
        for (number, line) in read(&file).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if code.contains("f64") || code.contains("f32") {
                wrong.push(format!("{}:{}", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "floats: {wrong:?}");
}

#[test]
fn the_wasm_bindgen_crate_and_its_program_are_of_one_version() {
    let setup = read(Path::new("crates/xtask/src/setup.rs"));
    let (_, rest) = setup.split_once("WASM_BINDGEN: &str = \"").expect("the constant of setup.rs");
    let version = rest.split('"').next().expect("its value");
    let manifest = read(Path::new("Cargo.toml"));
    assert!(
        manifest.contains(&format!("wasm-bindgen = \"={version}\"")),
        "Cargo.toml differs from {version}"
    );
}

/// The `mod` lines of a table file, compared with the files beside it.
fn listed(table: &str) {
    let table = Path::new(table);
    let text = read(table);
    let folder = table.parent().expect("a table lies in a folder");
    let mut wrong = Vec::new();
    for file in files() {
        if file.parent() != Some(folder) || extension(&file) != "rs" || file == table {
            continue;
        }
        let name =
            file.file_stem().and_then(|stem| stem.to_str()).expect("a module's name").to_string();
        let line = format!("mod {name};");
        if !text
            .lines()
            .any(|have| have.trim_start_matches("pub ").trim_start_matches("pub(crate) ") == line)
        {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{} does not list {wrong:?}", table.display());
}

#[test]
fn tables_list_every_file_beside_them() {
    for table in [
        "crates/lab/src/programs/mod.rs",
        "crates/lab/src/etcdctl/mod.rs",
        "crates/lab/src/worlds/mod.rs",
        "web/src/panels/mod.rs",
    ] {
        listed(table);
    }
}
