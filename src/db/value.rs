//! The values that queries bind: one by one, and many as one of Postgres's arrays. A statement's text then stays the same however many
//! there are, and Postgres neither plans nor copies anything for each of them.

use sqlx::{
    Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
};

/// A value that binds on both engines: `&str`, `String`, `i64`, `bool`, `Option` of these, and our id types.
pub trait Bind<'v>: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> + Send {}
impl<'v, T> Bind<'v> for T where T: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres> + Send {}

/// A value of which many can be bound at once: what [`Bind`] takes.
pub trait Cell<'v>: Bind<'v> + PgHasArrayType {}
impl<'v, T: Bind<'v> + PgHasArrayType> Cell<'v> for T {}

/// Values of one type, in the form in which Postgres sends and receives an array (`array_recv` in its `arrayfuncs.c`).
#[derive(Debug, Default)]
pub(super) struct Array {
    types: Option<Types>,
    length: i32,
    /// Each with its length in front; -1 is NULL.
    values: PgArgumentBuffer,
}

#[derive(Debug)]
struct Types {
    array: PgTypeInfo,
    element: PgTypeInfo,
}

impl Types {
    fn of<'v, T: Cell<'v>>() -> Self {
        Self { array: T::array_type_info(), element: <T as Type<Postgres>>::type_info() }
    }
}

impl Array {
    /// An empty one of a type.
    pub(super) fn of<'v, T: Cell<'v>>() -> Self {
        Self { types: Some(Types::of::<T>()), ..Self::default() }
    }

    /// Takes another value, of the array's type; the first one tells it if nothing else has.
    pub(super) fn push<'v, T: Cell<'v>>(&mut self, value: T) -> Result<(), BoxDynError> {
        let types = self.types.get_or_insert_with(Types::of::<T>);
        debug_assert_eq!(types.element, <T as Type<Postgres>>::type_info(), "values of one array have one type");
        let start = self.values.len();
        self.values.extend_from_slice(&NULL.to_be_bytes());
        if let IsNull::No = Encode::<Postgres>::encode(value, &mut self.values)? {
            let length = i32::try_from(self.values.len() - start - size_of::<i32>())?;
            self.values[start..start + size_of::<i32>()].copy_from_slice(&length.to_be_bytes());
        }
        self.length += 1;
        Ok(())
    }
}

/// The length of a value that is NULL.
const NULL: i32 = -1;

impl Type<Postgres> for Array {
    /// Of one that holds nothing and was told nothing; the others tell their own, see [`Encode::produces`].
    fn type_info() -> PgTypeInfo {
        <&str>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Array {
    fn produces(&self) -> Option<PgTypeInfo> {
        self.types.as_ref().map(|types| types.array.clone())
    }

    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let text = <&str as Type<Postgres>>::type_info();
        let element = self.types.as_ref().map_or(&text, |types| &types.element);
        let element = element.oid().ok_or("a type without a number of its own has no arrays here")?;
        let (dimensions, flags, first) = (1_i32, 0_i32, 1_i32); // the flags are not looked at: Postgres finds the NULLs itself
        buffer.extend_from_slice(&dimensions.to_be_bytes());
        buffer.extend_from_slice(&flags.to_be_bytes());
        buffer.extend_from_slice(&element.0.to_be_bytes());
        buffer.extend_from_slice(&self.length.to_be_bytes());
        buffer.extend_from_slice(&first.to_be_bytes());
        buffer.extend_from_slice(&self.values);
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::{Array, Bind, Cell, Encode, PgArgumentBuffer, PgTypeInfo, Postgres, Type};

    fn pushed<'v, T: Cell<'v> + Copy>(values: &[T]) -> Array {
        let mut array = Array::of::<T>();
        for value in values {
            array.push(*value).unwrap();
        }
        array
    }

    fn encoded<'v>(value: &impl Encode<'v, Postgres>) -> Vec<u8> {
        let mut buffer = PgArgumentBuffer::default();
        let _ = value.encode_by_ref(&mut buffer).unwrap();
        buffer.to_vec()
    }

    /// What sqlx makes of the same values, which its own tests try on Postgres.
    fn holds<'v, T: Bind<'v> + Cell<'v> + Copy>(values: &[T])
    where
        Vec<T>: Encode<'v, Postgres> + Type<Postgres>,
    {
        let (array, theirs) = (pushed(values), values.to_vec());
        assert_eq!(encoded(&array), encoded(&theirs));
        let own: Option<PgTypeInfo> = array.produces();
        assert_eq!(own.unwrap_or_else(<Array as Type<Postgres>>::type_info), <Vec<T> as Type<Postgres>>::type_info());
    }

    #[test]
    fn an_array_is_what_sqlx_makes_of_its_values() {
        holds::<&str>(&[]);
        holds::<i64>(&[]);
        holds(&["evt_1", "", "größer"]);
        holds(&[Some("evt_1"), None]);
        holds(&[i64::MIN, 0, i64::MAX]);
        holds(&[true, false]);
        holds::<Option<i64>>(&[None, None]);
    }
}
