//! Maps of what is sent, each name in them once. A reader of JSON that keeps the last of two would take a safeguard's second
//! answer for the first.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::marker::PhantomData;

/// Reads a map by name.
///
/// # Errors
/// Names what is given twice.
pub(crate) fn map<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    deserializer.deserialize_map(Once(PhantomData))
}

/// The same where there may be none.
///
/// # Errors
/// As [`map`].
pub(crate) fn map_if_any<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, V>>, D::Error> {
    let given = Option::<Map<V>>::deserialize(deserializer)?;
    Ok(given.map(|Map(map)| map))
}

struct Map<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Map<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        map(deserializer).map(Self)
    }
}

struct Once<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(name) = given.next_key::<String>()? {
            match map.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(given.next_value()?);
                }
                Entry::Occupied(taken) => {
                    return Err(A::Error::custom(format_args!("`{}` is given twice: give it once", taken.key())));
                }
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use crate::api::{EnrollBody, RequestBody, SearchBody, SearchNowBody};
    use crate::case_api::{AnswersBody, DispositionsBody, DisseminationBody, ReleaseBody, SignOffBody, WaiverBody};
    use crate::office_api::{AccessBody, ProposalBody, ViolationBody};
    use crate::registry_api::{AgencyBody, AgreementBody, EndBody, PersonBody, PersonRecordBody};
    use crate::reporting::ReportBody;
    use crate::retention_api::RetentionBody;
    use serde::de::DeserializeOwned;

    /// Where a body says something twice, what that is called.
    fn twice<T: DeserializeOwned>(body: &str) -> String {
        match serde_json::from_str::<T>(body) {
            Ok(_) => panic!("it was taken: {body}"),
            Err(e) => e.to_string(),
        }
    }

    const ANSWERS: &str = r#""answers": {"protected-sole": true, "crime": "robbery", "protected-sole": false}"#;

    #[test]
    fn no_body_has_two_answers_to_one_question() {
        let only = format!("{{{ANSWERS}}}");
        let mut said = vec![
            twice::<SearchBody>(&only),
            twice::<AnswersBody>(&only),
            twice::<EndBody>(&only),
            twice::<PersonRecordBody>(&only),
            twice::<RequestBody>(&only),
            twice::<EnrollBody>(&only),
            twice::<DispositionsBody>(&only),
            twice::<DisseminationBody>(&only),
            twice::<ReleaseBody>(&only),
            twice::<SignOffBody>(&only),
            twice::<WaiverBody>(&only),
            twice::<AccessBody>(&only),
            twice::<ViolationBody>(&only),
            twice::<PersonBody>(&only),
            twice::<AgencyBody>(&only),
            twice::<AgreementBody>(&only),
            twice::<ReportBody>(&only),
            twice::<RetentionBody>(&only),
        ];
        said.push(twice::<SearchNowBody>(&format!("{{\"request\": {only}}}")));
        for error in said {
            assert!(error.contains("`protected-sole` is given twice"), "{error}");
        }
    }

    #[test]
    fn nor_has_any_other_map_two_of_one_name() {
        let filter = r#"{"filter": {"sex": {"one_of": ["F"]}, "sex": {"one_of": ["M"]}}}"#;
        assert!(twice::<SearchBody>(filter).contains("`sex` is given twice"));
        let settings = r#"{"settings": {"notice-days": 8, "notice-days": 9}}"#;
        assert!(twice::<ProposalBody>(settings).contains("`notice-days` is given twice"));
        let booking = r#"{"records": [{"id": "r", "booking": {"name": "A", "name": "B"}}]}"#;
        assert!(twice::<EnrollBody>(booking).contains("`name` is given twice"));
    }

    #[test]
    fn what_is_said_once_is_read_and_what_is_absent_is_nothing() {
        let body: SearchBody = serde_json::from_str(r#"{"answers": {"a": true, "b": 2}}"#).unwrap();
        assert_eq!(body.answers.len(), 2);
        assert!(body.filter.is_empty());
        let none: ProposalBody = serde_json::from_str(r#"{"settings": null}"#).unwrap();
        assert_eq!(none.settings, None);
        assert_eq!(serde_json::from_str::<ProposalBody>("{}").unwrap().settings, None);
        let all: ProposalBody = serde_json::from_str(r#"{"settings": {}}"#).unwrap();
        assert!(all.settings.is_some_and(|settings| settings.is_empty()));
        assert!(twice::<SearchBody>(r#"{"answers": []}"#).contains("expected a map"));
    }
}
