//! What goes into statements and comes out of rows, for whichever database is behind.
//!
//! Values are borrowed both ways, so that a statement costs no allocation of its own: parameters stand in an array on the
//! stack, and a column is copied once, into what the caller keeps.

use crate::error::StoreError;
use crate::postgres;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::fmt;

/// What a column or a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    /// A text with characters that PostgreSQL does not hold, as it holds them.
    Escaped(&'a str),
    Bytes(&'a [u8]),
}

/// What a parameter is, whether or not there is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    Integer,
    Text,
    Bytes,
}

/// A value that a statement takes.
pub(crate) trait ToValue {
    const TYPE: ValueType;

    fn to_value(&self) -> Value<'_>;
}

/// The values of a statement: a tuple, or an array of one type.
pub(crate) trait Params {
    /// What the values are.
    const TYPES: &'static [ValueType];

    /// Hands the values to `work`.
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R;
}

/// What a column is read as.
pub(crate) trait FromColumn: Sized {
    /// How it is called when a column is something else.
    const NAME: &'static str;

    /// `None` when the column holds something else.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// A row that a statement answered.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum SqlError {
    Sqlite(rusqlite::Error),
    Postgres(Box<tokio_postgres::Error>),
    /// The database itself is the matter, not the statement.
    Store(StoreError),
    /// A column holds something else than what is read.
    Column {
        index: usize,
        wanted: &'static str,
    },
    /// The transaction ended under work that went on all the same.
    RolledBack,
}

pub(crate) type SqlResult<T> = Result<T, SqlError>;

impl Row<'_> {
    /// The column at this place.
    pub(crate) fn get<T: FromColumn>(&self, index: usize) -> SqlResult<T> {
        T::from_value(self.value(index)?).ok_or(SqlError::Column { index, wanted: T::NAME })
    }

    /// The bytes of the column at this place, where they are.
    pub(crate) fn bytes(&self, index: usize) -> SqlResult<&[u8]> {
        match self.value(index)? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(SqlError::Column { index, wanted: <Vec<u8>>::NAME }),
        }
    }

    /// The column as SQLite takes it, whatever it is.
    pub(crate) fn owned(&self, index: usize) -> SqlResult<rusqlite::types::Value> {
        Ok(match self.value(index)? {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => number.into(),
            Value::Text(text) => text.to_owned().into(),
            Value::Escaped(text) => postgres::values::unescape(text).into(),
            Value::Bytes(bytes) => bytes.to_vec().into(),
        })
    }

    pub(crate) fn value(&self, index: usize) -> SqlResult<Value<'_>> {
        match self {
            Self::Sqlite(row) => match row.get_ref(index)? {
                ValueRef::Null => Ok(Value::Null),
                ValueRef::Integer(number) => Ok(Value::Integer(number)),
                ValueRef::Text(text) => {
                    let text = std::str::from_utf8(text);
                    text.map(Value::Text).map_err(|_| SqlError::Column { index, wanted: String::NAME })
                }
                ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes)),
                ValueRef::Real(_) => Err(SqlError::Column { index, wanted: i64::NAME }),
            },
            Self::Postgres(row) => postgres::values::column(row, index),
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Postgres(error) => f.write_str(&postgres::words(error)),
            Self::Store(error) => error.fmt(f),
            Self::Column { index, wanted } => write!(f, "column {index} is no {wanted}"),
            Self::RolledBack => f.write_str("the transaction was rolled back"),
        }
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) | Value::Escaped(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

macro_rules! to_value {
    ($($type:ty: $of:ident, $self:ident => $value:expr;)*) => {
        $(impl ToValue for $type {
            const TYPE: ValueType = ValueType::$of;

            fn to_value(&$self) -> Value<'_> {
                $value
            }
        })*
    };
}

to_value! {
    i64: Integer, self => Value::Integer(*self);
    u32: Integer, self => Value::Integer(i64::from(*self));
    bool: Integer, self => Value::Integer(i64::from(*self));
    str: Text, self => Value::Text(self);
    String: Text, self => Value::Text(self);
    [u8]: Bytes, self => Value::Bytes(self);
    Vec<u8>: Bytes, self => Value::Bytes(self);
}

impl<T: ToValue + ?Sized> ToValue for &T {
    const TYPE: ValueType = T::TYPE;

    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const TYPE: ValueType = T::TYPE;

    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

macro_rules! from_column {
    ($($type:ty, $name:literal: $($pattern:pat => $value:expr),+;)*) => {
        $(impl FromColumn for $type {
            const NAME: &'static str = $name;

            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    $($pattern => $value,)+
                    _ => None,
                }
            }
        })*
    };
}

from_column! {
    i64, "integer": Value::Integer(number) => Some(number);
    u32, "number from 0 to 4294967295": Value::Integer(number) => number.try_into().ok();
    bool, "truth": Value::Integer(number) => Some(number != 0);
    String, "text": Value::Text(text) => Some(text.to_owned()), Value::Escaped(text) => Some(postgres::values::unescape(text));
    Vec<u8>, "bytes": Value::Bytes(bytes) => Some(bytes.to_vec());
}

impl<T: FromColumn> FromColumn for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// No values. An array of any type would do; naming one lets `[]` stand for it.
impl Params for [i64; 0] {
    const TYPES: &'static [ValueType] = &[];

    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
        work(&[])
    }
}

macro_rules! arrays {
    ($($count:literal)*) => {
        $(impl<T: ToValue> Params for [T; $count] {
            const TYPES: &'static [ValueType] = &[T::TYPE; $count];

            fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
                work(&self.each_ref().map(ToValue::to_value))
            }
        })*
    };
}

arrays!(1 2 3 4 5 6);

macro_rules! tuples {
    ($($($name:ident)+;)*) => {
        $(impl<$($name: ToValue),+> Params for ($($name,)+) {
            const TYPES: &'static [ValueType] = &[$($name::TYPE),+];

            fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
                #[expect(non_snake_case, reason = "a value is called as its type")]
                let ($($name,)+) = self;
                work(&[$($name.to_value()),+])
            }
        })*
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
    A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N;
}
