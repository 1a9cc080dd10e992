//! What one text of a statement has to look like for PostgreSQL. Both databases understand nearly all of what the store
//! says; parameters are numbered with another sign.

use std::borrow::Cow;

/// Stands behind a `SELECT` in a transaction that writes: the rows are this transaction's until it ends. SQLite, where one
/// transaction writes at a time, takes it for the comment that it is.
pub(crate) const LOCK: &str = "/* lock */";
/// Likewise, and rows that another transaction holds are passed over.
pub(crate) const LOCK_FREE: &str = "/* lock those that are free */";

/// A statement as PostgreSQL takes it: `?1` as `$1`, and the comments above as what they stand for. Question marks in
/// quoted text stay.
pub(crate) fn translated(sql: &str) -> Cow<'_, str> {
    let locked = [(LOCK, "FOR NO KEY UPDATE"), (LOCK_FREE, "FOR UPDATE SKIP LOCKED")];
    let sql = locked.iter().fold(Cow::Borrowed(sql), |sql, (comment, clause)| match sql.contains(comment) {
        true => Cow::Owned(sql.replace(comment, clause)),
        false => sql,
    });
    if !sql.contains('?') {
        return sql;
    }
    let mut quoted = false;
    let replaced = sql.chars().map(|character| match character {
        '\'' => {
            quoted = !quoted;
            '\''
        }
        '?' if !quoted => '$',
        other => other,
    });
    Cow::Owned(replaced.collect())
}

/// A name as it stands in a statement.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_with_dollars() {
        assert_eq!(translated("SELECT '?' WHERE a = ?1 AND b < ?12"), "SELECT '?' WHERE a = $1 AND b < $12");
        assert_eq!(translated("SELECT 1"), "SELECT 1");
        assert_eq!(translated("SELECT a FROM b /* lock */"), "SELECT a FROM b FOR NO KEY UPDATE");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
