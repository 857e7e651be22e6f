//! Notices and alarms through real folders and a mail server in this process.

use super::*;
use model::terms::Instant;
use std::path::Path;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Serves one conversation after the other and gives back the recipients named in each. The n-th refuses those that contain the
/// first of `refusals[n]` with the second.
async fn server(refusals: &'static [(&'static str, &'static str)]) -> (u16, JoinHandle<Vec<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let conversations = async move {
        let mut heard = Vec::new();
        for (refused, answer) in refusals {
            let (stream, _) = listener.accept().await.unwrap();
            heard.push(converse(stream, refused, answer).await);
        }
        heard
    };
    (port, tokio::spawn(conversations))
}

async fn converse(mut stream: TcpStream, refused: &str, answer: &str) -> Vec<String> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let (mut recipients, mut in_data) = (Vec::new(), false);
    write.write_all(b"220 test ready\r\n").await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        let recipient = line.strip_prefix("RCPT TO:").map(str::to_owned);
        let reply = if in_data {
            if line != "." {
                continue;
            }
            in_data = false;
            "250 taken"
        } else if line.starts_with("EHLO") {
            "250-test\r\n250 8BITMIME"
        } else if recipient.as_ref().is_some_and(|r| r.contains(refused)) {
            answer
        } else if line == "DATA" {
            in_data = true;
            "354 go on"
        } else if line == "QUIT" {
            break;
        } else {
            "250 fine"
        };
        recipients.extend(recipient);
        write.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
    }
    recipients
}

/// Mails to this port; `north` and `south` have addresses.
fn mailing(port: u16) -> Post {
    let smtp = outbox::Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls: outbox::Tls::None,
        authority: None,
        user: None,
        password_file: None,
        from: "host@example.gov".to_owned(),
        timeout_s: 90,
    };
    let office = |name: &str| (name.to_owned(), vec![format!("{name}@example.gov")]);
    let recipients = [office("north"), office("south")].into();
    Post::new(&outbox::Config { folder: None, smtp: Some(smtp), recipients, alarm: vec![] }).unwrap()
}

fn to(offices: &[&str]) -> Notice {
    Notice { to: offices.iter().map(|office| (*office).to_owned()).collect(), ..notice("n") }
}

fn post(folder: &Path, smtp: Option<outbox::Smtp>) -> Post {
    let (folder, recipients, alarm) = (Some(folder.to_owned()), Default::default(), vec![]);
    Post::new(&outbox::Config { folder, smtp, recipients, alarm }).unwrap()
}

fn notice(id: &str) -> Notice {
    Notice {
        id: id.to_owned(),
        jurisdiction: "north".to_owned(),
        to: vec!["the board".to_owned()],
        reached: vec![],
        subject: "weekly report".to_owned(),
        body: "it is drawn up".to_owned(),
        clause: "6".to_owned(),
        due: None,
    }
}

fn letters(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn a_notice_with_a_long_id_is_one_file_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let post = post(folder.path(), None);
    let long = format!("{}.{}", "0".repeat(36), "1".repeat(32));
    let one = post.deliver(notice(&long)).await.unwrap();
    let two = post.deliver(notice(&long)).await.unwrap();
    assert_eq!(
        (one.message_id.as_str(), one.recipients.as_slice()),
        (two.message_id.as_str(), &["the board".to_owned()][..])
    );
    assert_eq!(letters(folder.path()).len(), 1);
    post.deliver(notice("another")).await.unwrap();
    assert_eq!(letters(folder.path()).len(), 2);
}

#[test]
fn an_office_without_an_address_is_reached_by_a_file_and_not_by_mail() {
    let outcome = || Outcome {
        deliveries: vec![outbox::Delivery {
            channel: Channel::Folder("x".into()),
            recipients: vec!["the board".to_owned()],
            message_id: "<1@x>".to_owned(),
            at: Instant(0),
        }],
        errors: vec![DeliveryError::NoAddress { office: "the board".to_owned() }],
    };
    assert!(delivery(outcome(), false, false, Instant(1)).is_ok());
    let mailed = delivery(outcome(), true, false, Instant(1)).unwrap();
    let [unreached] = &mailed.unreached[..] else { panic!("{:?}", mailed.unreached) };
    assert!(unreached.contains("the board"), "{unreached}");
    assert!(delivery(Outcome::default(), false, false, Instant(1)).is_err(), "nowhere at all");
    assert!(delivery(Outcome::default(), true, false, Instant(1)).is_err());
    assert!(delivery(Outcome::default(), true, true, Instant(1)).is_ok(), "who it is for has it");
}

#[tokio::test]
async fn an_alarm_reaches_the_offices_named_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let post = Arc::new(post(folder.path(), None));
    let alert = Alert {
        jurisdiction: "north".to_owned(),
        subject: "the log cannot be written".to_owned(),
        text: "no space is left".to_owned(),
        since: Instant(7),
    };
    let bell = Bell { post, to: vec!["administrator".to_owned()] };
    bell.raise(&alert).await.unwrap();
    bell.raise(&alert).await.unwrap();
    let letters = letters(folder.path());
    assert_eq!(letters.len(), 1, "once, however often it is raised");
    assert!(letters[0].contains("no space is left") && letters[0].contains("administrator"), "{}", letters[0]);
}

#[test]
fn an_alarm_reaches_somebody_whoever_is_named() {
    let config = |text: &str| told_of_alarms(&toml::from_str(text).unwrap());
    assert_eq!(config("folder = \"out\"").unwrap(), [OFFICE], "the folder is there to be looked into");
    assert_eq!(config("folder = \"out\"\nalarm = [\"a\", \"b\"]").unwrap(), ["a", "b"]);
    let mail = "[smtp]\nhost = \"127.0.0.1\"\nport = 25\nfrom = \"a@example.gov\"\n";
    assert!(config(mail).unwrap_err().to_string().contains("names nobody to tell"));
    assert_eq!(config(&format!("alarm = [\"a\"]\n{mail}")).unwrap(), ["a"]);
}

#[tokio::test]
async fn only_those_who_have_not_got_it_are_sent_it_again() {
    let (port, heard) = server(&[("south", "451 try later"), ("nobody", "550 no")]).await;
    let post = mailing(port);
    let reason = post.deliver(to(&["north", "south"])).await.unwrap_err();
    assert!(reason.contains("south@example.gov") && !reason.contains("north@"), "{reason}");
    let done = post.deliver(to(&["north", "south"])).await.unwrap();
    assert_eq!(done.recipients, ["north@example.gov", "south@example.gov"]);
    assert_eq!((done.channel.as_str(), done.unreached.len()), ("smtp", 0));
    assert_eq!(heard.await.unwrap()[1], ["<south@example.gov>"]);
    assert!(post.begun().is_empty(), "it is remembered for as long as somebody has not got it");
}

#[tokio::test]
async fn whom_nothing_reaches_is_named_beside_the_delivery_and_tried_alone_after_that() {
    let (port, heard) = server(&[("south", "550 no such office"), ("nobody", "550 no")]).await;
    let done = mailing(port).deliver(to(&["north", "south", "west"])).await.unwrap();
    assert_eq!(done.recipients, ["north@example.gov"]);
    let unreached = done.unreached.join("\n");
    assert!(unreached.contains("south@example.gov") && unreached.contains("`west` has no address"), "{unreached}");
    // Another process, after somebody has seen to it.
    let again = Notice { reached: done.recipients, ..to(&["north", "south"]) };
    let done = mailing(port).deliver(again.clone()).await.unwrap();
    assert_eq!((done.recipients.as_slice(), done.unreached.len()), (&["south@example.gov".to_owned()][..], 0));
    assert_eq!(heard.await.unwrap()[1], ["<south@example.gov>"]);
    let all = Notice { reached: vec!["north@example.gov".to_owned(), "south@example.gov".to_owned()], ..again };
    let done = mailing(port).deliver(all).await.unwrap();
    assert!(done.recipients.is_empty() && done.unreached.is_empty(), "and nobody is asked once more");
}

#[tokio::test]
async fn what_reaches_nobody_is_not_delivered() {
    let (port, _) = server(&[("@", "550 no")]).await;
    let post = mailing(port);
    assert!(post.deliver(to(&["north", "south"])).await.unwrap_err().contains("north@example.gov"));
    assert!(post.deliver(to(&["west"])).await.unwrap_err().contains("`west` has no address"));
}

#[test]
fn a_server_that_takes_nothing_is_tried_again_whatever_is_in_the_folder() {
    let filed = outbox::Delivery {
        channel: Channel::Folder("x".into()),
        recipients: vec!["the board".to_owned()],
        message_id: "<1@x>".to_owned(),
        at: Instant(0),
    };
    let (host, reason) = ("mail.example.gov".to_owned(), "the password is wrong".to_owned());
    let errors = vec![DeliveryError::Server { host, reason, temporary: false }];
    assert!(delivery(Outcome { deliveries: vec![filed], errors }, true, false, Instant(1)).is_err());
}

#[test]
fn an_alarm_waits_longer_than_the_mail_server_may_take() {
    let bell = Bell { post: Arc::new(mailing(1)), to: vec![] };
    assert!(bell.patience() > Duration::from_secs(90));
}
