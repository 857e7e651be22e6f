//! What is public of a policy on a server as `init` makes it: the directive that it cites, to the byte.

use crate::common::{court, searcher};
use model::terms::Digest;

/// STL F.3-b: the order is available to whoever asks; so is DET 307.5.
#[tokio::test]
async fn the_directives_are_there_from_the_start_and_to_the_byte() {
    let Some(court) = court().await else { return };
    let other = |jurisdiction: &str| if jurisdiction == "detroit" { "st-louis" } else { "detroit" };
    for (jurisdiction, title) in [("detroit", "FACIAL RECOGNITION"), ("st-louis", "USING SMRT")] {
        for reader in [searcher(jurisdiction), searcher(other(jurisdiction))] {
            let mut client = court.client(&reader);
            let policy = client.get(&format!("/v1/{jurisdiction}/policy")).await.unwrap().json().unwrap();
            let text = client.get(&format!("/v1/{jurisdiction}/policy/text")).await.unwrap();
            assert_eq!((text.status.as_u16(), text.content_type.as_str()), (200, "text/plain; charset=utf-8"));
            assert_eq!(policy["authority_text"], Digest::of(&text.body).to_string(), "{reader}: {policy}");
            assert!(String::from_utf8_lossy(&text.body).contains(title), "{reader}");
        }
    }

    // A text that was edited is shown to nobody.
    let file = court.deployment.home.join("policies/detroit/directive.txt");
    let edited = std::fs::read_to_string(&file).unwrap().replace("IS NOT TO BE", "IS TO BE");
    std::fs::write(&file, edited).unwrap();
    let refused = court.client(&searcher("detroit")).get("/v1/detroit/policy/text").await.unwrap();
    let problem = refused.json().unwrap();
    assert!(!refused.status.is_success(), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("the policy cites a text with"), "{problem}");
    let other = court.client(&searcher("detroit")).get("/v1/st-louis/policy/text").await.unwrap();
    assert_eq!(other.status, 200, "and the other's is what it was");

    std::fs::remove_file(&file).unwrap();
    let absent = court.client(&searcher("detroit")).get("/v1/detroit/policy/text").await.unwrap();
    assert_eq!(absent.status, 404);
}
