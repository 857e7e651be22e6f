//! The demonstration's last chapter: one request from its opening to its hand-over, by everybody who has a part in it.
//! Who they are and what they say is data: `[lead]` in `story.toml`.

use crate::demo::{Pictures, Row, deciding, model_of};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration_tests::{Deployment, Example};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// Candidates asked for: each gets a disposition, and a reader has little time.
const CANDIDATES: u32 = 3;

/// Who works the request, and what they say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lead {
    /// Whose gallery.
    at: String,
    /// The case number, so that it is a case of its own.
    case: String,
    /// Who searches and compares first; `jurisdiction/name`, as all of them.
    examiner: String,
    /// Who compares again.
    second: String,
    /// Who approves.
    supervisor: String,
    /// In which roles they sign.
    examiner_role: String,
    supervisor_role: String,
    /// How it is handed over, as the route takes it.
    hand_over: toml::Table,
    /// Who reports what became of it.
    requester: String,
    /// What became of it, by the form.
    outcome: toml::Table,
}

/// The lead as far as it has come.
struct Case<'d> {
    deployment: &'d Deployment,
    at: &'d str,
    id: String,
    rows: Vec<Row>,
}

impl Lead {
    /// Lives the whole life; gives a row for each step, and what was handed over in a line.
    pub(crate) async fn tell(
        &self,
        deployment: &Deployment,
        pictures: &Pictures,
    ) -> anyhow::Result<(Vec<Row>, String)> {
        let mut case = Case { deployment, at: &self.at, id: String::new(), rows: Vec::new() };
        case.open(self, pictures).await?;
        let found = case.step(&self.examiner, "searches", "search", json!({"candidates": CANDIDATES})).await?;
        let records = found["candidates"].as_array().map_or(&[][..], Vec::as_slice).iter();
        let records: Vec<Value> = records.map(|c| c["record_id"].clone()).collect();
        let rank =
            records.iter().zip(1..).find(|(record, _)| **record == pictures.mate()).map(|(_, rank): (_, u32)| rank);
        if let Some(row) = case.rows.last_mut() {
            row.rank = rank.map_or_else(|| "none".to_owned(), |rank| rank.to_string());
        }

        let said = |record: &Value| {
            let mate = *record == pictures.mate();
            let (likeness, reason) =
                if mate { ("possible", "the ears agree") } else { ("excluded", "the ears differ") };
            json!({"record_id": record, "likeness": likeness, "reason": reason})
        };
        let dispositions: Vec<_> = records.iter().map(said).collect();
        let what = format!("says of {} candidates what they are", dispositions.len());
        case.step(&self.examiner, &what, "dispositions", json!({"dispositions": dispositions})).await?;
        let lead = json!({"role": self.examiner_role, "conclusion": "lead"});
        case.step(&self.examiner, "signs: a lead", "sign-offs", lead.clone()).await?;
        let reasoning = "two examiners compared the ears, each for themselves";
        let out = json!({"candidates": [pictures.mate()], "reasoning": reasoning});
        case.refused(&self.examiner, "releases it alone", "release", &out).await?;
        case.step(&self.second, "looks at the list too", "candidates", json!({})).await?;
        case.step(&self.second, "signs: a lead", "sign-offs", lead).await?;
        let approved = json!({"role": self.supervisor_role, "conclusion": "approved"});
        case.step(&self.supervisor, "approves", "sign-offs", approved).await?;
        case.step(&self.examiner, "releases it, with its report", "release", out).await?;
        let hand_over = serde_json::to_value(&self.hand_over)?;
        let handed = case.step(&self.examiner, "hands it to the requester", "disseminations", hand_over).await?;
        let outcome = json!({"answers": serde_json::to_value(&self.outcome)?});
        case.step(&self.requester, "reports what became of it", "outcome", outcome).await?;
        Ok((case.rows, summary(&handed["document"])?))
    }
}

/// What was handed over.
fn summary(document: &Value) -> anyhow::Result<String> {
    let (Some(id), Some(content)) = (document["id"].as_str(), document["content"].as_str()) else {
        bail!("the lead was handed over without a document");
    };
    let bytes = BASE64_STANDARD.decode(content)?.len();
    Ok(format!("handed over: {id}, {bytes} bytes, sha-256 {}", document["digest"].as_str().unwrap_or_default()))
}

impl Case<'_> {
    async fn open(&mut self, lead: &Lead, pictures: &Pictures) -> anyhow::Result<()> {
        let example = Example::read(self.at)?;
        let mut request = example.request(&toml::Table::new(), &[])?;
        request["identifiers"][0]["value"] = json!(lead.case);
        let model = model_of(self.deployment, &lead.examiner, self.at, &example.gallery).await?;
        pictures.put_probe(&mut request["probe"], &model);
        let path = format!("/v1/{}/requests", self.at);
        let (status, answer) =
            self.ask(&lead.examiner, "one lead, whole: puts a request on record", &path, &request).await?;
        if status != 200 {
            bail!("the lead's request was refused: {}", answer["detail"]);
        }
        self.id = answer["request"].as_str().context("the request's id")?.to_owned();
        Ok(())
    }

    /// A step that has to be permitted.
    async fn step(&mut self, who: &str, what: &str, step: &str, body: Value) -> anyhow::Result<Value> {
        let path = format!("/v1/{}/requests/{}/{step}", self.at, self.id);
        let (status, answer) = self.ask(who, what, &path, &body).await?;
        if status == 200 { Ok(answer) } else { bail!("{who} {what}: {}", answer["detail"]) }
    }

    /// A step that has to be refused.
    async fn refused(&mut self, who: &str, what: &str, step: &str, body: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/{}/requests/{}/{step}", self.at, self.id);
        let (status, _) = self.ask(who, what, &path, body).await?;
        if matches!(status, 403 | 409) { Ok(()) } else { bail!("{who} {what}: expected a refusal, got {status}") }
    }

    async fn ask(&mut self, who: &str, what: &str, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let mut client = self.deployment.client(who)?;
        // The connection is opened beforehand: what is timed is the step.
        client.get("/healthz").await?;
        let before = Instant::now();
        let answer = client.post(path, body).await?;
        let ms = before.elapsed().as_secs_f64() * 1e3;
        let (status, answer) = (answer.status.as_u16(), answer.json()?);
        // What does not fit where the request stands is refused before any policy is asked.
        let verdict = answer["verdict"].as_str().unwrap_or("refused").to_owned();
        let clauses =
            if answer["verdict"].is_string() { deciding(&answer) } else { "the host's own records".to_owned() };
        self.rows.push(Row {
            who: who.to_owned(),
            what: what.to_owned(),
            at: self.at.to_owned(),
            verdict,
            clauses,
            rank: String::new(),
            ms,
        });
        Ok((status, answer))
    }
}
