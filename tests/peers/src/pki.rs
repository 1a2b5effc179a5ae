//! Certificates, made by tools/pki when the tests run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The directory with all of them.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let project = Path::new(PROJECT);
        let directory = project.join("build/test/peers-pki");
        let made = Command::new(project.join("tools/pki"))
            .arg(&directory)
            .args(["--extra", "device"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "tools/pki: {errors}");
        directory
    })
}

/// The path of one.
pub fn file(name: &str) -> String {
    directory().join(name).to_str().unwrap().into()
}

/// The text of one.
pub fn read(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// The root of a chain: `server`, `rsa`, `aws`, ...
pub fn root_of(chain: &str) -> &'static str {
    match chain {
        "aws" | "rsa" | "rsa-large" | "rsa-expired" | "rsa-wrong-host" | "rsa-rogue" => {
            "rsa-root.pem"
        }
        _ => "server-root.pem",
    }
}
