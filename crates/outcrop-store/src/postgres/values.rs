//! Values on PostgreSQL's wire: BIGINT, TEXT and BYTEA, and nothing else.
//!
//! PostgreSQL's TEXT holds every character but the zero byte. Texts of callers may hold one, so it is written as two
//! characters, the first of which stands for nothing in Unicode.

use crate::sql::{Row, SqlError, SqlResult, Value, ValueType};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Begins the two characters that stand for a zero byte or for itself.
pub(crate) const ESCAPE: char = '\u{10FFFE}';
const ESCAPED_ZERO: &str = "\u{10FFFE}0";
const ESCAPED_ESCAPE: &str = "\u{10FFFE}1";

type Wrong = Box<dyn Error + Sync + Send>;

impl ValueType {
    pub(crate) fn of_postgres(self) -> Type {
        match self {
            Self::Integer => Type::INT8,
            Self::Text => Type::TEXT,
            Self::Bytes => Type::BYTEA,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match *self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Integer(number) => return number.to_sql(column, out),
            Value::Text(text) if text.contains(['\0', ESCAPE]) => {
                let text = text.replace(ESCAPE, ESCAPED_ESCAPE).replace('\0', ESCAPED_ZERO);
                out.extend_from_slice(text.as_bytes());
            }
            Value::Text(text) | Value::Escaped(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(match *column {
            Type::INT8 => Value::Integer(i64::from_sql(column, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(column, raw)?.into()),
            Type::BOOL => Value::Integer(bool::from_sql(column, raw)?.into()),
            Type::BYTEA => Value::Bytes(raw),
            _ => match <&str>::from_sql(column, raw)? {
                text if text.contains(ESCAPE) => Value::Escaped(text),
                text => Value::Text(text),
            },
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Wrong> {
        Ok(Value::Null)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA | Type::TEXT | Type::VARCHAR | Type::NAME)
    }
}

/// The text that an escaped one stands for.
pub(crate) fn unescape(text: &str) -> String {
    text.replace(ESCAPED_ZERO, "\0").replace(ESCAPED_ESCAPE, "\u{10FFFE}")
}

/// A column of a row.
pub(crate) fn column(row: &tokio_postgres::Row, index: usize) -> SqlResult<Value<'_>> {
    row.try_get(index).map_err(|error| SqlError::Postgres(Box::new(error)))
}

/// The rows of an answer, read one by one.
pub(crate) fn read<T>(
    rows: &[tokio_postgres::Row],
    mut map: impl FnMut(&Row<'_>) -> SqlResult<T>,
) -> SqlResult<Vec<T>> {
    rows.iter().map(|row| map(&Row::Postgres(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_whatever_they_hold() {
        for text in ["", "plain", "a\0b", "\u{10FFFE}", "\u{10FFFE}0", "\0\u{10FFFE}1\0", "\u{10FFFE}\0"] {
            let mut wire = BytesMut::new();
            Value::Text(text).to_sql(&Type::TEXT, &mut wire).unwrap();
            assert!(!wire.contains(&0));
            let read = match Value::from_sql(&Type::TEXT, &wire).unwrap() {
                Value::Escaped(text) => unescape(text),
                Value::Text(text) => text.to_owned(),
                other => panic!("{other:?}"),
            };
            assert_eq!(read, text);
        }
    }
}
