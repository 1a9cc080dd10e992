//! Rows in numbers: tables that are read or filled whole.

use super::{Session, read_all};
use crate::postgres::values;
use crate::sql::{Row, SqlError, SqlResult, Value, ValueType};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Type;

impl Session {
    /// Hands the rows of a query to `each` as they come; for tables that are too large for memory.
    pub(crate) fn each(&self, sql: &str, mut each: impl FnMut(&Row<'_>) -> SqlResult<()>) -> SqlResult<()> {
        use futures_util::TryStreamExt;
        self.send_pending()?;
        let link = self.link.borrow();
        let Some(link) = &*link else { return Err(SqlError::RolledBack) };
        let wrong = |error| SqlError::Postgres(Box::new(error));
        self.runtime.block_on(async {
            let rows = link.client.query_raw(sql, std::iter::empty::<&Value<'_>>()).await.map_err(wrong)?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await.map_err(wrong)? {
                each(&Row::Postgres(&row))?;
            }
            Ok(())
        })
    }

    /// The rows of a query with one text as its value.
    pub(crate) fn each_of<T>(
        &self,
        sql: &str,
        value: &str,
        map: impl FnMut(&Row<'_>) -> SqlResult<T>,
    ) -> SqlResult<Vec<T>> {
        self.send_pending()?;
        let link = self.link.borrow();
        let Some(link) = &*link else { return Err(SqlError::RolledBack) };
        let rows = self.runtime.block_on(async {
            let statement = link.statement(sql, &[ValueType::Text]).await?;
            link.client.query(&statement, &[&value]).await
        });
        read_all(&rows.map_err(|error| SqlError::Postgres(Box::new(error)))?, map)
    }

    /// Whether a query answers anything.
    pub(crate) fn has_rows(&self, sql: &str) -> SqlResult<bool> {
        Ok(self.simple(sql)?.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))))
    }

    /// Sends rows to a `COPY … FROM STDIN BINARY`: `next` hands over one at a time until it answers `false`.
    pub(crate) fn copy_in(
        &self,
        sql: &str,
        types: &[ValueType],
        mut next: impl FnMut(&mut dyn FnMut(&[Value<'_>])) -> SqlResult<bool>,
    ) -> SqlResult<()> {
        use tokio_postgres::binary_copy::BinaryCopyInWriter;
        use tokio_postgres::types::ToSql;
        let link = self.link.borrow();
        let Some(link) = &*link else { return Err(SqlError::RolledBack) };
        let wrong = |error| SqlError::Postgres(Box::new(error));
        let types: Vec<Type> = types.iter().map(|one| one.of_postgres()).collect();
        self.runtime.block_on(async {
            let sink = link.client.copy_in(sql).await.map_err(wrong)?;
            let mut writer = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
            loop {
                let mut row: Vec<OwnedValue> = Vec::new();
                if !next(&mut |values| row.extend(values.iter().map(|value| OwnedValue::of(*value))))? {
                    break;
                }
                let values: Vec<Value<'_>> = row.iter().map(OwnedValue::value).collect();
                let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
                writer.as_mut().write_raw(values).await.map_err(wrong)?;
            }
            writer.finish().await.map(drop).map_err(wrong)
        })
    }
}

/// A value that is kept while a row is written.
enum OwnedValue {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl OwnedValue {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Escaped(text) => Self::Text(values::unescape(text)),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}
