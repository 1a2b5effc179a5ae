//! The directory of a cloud: certificates, mosquitto's files and the note for scripts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the tools of this checkout are.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools");

pub struct Place {
    dir: PathBuf,
}

/// What a running cloud tells scripts and commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub port: u16,
    pub plain_port: u16,
    pub thing: String,
}

impl Place {
    /// Makes the directory when it is not there.
    pub fn create(dir: &Path) -> Result<Self, String> {
        fs::create_dir_all(dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        // Absolute, because scripts source cloud.env from anywhere.
        let dir = dir
            .canonicalize()
            .map_err(|e| format!("cannot use {}: {e}", dir.display()))?;
        Ok(Self { dir })
    }

    pub fn open(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file whole or not at all: who waits for it never reads half of it.
    pub fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.file(name);
        let fresh = self.file(&format!("{name}.new"));
        fs::write(&fresh, content)
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// Makes what is missing of the certificates.
    pub fn make_certificates(&self, things: &[String]) -> Result<(), String> {
        let output = Command::new(format!("{TOOLS}/pki"))
            .arg(&self.dir)
            .args(things)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("cannot run tools/pki: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "tools/pki failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }

    /// The things that have a certificate here.
    pub fn things(&self) -> Result<Vec<String>, String> {
        let entries = fs::read_dir(&self.dir)
            .map_err(|e| format!("cannot read {}: {e}", self.dir.display()))?;
        let mut things: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                let thing = name.strip_prefix("device-")?.strip_suffix(".pem")?;
                // device-ca.pem is the authority, not a device.
                (thing != "ca").then(|| thing.to_owned())
            })
            .collect();
        things.sort();
        Ok(things)
    }

    /// Tells scripts that everything is up. `running.thing` is the one their examples use.
    pub fn announce(&self, running: &Running) -> Result<(), String> {
        let file = |name: &str| self.file(name).display().to_string();
        let thing = &running.thing;
        let lines = [
            ("CLOUD_DIR", self.dir.display().to_string()),
            ("CLOUD_HOST", "localhost".to_owned()),
            ("CLOUD_PORT", running.port.to_string()),
            ("CLOUD_PLAIN_PORT", running.plain_port.to_string()),
            ("CLOUD_CA", file("server-root.pem")),
            ("CLOUD_THING", thing.clone()),
            ("CLOUD_CERT", file(&format!("device-{thing}.pem"))),
            ("CLOUD_KEY", file(&format!("device-{thing}.key"))),
            ("CLOUD_PID", std::process::id().to_string()),
        ];
        let text: String = lines
            .iter()
            .map(|(name, value)| format!("{name}={}\n", shell_quote(value)))
            .collect();
        self.write("cloud.env", &text)
    }

    /// Takes the announcement back.
    pub fn withdraw(&self) -> Result<(), String> {
        match fs::remove_file(self.file("cloud.env")) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(format!("cannot remove cloud.env: {e}"))
            }
            _ => Ok(()),
        }
    }

    /// What the cloud that runs here announced.
    pub fn running(&self) -> Result<Running, String> {
        let path = self.file("cloud.env");
        let text = fs::read_to_string(&path).map_err(|e| {
            format!(
                "no cloud runs in {} ({e}); start one with: tools/cloud serve --dir {}",
                self.dir.display(),
                self.dir.display()
            )
        })?;
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(shell_unquote)
                .ok_or_else(|| format!("{} has no {name}", path.display()))
        };
        let port = |name: &str| {
            value(name)?
                .parse()
                .map_err(|_| format!("{name} in {} is not a port", path.display()))
        };
        Ok(Running {
            port: port("CLOUD_PORT")?,
            plain_port: port("CLOUD_PLAIN_PORT")?,
            thing: value("CLOUD_THING")?,
        })
    }
}

fn shell_quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Undoes `shell_quote`; nothing else writes the file.
fn shell_unquote(text: &str) -> String {
    text.trim_matches('\'').replace(r"'\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_read_back_as_it_was_written() {
        let dir = std::env::temp_dir().join(format!("cloud place's test {}", std::process::id()));
        let place = Place::create(&dir).unwrap();
        let running = Running {
            port: 8883,
            plain_port: 1,
            thing: "a:b_c-1".into(),
        };
        place.announce(&running).unwrap();
        assert_eq!(place.running(), Ok(running));

        // The shell must read the same, whatever the directory is called.
        let script = ". ./cloud.env && printf '%s' \"$CLOUD_CA\"";
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(&dir)
            .output()
            .unwrap();
        let expected = place.file("server-root.pem").display().to_string();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);

        place.withdraw().unwrap();
        place.withdraw().unwrap();
        assert!(place.running().unwrap_err().contains("no cloud runs in"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn the_device_authority_is_not_a_thing() {
        let dir = std::env::temp_dir().join(format!("cloud-things-{}", std::process::id()));
        let place = Place::create(&dir).unwrap();
        for name in [
            "device-ca.pem",
            "device-b.pem",
            "device-a.pem",
            "device-a.key",
        ] {
            place.write(name, "").unwrap();
        }
        assert_eq!(place.things(), Ok(vec!["a".to_owned(), "b".to_owned()]));
        fs::remove_dir_all(dir).unwrap();
    }
}
