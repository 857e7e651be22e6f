//! Steps of Detroit's outside a request's life, over HTTP: who may do what, and by which policy.

use super::Court;
use super::life::Refusal;
use serde_json::{Value, json};

/// Who authorises access, and whose requests are let in.
pub const LASO: &str = "detroit/l.ortega";

/// Who signs for those who approve of another policy, and in which role.
pub const BOARD: &str = "detroit/v.stone";
pub const BOARD_ROLE: &str = "board-of-police-commissioners";

/// An examiner whom the sample registry does not list.
pub const NEW: &str = "detroit/n.okafor";

/// An agency that the sample registry does not list.
pub const SHERIFF: &str = "wayne-so";

/// What is said of an agency that is let in.
pub fn complies() -> Value {
    json!({"agency-complies": true})
}

/// What is said whenever access is given or reviewed.
pub fn stated() -> Value {
    json!({"need-to-know": "compares faces in the unit", "credential-personal": true})
}

impl Court {
    /// Takes a step, which has to be permitted, and checks its receipt.
    pub async fn decide(&self, who: &str, path: &str, body: &Value) -> Value {
        let answer = self.client(who).post(&format!("/v1/detroit/{path}"), body).await.unwrap();
        let done = answer.json().unwrap();
        assert_eq!(answer.status, 200, "{who}, {path}: {done}");
        self.check_receipt("detroit", &done["receipt"]);
        done
    }

    /// Asks for a step that has to be refused, on record and with people, agencies and policy as they were.
    pub async fn turn_down(&self, who: &str, path: &str, body: &Value, refusal: Refusal<'_>) {
        let (stood, entries) = (self.stands().await, self.entries("detroit").await);
        let answer = self.client(who).post(&format!("/v1/detroit/{path}"), body).await.unwrap();
        let problem = answer.json().unwrap();
        let asked = format!("{who}, {path} {body}: {problem}");
        refusal.reads(answer.status.as_u16(), &problem, &asked);
        self.check_receipt("detroit", &problem["receipt"]);
        assert!(self.entries("detroit").await > entries, "the refusal is on record: {asked}");
        assert_eq!(self.stands().await, stood, "all is as it was: {asked}");
    }

    /// What the registry and the policy's revisions list: `people`, `agencies`, `policy`.
    pub async fn stands(&self) -> Value {
        let (mut client, mut all) = (self.client(LASO), json!({}));
        for list in ["people", "agencies", "policy"] {
            let answer = client.get(&format!("/v1/detroit/{list}")).await.unwrap();
            assert_eq!(answer.status, 200, "{list}: {}", String::from_utf8_lossy(&answer.body));
            all[list] = answer.json().unwrap();
        }
        all
    }

    /// One of the people or agencies that are listed.
    pub async fn listed_as(&self, list: &str, id: &str) -> Value {
        let all = self.stands().await;
        let found = all[list].as_array().unwrap().iter().find(|one| one["id"] == id);
        found.unwrap_or_else(|| panic!("`{id}` is not among {}", all[list])).clone()
    }
}
