//! JSON whose objects are objects. A derived reader of what has named fields takes a list, too, and goes by their order: that is
//! in no document of this interface, and an answer that slipped by one place would be another's.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::fmt;

/// Reads a body.
///
/// # Errors
/// What [`serde_json::from_slice`] says; and that something else stands where an object has to.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read: T = serde::Deserialize::deserialize(Strict(&mut json))?;
    json.end()?;
    Ok(read)
}

/// Whatever takes part in reading. All that is read within it is read like this.
struct Strict<T>(T);

/// A reader of named fields: it takes a map and nothing else.
struct Fields<T>(T);

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(map))
    }
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// What a reader asks for, passed on.
macro_rules! ask {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Strict(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Fields(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    ask! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// What stands there, passed on.
macro_rules! tell {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    tell! {
        visit_bool: bool,
        visit_i8: i8,
        visit_i16: i16,
        visit_i32: i32,
        visit_i64: i64,
        visit_i128: i128,
        visit_u8: u8,
        visit_u16: u16,
        visit_u32: u32,
        visit_u64: u64,
        visit_u128: u128,
        visit_f32: f32,
        visit_f64: f64,
        visit_char: char,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, within: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(within))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, within: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(within))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, one: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Strict(one))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Strict(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (which, within) = self.0.variant_seed(Strict(seed))?;
        Ok((which, Strict(within)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Strict(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Strict(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        a: u32,
        #[serde(default)]
        b: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Choice {
        Neither,
        One(Inner),
        Both { a: u32, b: u32 },
        Pair(u32, u32),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Newtype(Vec<Inner>);

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Outer {
        one: Option<Inner>,
        list: Newtype,
        map: BTreeMap<String, Inner>,
        choices: Vec<Choice>,
        pairs: Vec<(i64, f64)>,
        flag: bool,
    }

    #[test]
    fn objects_and_lists_are_read_where_each_is_meant() {
        for whole in [
            "{}",
            r#"{"one": {"a": 1, "b": "x"}}"#,
            r#"{"one": null, "list": [{"a": 1}, {"a": 2, "b": null}], "map": {"m": {"a": 3}}}"#,
            r#"{"choices": ["neither", {"one": {"a": 1}}, {"both": {"a": 1, "b": 2}}, {"pair": [1, 2]}]}"#,
            r#" {"pairs": [[-1, 0.5], [2, 1e3]], "flag": true} "#,
        ] {
            let read = read::<Outer>(whole.as_bytes()).unwrap();
            assert_eq!(read, serde_json::from_str(whole).unwrap(), "{whole}");
        }
    }

    #[test]
    fn a_list_is_no_object_however_deep_it_stands() {
        for list in [
            "[]",
            r#"[{"a": 1}]"#,
            r#"{"one": [1, "x"]}"#,
            r#"{"list": [[1, "x"]]}"#,
            r#"{"map": {"m": [3]}}"#,
            r#"{"choices": [{"one": [1]}]}"#,
            r#"{"choices": [{"both": [1, 2]}]}"#,
        ] {
            assert!(serde_json::from_str::<Outer>(list).is_ok(), "a reader that goes by order takes it: {list}");
            let refused = read::<Outer>(list.as_bytes()).unwrap_err();
            assert!(refused.is_data(), "{list}: {refused}");
            assert!(
                refused.to_string().contains("invalid type: sequence, expected a JSON object"),
                "{list}: {refused}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_as_ever() {
        for (wrong, says) in [
            ("null", "expected a JSON object"),
            (r#"{"one": 7}"#, "expected a JSON object"),
            (r#"{"flag": 7}"#, "expected a boolean"),
            (r#"{"two": 7}"#, "unknown field `two`"),
            (r#"{"choices": ["both"]}"#, "invalid type"),
            (r#"{"choices": ["most"]}"#, "unknown variant `most`"),
            (r#"{"pairs": [[1]]}"#, "invalid length"),
            (r#"{"flag": true"#, "EOF"),
            ("{} {}", "trailing characters"),
            ("{\"map\": {\"\u{e9}\": 1}}", "expected a JSON object"),
        ] {
            let refused = read::<Outer>(wrong.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(says), "{wrong}: {refused}");
        }
        assert!(read::<Outer>(b"{\"one\": {\"a\": 1, \"b\": \"\xff\"}}").is_err(), "not UTF-8");
    }
}
