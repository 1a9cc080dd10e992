//! Tags of resources, by ARN.

use crate::error::StoreError;
use crate::tx::{ReadTx, Tx};
use std::collections::BTreeMap;

/// AWS allows 50 tags on a resource; this wall only keeps a look-up bounded.
const TAGS_MAX: i64 = 10_000;

impl ReadTx<'_> {
    /// All tags of the resource, by key.
    pub fn tags(&self, arn: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = "SELECT key, value FROM tag WHERE arn = ?1 LIMIT ?2";
        let tags = self.query_all("list tags", sql, (arn, TAGS_MAX), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(tags.into_iter().collect())
    }

    /// Every resource that carries this key, with the tag's value, ordered by ARN; the first 10,000.
    pub fn find_tagged(&self, key: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT arn, value FROM tag WHERE key = ?1 ORDER BY arn LIMIT ?2";
        self.query_all("find tagged resources", sql, (key, TAGS_MAX), |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Tx<'_> {
    /// Adds tags to the resource; a key that is there gets the new value.
    pub fn set_tags<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        arn: &str,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), StoreError> {
        self.note_change();
        let sql = "INSERT INTO tag (arn, key, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value";
        for (key, value) in tags {
            self.execute("set a tag", sql, (arn, key.as_ref(), value.as_ref()))?;
        }
        Ok(())
    }

    /// Removes these keys; a key that is not there is no matter.
    pub fn remove_tags<K: AsRef<str>>(
        &mut self,
        arn: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), StoreError> {
        self.note_change();
        for key in keys {
            self.execute("remove a tag", "DELETE FROM tag WHERE arn = ?1 AND key = ?2", (arn, key.as_ref()))?;
        }
        Ok(())
    }

    /// Removes every tag of the resource; answers how many there were.
    pub fn delete_tags(&mut self, arn: &str) -> Result<usize, StoreError> {
        self.note_change();
        self.execute("delete tags", "DELETE FROM tag WHERE arn = ?1", [arn])
    }

    /// Removes every tag of every resource whose ARN goes on after `start`, such as the versions of one.
    pub fn delete_tags_below(&mut self, start: &str) -> Result<usize, StoreError> {
        self.note_change();
        // Texts sort by their UTF-8, in which no character stands after this one.
        let end = format!("{start}\u{10FFFF}");
        self.execute("delete tags", "DELETE FROM tag WHERE arn > ?1 AND arn < ?2", (start, end))
    }
}
