//! Finds the types of an event by watching its `Deserialize` ask for them.

use std::any::type_name;
use std::fmt::Display;

use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::codec::CodecError;

/// The names of the event's types on disk, in the order in which serde counts them.
///
/// A derived `Deserialize` hands the names of its variants, or of its struct, to the deserializer
/// before it reads anything. The tracer takes them and gives up.
pub(super) fn names_of<E: DeserializeOwned>() -> Result<Vec<&'static str>, CodecError> {
    match trace::<E>(None) {
        Traced::Struct(name) => Ok(vec![name]),
        Traced::Enum(names) => {
            check_indices::<E>(names)?;
            match twice(names) {
                Some(name) => Err(CodecError::NameTwice { name }),
                None => Ok(names.to_vec()),
            }
        }
        Traced::Variant | Traced::Refused => {
            Err(CodecError::UnsupportedForm { event: type_name::<E>() })
        }
    }
}

/// Makes sure that the place of a name is the index of its variant.
///
/// It is not when a variant has an alias, which serde puts among the names. One more index than
/// there are names is taken up only by a variant that takes up everything.
fn check_indices<E: DeserializeOwned>(names: &[&'static str]) -> Result<(), CodecError> {
    let indices = (0_u32..).take_while(|&index| index as usize <= names.len());
    let variants = indices.filter(|&index| matches!(trace::<E>(Some(index)), Traced::Variant));
    if variants.count() == names.len() {
        return Ok(());
    }
    Err(CodecError::ManyNames { event: type_name::<E>() })
}

fn twice(names: &[&'static str]) -> Option<&'static str> {
    (1..names.len()).find(|&at| names[..at].contains(&names[at])).map(|at| names[at])
}

fn trace<E: DeserializeOwned>(variant: Option<u32>) -> Traced {
    E::deserialize(Tracer { variant }).err().unwrap_or(Traced::Refused)
}

/// What was found; it travels as the error that ends the tracing.
#[derive(Debug, thiserror::Error)]
enum Traced {
    #[error("an enum of {0:?}")]
    Enum(&'static [&'static str]),
    #[error("the struct `{0}`")]
    Struct(&'static str),
    #[error("a variant with the index asked for")]
    Variant,
    #[error("nothing that can be stored as an event")]
    Refused,
}

impl de::Error for Traced {
    fn custom<T: Display>(_: T) -> Self {
        Self::Refused
    }
}

/// Reports the names or, given the index of a variant, whether there is such a one.
struct Tracer {
    variant: Option<u32>,
}

impl<'de> Deserializer<'de> for Tracer {
    type Error = Traced;

    /// Where internally tagged and untagged enums go.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Traced> {
        Err(Traced::Refused)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Traced> {
        match self.variant {
            None => Err(Traced::Enum(variants)),
            Some(_) => visitor.visit_enum(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Traced> {
        // An adjacently tagged enum asks for a struct as well; only its visitor gives it away.
        let expected = (&visitor as &dyn Expected).to_string();
        match expected.starts_with("adjacently tagged enum") {
            true => Err(Traced::Refused),
            false => Err(Traced::Struct(name)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Traced> {
        Err(Traced::Struct(name))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Traced> {
        Err(Traced::Struct(name))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Traced> {
        Err(Traced::Struct(name))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit seq tuple map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Tracer {
    type Error = Traced;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Traced> {
        let index = U32Deserializer::<Traced>::new(self.variant.ok_or(Traced::Refused)?);
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Tracer {
    type Error = Traced;

    fn unit_variant(self) -> Result<(), Traced> {
        Err(Traced::Variant)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Traced> {
        Err(Traced::Variant)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Traced> {
        Err(Traced::Variant)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Traced> {
        Err(Traced::Variant)
    }
}
