//! `magistrate serve`.

use crate::config::{self, Config};
use crate::descriptors::{self, Shares};
use crate::draughting::Draughtsman;
use crate::not_started;
use crate::output::{self, bar, spinner};
use crate::post::{Bell, Post, told_of_alarms};
use crate::private;
use crate::same_disk;
use crate::store_command;
use crate::witnesses;
use anyhow::Context as _;
use casework::alarm::{Alarm, Announce};
use casework::chamber::Loading;
use casework::chancery::Chancery;
use casework::clock::Correction;
use casework::reopening::{Restoration, Vigil, Wait, patiently};
use casework::retention::{Exports, Means};
use casework::{Casework, Clock, Opening, PolicyState};
use clap::ArgGroup;
use clap::builder::NonEmptyStringValueParser;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Cores that one photograph's networks use. More make one faster and two at once slower.
const FACE_THREADS: usize = 1;

/// How long work that nobody waits for any more may take at the end of the process.
const LAST_WORK: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
#[command(
    group = ArgGroup::new("word").args(["clock_was_wrong", "database_was_set_back"]).multiple(true),
    after_help = "Example:\n  magistrate serve --config here/magistrate.toml"
)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, default_value = "magistrate.toml")]
    config: PathBuf,
    /// Say that the clock was wrong when the last entries were recorded, and is right now: why, and how you know. For this start
    #[arg(long, value_name = "WHY", requires = "said_by", value_parser = NonEmptyStringValueParser::new())]
    clock_was_wrong: Option<String>,
    /// Say that the database lacks what is on record, because no copy has it: what happened, and what was restored. For this start
    #[arg(long, value_name = "WHY", requires = "said_by", value_parser = NonEmptyStringValueParser::new())]
    database_was_set_back: Option<String>,
    /// Who says so; it is recorded
    #[arg(long, value_name = "WHO", requires = "word", value_parser = NonEmptyStringValueParser::new())]
    said_by: Option<String>,
}

/// What somebody answers for at one start.
struct Said {
    correction: Option<Correction>,
    restoration: Option<Restoration>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = Config::read(&arguments.config)?;
    let by = arguments.said_by.as_deref().unwrap_or_default();
    let said = Said {
        correction: arguments.clock_was_wrong.clone().map(|why| Correction { by: by.to_owned(), why }),
        restoration: arguments.database_was_set_back.clone().map(|why| Restoration { by: by.to_owned(), why }),
    };
    let runtime = crate::runtime()?;
    let served = runtime.block_on(serve(&config, said));
    // Whoever waits for a disk that hangs does not keep the process from ending.
    runtime.shutdown_timeout(LAST_WORK);
    served
}

async fn serve(config: &Config, said: Said) -> anyhow::Result<ExitCode> {
    // First: whoever is told of alarms is told of whatever ends the start from here on.
    let post = config.outbox.as_ref().map(Post::new).transpose()?.map(Arc::new);
    let mut alarm: Arc<dyn Alarm> = Arc::new(Announce);
    if let (Some(post), Some(outbox)) = (&post, &config.outbox) {
        alarm = Arc::new(Bell { post: post.clone(), to: told_of_alarms(outbox)? });
    }
    let one_disk = same_disk::warning(config);
    if let Some(warning) = &one_disk {
        tracing::warn!("{warning}");
    }
    let (listening, casework) = match start(config, said, post, alarm.clone()).await {
        Ok(started) => started,
        Err(e) => {
            not_started::tell(&*alarm, &e).await;
            return Err(e);
        }
    };
    // Before anybody is told that they can do anything.
    let asked = asked_to_stop();
    print_jurisdictions(&casework);
    if let Some(warning) = one_disk {
        say!("{warning}");
    }
    if let Some(address) = listening.public_address() {
        say!("for everybody, without a certificate: {address}");
    }
    say!("listening on https://{}", listening.address());

    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        asked.await;
        eprintln!("stopping: work under way is finished first");
        let _ = stop.send(true);
    });
    match listening.run(casework, stopped).await {
        Some(casework) => {
            casework.close().await?;
            Ok(ExitCode::SUCCESS)
        }
        None => anyhow::bail!("some work did not finish in time; the logs are recovered at the next start"),
    }
}

/// Listens and opens everything.
async fn start(
    config: &Config,
    said: Said,
    post: Option<Arc<Post>>,
    alarm: Arc<dyn Alarm>,
) -> anyhow::Result<(server::Server, Casework)> {
    // Listen first: whoever cannot have the port should not touch the database.
    let listening = server::Server::bind(config.server.listen, config.tls_files()).await?;
    let listening = listening.with_patience(config.patience()).with_most_each(config.most_each());
    let listening = listening.with_handshakes_each(config.handshakes_each());
    let shares = most_connections(config.public.is_some());
    let mut listening = listening.with_allowances(config.allowances()).with_most_connections(shares.certified);
    if let Some(public) = &config.public {
        listening = listening.with_public(public.bounds(shares.public)).await.context("[public]")?;
    }
    let clock = match said.correction {
        Some(correction) => Clock::system().corrected(correction),
        None => Clock::system(),
    };
    let (vigil, waits) = Vigil::new(alarm.clone());
    let folder = |id: &String| (id.clone(), config.audit.folder.join(id).display().to_string());
    let mut vigil = vigil.over(config.jurisdictions.keys().map(folder).collect());
    if let Some(restoration) = said.restoration {
        vigil = vigil.of_restored(restoration);
    }
    let announced = tokio::spawn(say_waiting(listening.address(), waits.clone()));
    let opened = listening.until_open(waits, open_by(config, clock, Some(&vigil))).await;
    announced.abort();
    let mut casework = opened?.with_draughting(Arc::new(Draughtsman));
    if let Some(post) = post {
        casework = casework.with_outbox(post);
    }
    casework.guard(alarm);
    witnesses::seek(config, &mut casework)?;
    Ok((listening, casework))
}

/// Says, once, that the address answers and the host cannot decide yet: whoever started it waits for a line.
async fn say_waiting(address: SocketAddr, mut waits: tokio::sync::watch::Receiver<Option<Wait>>) {
    let wait = waits.wait_for(Option::is_some).await.map(|wait| wait.clone());
    if let Ok(Some(Wait { jurisdiction, subject, reason })) = wait {
        say!("listening on https://{address}, and not ready: {jurisdiction}: {subject}: {reason}");
    }
}

/// How many connections there may be, so that the log and the database never want for a file descriptor.
fn most_connections(for_everybody: bool) -> Shares {
    let descriptors = descriptors::raise();
    let shares = descriptors::connections(descriptors, for_everybody);
    let Shares { certified: connections, public } = shares;
    if connections < server::MOST_CONNECTIONS {
        let most = server::MOST_CONNECTIONS;
        tracing::warn!(
            ?descriptors,
            connections,
            public,
            most,
            "few file descriptors, few connections: raise the hard limit"
        );
    } else {
        tracing::info!(?descriptors, connections, public, "file descriptors, and connections at one moment");
    }
    shares
}

/// Opens everything a configuration names, as the benchmarks do.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Casework> {
    open_by(config, Clock::system(), None).await
}

/// The same by this clock, with somebody who keeps vigil where it waits.
async fn open_by(config: &Config, clock: Clock, vigil: Option<&Vigil>) -> anyhow::Result<Casework> {
    let engine = policy::Engine::new()?;
    let extractor = match &config.faces {
        Some(faces) => Some(load_faces(faces)?),
        None => None,
    };
    store_command::whole(config)?;
    let archive = config.archive()?;
    let opening = spinner("opening policies and logs");
    let mut openings = Vec::new();
    for (id, jurisdiction) in &config.jurisdictions {
        let registry = config::registry(&jurisdiction.registry)?;
        let read = policy::Folder::read(&jurisdiction.policy);
        let policy = match read.and_then(|folder| folder.load_archived(&engine, &archive)) {
            Ok(policy) => PolicyState::Ready(policy),
            Err(e) => {
                // The other jurisdictions go on; this one denies everything, on record.
                tracing::error!(jurisdiction = %id, %e, "no policy in force: every step will be denied");
                PolicyState::Absent(e.to_string())
            }
        };
        let log = patiently(id, &clock, vigil, preparing(config, id)?).await??;
        let galleries = Some(open_galleries(config, id)?);
        openings.push(Opening { id: id.clone(), policy, registry, log, galleries });
    }
    opening.finish_and_clear();
    let store = config.database()?.await?;
    let bars = Mutex::new(BTreeMap::new());
    let progress = |loading: Loading<'_>| {
        let name = format!("{}/{}", loading.jurisdiction, loading.gallery);
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(name.clone()).or_insert_with(|| bar(&name, loading.of));
        bar.set_position(loading.rows);
    };
    let mut casework = Casework::open_keeping(openings, store, clock, extractor, &progress, vigil).await?;
    for (id, jurisdiction) in &config.jurisdictions {
        casework.provide(id, means(jurisdiction));
        if let Some(reason) = casework.idle_order(id) {
            // Whoever is missing may be registered yet, and `/readyz` says so until then.
            tracing::warn!(jurisdiction = %id, %reason, "what is due will not be purged");
        }
    }
    for bar in bars.into_inner().unwrap_or_else(PoisonError::into_inner).values() {
        bar.finish_and_clear();
    }
    let folders = config.jurisdictions.iter().map(|(id, jurisdiction)| (id.clone(), jurisdiction.policy.clone()));
    let casework = casework.with_chancery(Chancery::new(engine, archive, folders.collect()));
    casework.put_policies_back().await;
    Ok(casework)
}

/// What a jurisdiction exports to and purges by.
fn means(jurisdiction: &config::Jurisdiction) -> Means {
    let open = |folder: PathBuf| -> Exports {
        Box::new(move || cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority()))
    };
    Means { exports: jurisdiction.exports.clone().map(open), purge_as: jurisdiction.purge_as.clone() }
}

/// Reads and locks a jurisdiction's log.
pub(crate) fn prepare_log(config: &Config, id: &str) -> anyhow::Result<audit::Prepared> {
    preparing(config, id)?()
}

/// What reads and locks a jurisdiction's log, and waits for its disk.
fn preparing(
    config: &Config,
    id: &str,
) -> anyhow::Result<impl FnOnce() -> anyhow::Result<audit::Prepared> + Send + use<>> {
    let origin = format!("{}/{id}", config.audit.host);
    let seed = config::secret(&config.audit.keys.join(format!("log-{id}.key")))?;
    let signer = audit::Ed25519Signer::from_seed(&origin, seed)?;
    let folder = config.audit.folder.join(id);
    Ok(move || {
        private::folder(&folder)?;
        let dir = cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority())?;
        audit::Log::prepare(dir, &origin, Arc::new(signer))
            .with_context(|| format!("the audit log in {} cannot be opened", folder.display()))
    })
}

/// The folder of a jurisdiction's galleries.
fn open_galleries(config: &Config, id: &str) -> anyhow::Result<cap_std::fs::Dir> {
    let folder = config.store.galleries.join(id);
    private::only_owners(&folder)?;
    cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority())
        .with_context(|| format!("cannot open {}", folder.display()))
}

/// Loads the two networks.
pub(crate) fn load_faces(paths: &face::ModelPaths) -> anyhow::Result<Arc<dyn face::Extractor>> {
    Ok(Arc::new(paths.load(face::Limits::default(), FACE_THREADS)?))
}

fn print_jurisdictions(casework: &Casework) {
    let mut table = output::table(["jurisdiction", "policy", "galleries", "records", "log entries"]);
    for chamber in casework.chambers() {
        let policy = match &*chamber.policy() {
            PolicyState::Ready(policy) => policy.charter().title.clone(),
            PolicyState::Absent(reason) => format!("none: {reason}"),
        };
        let halls = chamber.halls();
        let names: Vec<_> = halls.iter().map(|h| h.registered().id.clone()).collect();
        let records: usize = halls.iter().map(|h| h.len()).sum();
        table.add_row([
            chamber.id().to_owned(),
            policy,
            names.join(", "),
            records.to_string(),
            chamber.log().size().to_string(),
        ]);
    }
    say!("{table}");
}

/// What returns once the program is to stop. Whoever asks for that is heard from now on, and not only once it is waited for.
pub(crate) fn asked_to_stop() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = signal(SignalKind::terminate()).and_then(|ended| Ok((ended, signal(SignalKind::interrupt())?)));
    async move {
        match signals {
            Ok((mut ended, mut interrupted)) => tokio::select! {
                _ = ended.recv() => {}
                _ = interrupted.recv() => {}
            },
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    }
}
