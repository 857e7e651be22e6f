//! A deployment in a folder of its own: initialised, served on loopback, stopped. For black-box tests and for the
//! demonstration: both drive the real program as a user would.

mod example;

pub use example::{Example, merge};

use anyhow::{Context as _, bail};
use client::{Client, Identity};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// The source tree: the one that cargo runs, which need not be the one that was built where two share a target folder.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The program built beside the test that asks, or a loud skip: a plain `cargo test` of one package builds no program.
pub fn program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.ancestors().nth(2)?.join("magistrate");
    let components = ["detroit/detroit_307_5.wasm", "st-louis/st_louis_smrt.wasm"];
    let missing = !program.is_file() || components.iter().any(|c| !root().join("policies").join(c).is_file());
    if missing {
        skip("the program or the policies are not built: run `cargo xtask test`");
        return None;
    }
    Some(program)
}

/// Says loudly that a test was skipped because this machine cannot run it: it lacks data, a tool or a right that no build brings.
pub fn unable(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    // Past the test harness, which keeps what `eprintln!` says of a test that passes; and in one piece.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// The same of a test that lacks something which a build brings: an error where nothing may be skipped.
pub fn skip(why: &str) {
    unable(why);
    assert!(std::env::var_os("MAGISTRATE_NO_SKIP").is_none(), "skipped where nothing may be: {why}");
}

/// The two networks that photographs need.
pub struct Faces {
    /// YuNet.
    pub detector: PathBuf,
    /// ArcFace-style.
    pub embedder: PathBuf,
}

/// A deployment, and its server while one runs.
pub struct Deployment {
    /// Its folder.
    pub home: PathBuf,
    /// Where its server listens.
    pub address: String,
    /// Where it listens for everybody, as an address begins, if it does.
    pub public: Option<String>,
    program: PathBuf,
    server: Option<Child>,
    /// Kept for those that begin while this one is there.
    #[allow(dead_code, reason = "held, not read")]
    template: Option<Arc<TempDir>>,
}

/// What `magistrate init` makes, to be copied: made once for all deployments that there are at a time.
static TEMPLATE: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

impl Deployment {
    /// `magistrate init` in this folder, which must not exist yet.
    ///
    /// # Errors
    /// When it fails.
    pub fn init(program: &Path, home: &Path, faces: Option<&Faces>) -> anyhow::Result<Self> {
        Self::init_with(program, home, &root().join("policies"), faces)
    }

    /// The same with the policies of another folder than the source tree's.
    ///
    /// # Errors
    /// When it fails.
    pub fn init_with(program: &Path, home: &Path, policies: &Path, faces: Option<&Faces>) -> anyhow::Result<Self> {
        let mut init = Command::new(program);
        // Not the machine's name: what is tested and shown is the same everywhere.
        init.arg("init").arg(home).args(["--listen", "127.0.0.1:0", "--host", "localhost"]);
        init.arg("--policies").arg(policies);
        if let Some(faces) = faces {
            init.arg("--detector").arg(&faces.detector).arg("--embedder").arg(&faces.embedder);
        }
        let done = init.stdout(Stdio::null()).status()?;
        if !done.success() {
            bail!("`magistrate init` failed");
        }
        Ok(Self::in_folder(program, home, None))
    }

    /// A copy of what [`init`](Self::init) makes, in this folder, which must not exist yet: with the keys and certificates
    /// that other copies have too. To compile the policies, and to make keys, is most of what `init` takes.
    ///
    /// # Errors
    /// When it fails.
    pub fn copied(program: &Path, home: &Path) -> anyhow::Result<Self> {
        let template = template(program)?;
        copy(&template.path().join("home"), home)?;
        Ok(Self::in_folder(program, home, Some(template)))
    }

    fn in_folder(program: &Path, home: &Path, template: Option<Arc<TempDir>>) -> Self {
        Self {
            home: home.to_owned(),
            address: String::new(),
            public: None,
            program: program.to_owned(),
            server: None,
            template,
        }
    }

    /// Its configuration's file.
    pub fn config(&self) -> PathBuf {
        self.home.join("magistrate.toml")
    }

    /// Adds these lines under `[server]` of its configuration. They hold from the next start on.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn configure(&self, lines: &str) -> std::io::Result<()> {
        let config = std::fs::read_to_string(self.config())?;
        std::fs::write(self.config(), config.replace("[server]\n", &format!("[server]\n{lines}")))
    }

    /// Starts the server, and waits until it listens.
    ///
    /// # Errors
    /// When it ends instead, with what it printed.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        self.serve_under(&[])
    }

    /// Starts the server at the end of another command, one that sets limits, say, and waits until it listens. That
    /// command has to become the server by `exec`: it is the process that is stopped and killed.
    ///
    /// # Errors
    /// When it ends instead, with what it printed.
    pub fn serve_under(&mut self, launcher: &[&str]) -> anyhow::Result<()> {
        let mut server = self.launch(launcher)?;
        let output = server.stdout.take().context("the server's output")?;
        let mut errors = BufReader::new(server.stderr.take().context("the server's errors")?).lines();
        let mut lines = BufReader::new(output).lines();
        let mut address = None;
        self.public = None;
        for line in lines.by_ref() {
            let line = line?;
            if let Some(found) = line.strip_prefix("for everybody, without a certificate: ") {
                self.public = Some(found.to_owned());
            }
            if let Some(found) = line.strip_prefix("listening on https://") {
                // While it waits for a log, what follows is why.
                address = found.split(',').next().map(str::to_owned);
                break;
            }
        }
        let Some(address) = address else {
            let ended = server.wait()?;
            let printed: Vec<_> = errors.map_while(Result::ok).collect();
            bail!("the server ended with {ended}: {}", printed.join("\n"));
        };
        // Whatever it prints later must not fill the pipes.
        std::thread::spawn(move || lines.for_each(drop));
        std::thread::spawn(move || errors.by_ref().map_while(Result::ok).for_each(|line| eprintln!("server: {line}")));
        (self.address, self.server) = (address, Some(server));
        Ok(())
    }

    fn launch(&self, launcher: &[&str]) -> std::io::Result<Child> {
        let mut command = match launcher {
            [] => Command::new(&self.program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
        };
        command
            .args(["serve", "--config"])
            .arg(self.config())
            .env("MAGISTRATE_LOG", "error,surrealdb=off,surrealkv=off")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// Starts the server and kills it after this long, however far it has come by then.
    ///
    /// # Errors
    /// When it ended by itself before, with what it printed.
    pub fn kill_while_starting(&self, after: Duration) -> anyhow::Result<()> {
        let mut server = self.launch(&[])?;
        std::thread::sleep(after);
        let ended = server.try_wait()?;
        server.kill()?;
        let printed = server.wait_with_output()?;
        match ended {
            None => Ok(()),
            Some(status) => bail!("the server ended with {status}: {}", String::from_utf8_lossy(&printed.stderr)),
        }
    }

    /// The server's process.
    ///
    /// # Errors
    /// When none runs.
    pub fn process(&self) -> anyhow::Result<u32> {
        Ok(self.server.as_ref().context("no server runs")?.id())
    }

    /// Runs the program with these arguments, in this deployment's folder.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(Command::new(&self.program).args(arguments).current_dir(&self.home).env_remove("RUST_BACKTRACE").output()?)
    }

    /// The certificate's file of `jurisdiction/name`.
    pub fn certificate(&self, who: &str) -> PathBuf {
        self.home.join("certs").join(format!("{who}.pem"))
    }

    /// A client with the certificate of `jurisdiction/name`.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn client(&self, who: &str) -> anyhow::Result<Client> {
        Ok(Client::new(&self.address, self.identity(who)?))
    }

    /// The certificate and key of `jurisdiction/name`, as a client needs them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn identity(&self, who: &str) -> anyhow::Result<Identity> {
        let (certificate, key) = (self.certificate(who), self.certificate(&format!("{who}-key")));
        Ok(Identity::read(&certificate, &key, &self.home.join("certs/ca.pem"))?)
    }

    /// Issues a certificate: its files are `jurisdiction/name`.
    ///
    /// # Errors
    /// When it cannot be issued.
    pub fn issue(&self, jurisdiction: &str, person: &str, device: &str, name: &str, days: i64) -> anyhow::Result<()> {
        let days = days.to_string();
        let arguments = ["pki", "issue", "certs", "--jurisdiction", jurisdiction, "--person", person];
        let rest = ["--device", device, "--name", name, "--days", &days];
        let done = self.run(&[&arguments[..], &rest].concat())?;
        if done.status.success() { Ok(()) } else { bail!("{}", String::from_utf8_lossy(&done.stderr)) }
    }

    /// Verifies every log, offline; gives what the verifier printed.
    ///
    /// # Errors
    /// When one does not verify.
    pub fn verify(&self) -> anyhow::Result<String> {
        let done = self.run(&["audit", "verify", "--config", "magistrate.toml"])?;
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() { Ok(printed) } else { bail!("a log does not verify: {printed}") }
    }

    /// Asks the server to stop, and waits until it has.
    ///
    /// # Errors
    /// When it ends otherwise than well.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        // One that has ended by itself has no number any more that is its own.
        if server.try_wait()?.is_none() {
            Command::new("kill").args(["-TERM", &server.id().to_string()]).status()?;
        }
        let ended = server.wait()?;
        if ended.success() { Ok(()) } else { bail!("the server ended with {ended}") }
    }

    /// Kills the server, as a power failure would.
    ///
    /// # Errors
    /// When there is none to kill.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut server = self.server.take().context("no server runs")?;
        server.kill()?;
        server.wait()?;
        Ok(())
    }

    /// Whether a server runs: there is one, and it has not ended by itself.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn runs(&mut self) -> std::io::Result<bool> {
        self.server.as_mut().map_or(Ok(false), |server| server.try_wait().map(|ended| ended.is_none()))
    }
}

/// The template that there is, or a new one.
fn template(program: &Path) -> anyhow::Result<Arc<TempDir>> {
    let mut kept = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = kept.upgrade() {
        return Ok(template);
    }
    let folder = Arc::new(tempfile::tempdir()?);
    Deployment::init(program, &folder.path().join("home"), None)?;
    *kept = Arc::downgrade(&folder);
    Ok(folder)
}

/// Copies a folder and what is in it, with who may read what.
///
/// # Errors
/// When something cannot be read or written, or went away meanwhile.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() { copy(&path, &to)? } else { std::fs::copy(&path, &to).map(drop)? }
    }
    std::fs::set_permissions(to, from.metadata()?.permissions())
}

/// Puts a copy of a folder in its place.
///
/// # Errors
/// When there is nothing in that place; see [`copy`].
pub fn put_back(folder: &Path, copied: &Path) -> std::io::Result<()> {
    std::fs::remove_dir_all(folder)?;
    copy(copied, folder)
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // One that ended already cannot be killed, which is as good.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
