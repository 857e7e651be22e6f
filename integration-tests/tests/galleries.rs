//! Gallery files that the disk changed, as a user meets them.

use crate::common::{court, path, request, searcher, template};
use integration_tests::Example;
use serde_json::json;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

/// Where the rows begin in a gallery's file.
const FIRST_ROW: u64 = 4096;

#[tokio::test]
async fn a_damaged_gallery_is_loaded_anew_and_nobody_is_told_whose_row_it_was() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let gallery = Example::read("detroit").unwrap().gallery;
    let name = court.deployment.home.join("data/galleries/detroit").join(format!("{gallery}.snapshot"));
    let file = std::fs::File::options().read(true).write(true).open(name).unwrap();
    // A bit in every row: which of them a search reads is its own business.
    let width = template(1).len() as u64 * 4;
    for row in 0..20 {
        let (mut byte, at) = ([0], FIRST_ROW + row * width + 1);
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 4], at).unwrap();
    }
    drop(file);
    court.deployment.serve().unwrap();

    let body = json!({"request": request("detroit", 3)});
    let mut client = court.client(&searcher("detroit"));
    let refused = client.post(&path("detroit"), &body).await.unwrap();
    let problem = refused.json().unwrap();
    assert_eq!(refused.status, 500, "{problem}");
    assert!(!problem["detail"].as_str().unwrap().contains("record"), "{problem}");
    for _ in 0..500 {
        let answer = client.post(&path("detroit"), &body).await.unwrap();
        if answer.status == 200 {
            assert_eq!(answer.json().unwrap()["rows_compared"], 20);
            assert_eq!(client.get("/readyz").await.unwrap().status, 200);
            court.deployment.stop().unwrap();
            court.deployment.verify().unwrap();
            return;
        }
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 503, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("loaded again"), "{problem}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the gallery was not loaded again");
}
