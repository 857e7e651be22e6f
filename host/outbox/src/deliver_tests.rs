//! Deliveries to real folders and to a mail server in this process.

use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::{Smtp, Tls};

const NOW: Instant = Instant(1_767_225_600_000);

pub(crate) fn notice() -> Notice {
    Notice {
        id: "n-1".to_owned(),
        jurisdiction: "springfield".to_owned(),
        to: vec!["north".to_owned(), "south".to_owned()],
        reached: vec![],
        subject: "Breach of clause 7".to_owned(),
        body: "A breach was confirmed.\n.\nSee the log.".to_owned(),
        clause: "7(2)".to_owned(),
        due: Some(NOW.plus_ms(86_400_000)),
    }
}

fn config() -> Config {
    let office = |name: &str| (name.to_owned(), vec![format!("{name}@example.gov")]);
    Config { folder: None, smtp: None, recipients: BTreeMap::from([office("north"), office("south")]), alarm: vec![] }
}

fn to_folder(folder: &TempDir) -> Config {
    Config { folder: Some(folder.path().join("outbox")), ..config() }
}

fn to_server(port: u16) -> Config {
    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        authority: None,
        user: None,
        password_file: None,
        from: "host@example.gov".to_owned(),
        timeout_s: 5,
    };
    Config { smtp: Some(smtp), ..config() }
}

async fn deliver(config: &Config, notice: &Notice) -> Outcome {
    Outbox::new(config).unwrap().deliver(notice, NOW, &BTreeSet::new()).await
}

fn files(config: &Config) -> Vec<String> {
    let folder = config.folder.as_ref().unwrap();
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Serves one conversation and gives back what was said to it. A recipient that contains `refuses` gets `answer`.
async fn server(refuses: &'static str, answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let conversation = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        let (mut heard, mut in_data) = (String::new(), false);
        write.write_all(b"220 test ready\r\n").await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            heard.push_str(&line);
            heard.push('\n');
            let reply = if in_data {
                if line != "." {
                    continue;
                }
                in_data = false;
                "250 taken\r\n".to_owned()
            } else if line.starts_with("EHLO") {
                "250-test\r\n250 8BITMIME\r\n".to_owned()
            } else if line.starts_with("RCPT") && line.contains(refuses) {
                format!("{answer}\r\n")
            } else if line == "DATA" {
                in_data = true;
                "354 go on\r\n".to_owned()
            } else if line == "QUIT" {
                write.write_all(b"221 bye\r\n").await.unwrap();
                break;
            } else {
                "250 fine\r\n".to_owned()
            };
            write.write_all(reply.as_bytes()).await.unwrap();
        }
        heard
    };
    let bounded = async move { tokio::time::timeout(Duration::from_secs(20), conversation).await.unwrap() };
    (port, tokio::spawn(bounded))
}

#[tokio::test]
async fn a_repeated_delivery_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = to_folder(&folder);
    let first = deliver(&config, &notice()).await;
    assert!(first.errors.is_empty(), "{:?}", first.errors);
    let path = config.folder.as_ref().unwrap().join("springfield.n-1.eml");
    assert_eq!(first.deliveries[0].channel, Channel::Folder(path.clone()));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("A breach was confirmed."));
    assert_eq!(deliver(&config, &notice()).await, first);
    assert_eq!(files(&config), ["springfield.n-1.eml"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn an_office_without_an_address_is_named_and_its_copy_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = to_folder(&folder);
    config.recipients.clear();
    let outcome = deliver(&config, &notice()).await;
    let missing = |office: &str| DeliveryError::NoAddress { office: office.to_owned() };
    assert_eq!(outcome.errors, [missing("north"), missing("south")]);
    assert!(outcome.errors.iter().all(|error| !error.is_temporary()));
    assert_eq!(outcome.deliveries.len(), 1);
    let text = std::fs::read_to_string(config.folder.unwrap().join("springfield.n-1.eml")).unwrap();
    assert!(text.contains("north") && text.contains("unassigned@magistrate.invalid"));
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_a_temporary_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = to_folder(&folder);
    std::fs::write(config.folder.as_ref().unwrap(), "in the way").unwrap();
    let outcome = deliver(&config, &notice()).await;
    assert!(outcome.deliveries.is_empty());
    assert!(outcome.errors[0].is_temporary());
    assert!(outcome.errors[0].to_string().contains("springfield.n-1.eml"));
    // Somebody makes room: the same notice goes out.
    std::fs::remove_file(config.folder.as_ref().unwrap()).unwrap();
    assert!(deliver(&config, &notice()).await.errors.is_empty());
    assert_eq!(files(&config), ["springfield.n-1.eml"]);
}

#[tokio::test]
async fn the_server_gets_one_message_for_every_office() {
    let (port, heard) = server("nobody", "550 no").await;
    let outcome = deliver(&to_server(port), &notice()).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let delivery = &outcome.deliveries[0];
    assert_eq!(delivery.recipients, ["north@example.gov", "south@example.gov"]);
    assert_eq!((delivery.message_id.as_str(), delivery.at), ("<springfield.n-1@example.gov>", NOW));
    let heard = heard.await.unwrap();
    assert!(heard.contains("MAIL FROM:<host@example.gov>"));
    assert_eq!(heard.matches("RCPT TO:").count(), 2);
    // A line of one point is doubled on its way and ends nothing.
    assert!(heard.contains("\n..\nSee the log."), "{heard}");
}

#[tokio::test]
async fn a_refused_recipient_keeps_nobody_else_from_being_told() {
    for (answer, temporary) in [("550 no such office", false), ("451 try later", true)] {
        let (port, heard) = server("south", answer).await;
        let outcome = deliver(&to_server(port), &notice()).await;
        assert_eq!(outcome.deliveries[0].recipients, ["north@example.gov"]);
        let [error] = &outcome.errors[..] else { panic!("{:?}", outcome.errors) };
        assert!(matches!(error, DeliveryError::Refused { recipient, .. } if recipient == "south@example.gov"));
        assert_eq!(error.is_temporary(), temporary);
        assert!(heard.await.unwrap().contains("Breach of clause 7"));
    }
}

#[tokio::test]
async fn a_repetition_goes_to_those_who_have_not_got_it() {
    let (port, heard) = server("nobody", "550 no").await;
    let reached = BTreeSet::from(["north@example.gov".to_owned()]);
    let outbox = Outbox::new(&to_server(port)).unwrap();
    let outcome = outbox.deliver(&notice(), NOW, &reached).await;
    assert_eq!(outcome.deliveries[0].recipients, ["south@example.gov"]);
    let heard = heard.await.unwrap();
    assert!(heard.contains("RCPT TO:<south@example.gov>") && !heard.contains("RCPT TO:<north@"), "{heard}");
    // Nobody is left: no connection is made, to a server that is gone by now.
    let all: BTreeSet<String> = ["north@example.gov", "south@example.gov"].map(str::to_owned).into();
    assert_eq!(outbox.deliver(&notice(), NOW, &all).await, Outcome::default());
}

#[test]
fn an_alarm_that_mail_would_not_carry_is_refused() {
    let alarm = |office: &str, mails: bool| {
        let base = if mails { to_server(1) } else { Config { folder: Some("x".into()), ..config() } };
        let mut config = Config { alarm: vec!["north".to_owned(), office.to_owned()], ..base };
        config.recipients.insert("empty".to_owned(), vec![]);
        Outbox::new(&config).err()
    };
    for office in ["west", "empty"] {
        assert_eq!(alarm(office, true), Some(ConfigError::Alarm(office.to_owned())));
        assert_eq!(alarm(office, false), None, "a file names it");
    }
    assert_eq!(alarm("south", true), None);
}

#[tokio::test]
async fn a_server_that_refuses_everybody_gets_no_message() {
    let (port, heard) = server("@", "550 none").await;
    let outcome = deliver(&to_server(port), &notice()).await;
    assert_eq!((outcome.deliveries.len(), outcome.errors.len()), (0, 2));
    assert!(!heard.await.unwrap().contains("DATA"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = to_server(listener.local_addr().unwrap().port());
    if let Some(smtp) = &mut config.smtp {
        smtp.timeout_s = 1;
    }
    let outcome = tokio::time::timeout(Duration::from_secs(20), deliver(&config, &notice())).await.unwrap();
    assert_eq!(outcome.errors, [DeliveryError::Timeout { host: "127.0.0.1".to_owned(), seconds: 1 }]);
    assert!(outcome.errors[0].is_temporary());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_temporary_error_and_the_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let config = Config { folder: Some(folder.path().join("outbox")), ..to_server(port) };
    let outcome = deliver(&config, &notice()).await;
    assert!(matches!(outcome.errors[..], [DeliveryError::Server { temporary: true, .. }]), "{:?}", outcome.errors);
    assert_eq!(outcome.deliveries.len(), 1);
}

#[tokio::test]
async fn where_tls_is_required_nothing_goes_out_without() {
    let (port, heard) = server("nobody", "550 no").await;
    let mut config = to_server(port);
    if let Some(smtp) = &mut config.smtp {
        smtp.tls = Tls::Required;
    }
    let outcome = deliver(&config, &notice()).await;
    assert!(matches!(outcome.errors[..], [DeliveryError::Server { temporary: false, .. }]), "{:?}", outcome.errors);
    assert!(!heard.await.unwrap().contains("MAIL FROM"));
}

#[tokio::test]
async fn a_notice_that_is_none_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = to_folder(&folder);
    for bad in [Notice { to: Vec::new(), ..notice() }, Notice { id: "../../x".to_owned(), ..notice() }] {
        let outcome = deliver(&config, &bad).await;
        assert!(matches!(outcome.errors[..], [DeliveryError::Notice(_)]) && outcome.deliveries.is_empty());
    }
    assert!(!config.folder.unwrap().exists());
}

#[test]
fn a_configuration_that_cannot_work_says_what_to_change() {
    let with = |change: fn(&mut Smtp)| {
        let mut config = to_server(25);
        if let Some(smtp) = &mut config.smtp {
            change(smtp);
        }
        Outbox::new(&config).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(with(|smtp| smtp.host = "mail.example.gov".to_owned()).contains("tls = \"required\""));
    assert!(with(|smtp| smtp.user = Some("u".to_owned())).contains("password-file"));
    assert!(with(|smtp| smtp.from = "nobody".to_owned()).contains("`nobody`"));
    assert!(
        with(|smtp| {
            smtp.user = Some("u".to_owned());
            smtp.password_file = Some("/nonexistent/password".into());
        })
        .contains("/nonexistent/password")
    );
    assert_eq!(with(|_| ()), "");
    assert_eq!(Outbox::new(&config()).err(), Some(ConfigError::NoChannel));
    let mut bad = to_server(25);
    bad.recipients.insert("clerk".to_owned(), vec!["cl\r\nRCPT TO:<x@y>".to_owned()]);
    assert!(Outbox::new(&bad).err().is_some_and(|error| error.to_string().contains("`clerk`")));
}
