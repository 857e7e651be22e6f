//! A database that was put back to an earlier copy, or is another one than the logs belong to, as a user meets it: nothing is served
//! from it, and whoever watches the host learns why; unless somebody answers for it, on record.

use crate::common::{Court, alarm_but, alarms, court, path, request, searcher};
use integration_tests::{copy, put_back};
use serde_json::{Value, json};
use std::path::PathBuf;

fn database(court: &Court) -> PathBuf {
    court.deployment.home.join("data/db")
}

/// Starts and finds that everything is refused; gives what `/readyz` tells, and what an alarm does.
async fn refused(court: &mut Court) -> [String; 2] {
    let known = alarms(&court.outbox());
    court.deployment.serve().unwrap();
    let told = court.is_refused_everything().await["impediments"].to_string();
    let rung = alarm_but(&court.outbox(), &known).await;
    court.deployment.kill().unwrap();
    [told, rung]
}

/// Serves with somebody who answers for the database.
fn answered_for(court: &mut Court) -> anyhow::Result<()> {
    let script = "exec \"$0\" \"$@\" --database-was-set-back 'its disk died' --said-by 'R. Hale'";
    court.deployment.serve_under(&["sh", "-c", script])
}

/// What is on record of somebody who did.
async fn answers(court: &Court) -> Vec<Value> {
    let entries = court.audit("detroit", 0).await;
    let events = entries.into_iter().map(|entry| entry["account"]["event"].clone());
    events.filter(|event| event["act"] == "database-set-back").collect()
}

#[tokio::test]
async fn an_empty_or_an_earlier_database_is_not_served_from_and_the_newest_is() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let (earlier, newest) = (court.deployment.home.join("earlier"), court.deployment.home.join("newest"));
    copy(&database(&court), &earlier).unwrap();
    court.deployment.serve().unwrap();
    court.search("detroit", 2).await;
    court.deployment.stop().unwrap();

    // As when its volume is not mounted, or its address is mistyped.
    std::fs::rename(database(&court), &newest).unwrap();
    for told in refused(&mut court).await {
        assert!(told.contains("detroit") && told.contains("the database knows of 0 entries of the log"), "{told}");
        assert!(told.contains("the database lacks what is on record") && !told.contains("cannot be written"), "{told}");
    }

    put_back(&database(&court), &earlier).unwrap();
    for told in refused(&mut court).await {
        assert!(told.contains("the database knows of ") && !told.contains("knows of 0 entries"), "{told}");
        assert!(told.contains("an earlier copy was put in its place"), "{told}");
    }
    let mended = court.deployment.run(&["store", "check", "--config", "magistrate.toml", "--mend"]).unwrap();
    let said = String::from_utf8_lossy(&mended.stderr);
    assert!(mended.status.code() == Some(1) && said.contains("an earlier copy was put in its place"), "{said}");

    std::fs::remove_dir_all(database(&court)).unwrap();
    std::fs::rename(&newest, database(&court)).unwrap();
    court.deployment.serve().unwrap();
    assert_eq!(court.search("detroit", 3).await["verdict"], "permit", "with the newest database it goes on");
    assert!(answers(&court).await.is_empty());
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    let refused = answered_for(&mut court).unwrap_err().to_string();
    assert!(refused.contains("start the host without --database-was-set-back"), "{refused}");
}

#[tokio::test]
async fn whoever_goes_on_without_what_no_copy_has_answers_for_it_on_record() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let earlier = court.deployment.home.join("earlier");
    copy(&database(&court), &earlier).unwrap();
    court.deployment.serve().unwrap();
    let lost = court.search("detroit", 2).await;
    court.deployment.stop().unwrap();
    court.deployment.serve().unwrap();
    // What rides on the journal is not lost with the database.
    let kept = court.search("detroit", 3).await;
    court.deployment.kill().unwrap();
    put_back(&database(&court), &earlier).unwrap();

    answered_for(&mut court).unwrap();
    let said = answers(&court).await;
    let [said] = said.as_slice() else { panic!("it is said once: {said:?}") };
    let details = &said["details"];
    assert_eq!((&details["by"], &details["why"]), (&json!("R. Hale"), &json!("its disk died")));
    let (first, last) = details["lacking"].as_str().unwrap().split_once('-').unwrap();
    let lacking = first.parse::<u64>().unwrap()..=last.parse::<u64>().unwrap();
    let index = |found: &Value| found["receipt"]["index"].as_u64().unwrap();
    assert!(lacking.contains(&index(&lost)) && !lacking.contains(&index(&kept)), "{details}");
    for entry in court.audit("detroit", 0).await {
        let has = entry["account_verified"] == true;
        assert_eq!(has, !lacking.contains(&entry["index"].as_u64().unwrap()), "{entry}");
    }
    for found in [&lost, &kept] {
        court.check_receipt("detroit", &found["receipt"]);
    }
    let body = json!({"request": request("detroit", 4)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    assert_eq!(answer.status, 200, "it goes on: {}", String::from_utf8_lossy(&answer.body));

    // From then on it starts by itself.
    court.deployment.kill().unwrap();
    court.deployment.serve().unwrap();
    assert_eq!(court.search("detroit", 5).await["verdict"], "permit");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    let accounts = ["audit", "verify", "--config", "magistrate.toml", "--jurisdiction", "detroit", "--accounts"];
    let found = court.deployment.run(&accounts).unwrap();
    assert_eq!(found.status.code(), Some(4), "what is lost is told for good");
}
