//! Keys of a bucket in S3's order, without reading more folders than a page needs.

use crate::folder::{Folder, is_absent};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// What to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Only keys that begin so.
    pub(crate) prefix: String,
    /// What comes after the prefix, up to this, stands for all keys that begin so.
    pub(crate) delimiter: Option<String>,
    /// Only what comes after this, in the order of bytes.
    pub(crate) after: Option<String>,
    /// Most items.
    pub(crate) max: usize,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A key.
    Key(String),
    /// What keys have in common.
    Prefix(String),
}

impl Item {
    /// Its text.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key(name) | Self::Prefix(name) => name,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Whether there is more.
    pub(crate) is_truncated: bool,
}

impl Folder {
    /// A page of the bucket's keys. The bucket has to be there.
    pub(crate) fn list(&self, bucket: &str, query: &Query) -> io::Result<Page> {
        let mut walk = Walk { folder: self, bucket, query, page: Page::default() };
        if query.max > 0 {
            walk.folder(&self.bucket(bucket), "")?;
        }
        Ok(walk.page)
    }

    /// Whether a bucket holds anything.
    pub(crate) fn has_object(&self, bucket: &str) -> io::Result<bool> {
        let page = self.list(bucket, &Query { max: 1, ..Query::default() })?;
        Ok(!page.items.is_empty())
    }
}

/// Whether to go on.
type GoOn = bool;

struct Walk<'a> {
    folder: &'a Folder,
    bucket: &'a str,
    query: &'a Query,
    page: Page,
}

impl Walk<'_> {
    /// A folder whose keys all begin with `base`. Names of folders are compared with the slash that follows them in
    /// keys, which makes the order that of keys.
    fn folder(&mut self, path: &Path, base: &str) -> io::Result<GoOn> {
        let mut entries = Vec::new();
        let listing = match fs::read_dir(path) {
            Ok(listing) => listing,
            // Removed meanwhile.
            Err(error) if is_absent(&error) => return Ok(true),
            Err(error) => return Err(error),
        };
        for entry in listing {
            let entry = entry?;
            // Links are passed over: they may lead anywhere. So are names that no key can have.
            let kind = entry.file_type()?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if kind.is_dir() {
                entries.push((format!("{base}{name}/"), entry));
            } else if kind.is_file() {
                entries.push((format!("{base}{name}"), entry));
            }
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, entry) in &entries {
            if !self.entry(name, entry)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn entry(&mut self, name: &str, entry: &DirEntry) -> io::Result<GoOn> {
        let prefix = self.query.prefix.as_str();
        if !name.ends_with('/') {
            return Ok(!name.starts_with(prefix) || self.key(name));
        }
        let may_hold = name.starts_with(prefix) || prefix.starts_with(name);
        let is_over = |after: &String| name < after.as_str() && !after.starts_with(name);
        if !may_hold || self.query.after.as_ref().is_some_and(is_over) {
            return Ok(true);
        }
        // The whole folder is one common prefix: one look inside is enough.
        if self.query.delimiter.as_deref() == Some("/") && name.len() > prefix.len() && name.starts_with(prefix) {
            let seen = self.query.after.as_ref().is_some_and(|after| after.starts_with(name));
            return Ok(seen || !self.holds_key(&entry.path(), name)? || self.item(Item::Prefix(name.to_owned())));
        }
        // The folder itself may be an object, and is the first of its keys.
        if name.starts_with(prefix) && self.folder.has_record(self.bucket, name) && !self.key(name) {
            return Ok(false);
        }
        self.folder(&entry.path(), name)
    }

    fn key(&mut self, key: &str) -> GoOn {
        let rest = &key[self.query.prefix.len()..];
        let group = self.query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()).and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(&key[..self.query.prefix.len() + end])
        });
        match group {
            // Keys of one group follow each other.
            Some(group) if self.page.items.last().is_some_and(|last| last == &Item::Prefix(group.to_owned())) => true,
            Some(group) => self.item(Item::Prefix(group.to_owned())),
            None => self.item(Item::Key(key.to_owned())),
        }
    }

    fn item(&mut self, item: Item) -> GoOn {
        let is_seen = |after: &String| match &item {
            Item::Key(key) => key <= after,
            Item::Prefix(prefix) => prefix <= after || after.starts_with(prefix.as_str()),
        };
        if self.query.after.as_ref().is_some_and(is_seen) {
            return true;
        }
        if self.page.items.len() == self.query.max {
            self.page.is_truncated = true;
            return false;
        }
        self.page.items.push(item);
        true
    }

    fn holds_key(&self, path: &Path, name: &str) -> io::Result<bool> {
        if self.folder.has_record(self.bucket, name) {
            return Ok(true);
        }
        let query = Query { max: 1, ..Query::default() };
        let mut inner = Walk { folder: self.folder, bucket: self.bucket, query: &query, page: Page::default() };
        inner.folder(path, name)?;
        Ok(!inner.page.items.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn bucket_of(keys: &BTreeSet<String>) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        for key in keys {
            let path = root.path().join("b").join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::create_dir_all(root.path().join("b")).unwrap();
        let folder = Folder::new(root.path());
        (root, folder)
    }

    /// What S3 would say, said simply.
    fn expected(keys: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let end = delimiter.and_then(|delimiter| Some(key[prefix.len()..].find(delimiter)? + delimiter.len()));
            let item = match end {
                Some(end) => Item::Prefix(key[..prefix.len() + end].to_owned()),
                None => Item::Key(key.clone()),
            };
            if items.last() != Some(&item) {
                items.push(item);
            }
        }
        items
    }

    /// Keys that can be files side by side: parts of folders and of files differ.
    fn keys() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set(("([ab-]{1,2}/){0,3}", "[xy.]{1,3}z").prop_map(|(base, name)| base + &name), 0..14)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn pages_are_those_of_s3(keys in keys(), prefix in "[ab-]{0,2}/?", delimiter in prop::option::of("[/a]"), max in 1usize..5) {
            let (_root, folder) = bucket_of(&keys);
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let query = Query { prefix: prefix.clone(), delimiter: delimiter.clone(), after: after.clone(), max };
                let page = folder.list("b", &query).unwrap();
                prop_assert!(page.items.len() <= max);
                after = page.items.last().map(|last| last.name().to_owned());
                found.extend(page.items);
                if !page.is_truncated {
                    break;
                }
                prop_assert!(after.is_some());
            }
            prop_assert_eq!(found, expected(&keys, &prefix, delimiter.as_deref()));
        }
    }

    #[test]
    fn folders_without_objects_and_links_are_nothing() {
        let (root, folder) = bucket_of(&BTreeSet::from(["a/x".to_owned()]));
        fs::create_dir_all(root.path().join("b/empty/deep")).unwrap();
        fs::write(root.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), root.path().join("b/link")).unwrap();
        std::os::unix::fs::symlink("/", root.path().join("b/out")).unwrap();
        let names = |delimiter: Option<&str>| {
            let query = Query { delimiter: delimiter.map(str::to_owned), max: 10, ..Query::default() };
            let page = folder.list("b", &query).unwrap();
            page.items.iter().map(|item| item.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["a/x"]);
        assert_eq!(names(Some("/")), ["a/"]);
    }
}
