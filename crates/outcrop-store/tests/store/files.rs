//! SQLite's files: who may read them, what is left of them, and which are not ours.

use crate::{fresh, open};
use outcrop_store::{Store, StoreError};

#[tokio::test]
async fn closing_folds_the_log_into_the_database() {
    let (place, store) = fresh();
    store.write(|tx| tx.put_snapshot(&"x")).await.unwrap();
    let wal = place.folder().join("data/outcrop.db-wal");
    assert!(std::fs::metadata(&wal).unwrap().len() > 0);
    store.close().await;
    assert_eq!(std::fs::metadata(wal).map_or(0, |wal| wal.len()), 0);
    open(&place).ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let (place, store) = fresh();
    store.write(|tx| tx.put_snapshot(&"x")).await.unwrap();
    let mode = |name: &str| std::fs::metadata(place.folder().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for name in ["data/outcrop.db", "data/outcrop.db-wal", "data/outcrop.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.db");
    std::fs::write(&path, "no database, but long enough to look at. ".repeat(200)).unwrap();
    let told = Store::open(path.to_str().unwrap()).unwrap_err();
    assert!(matches!(told, StoreError::Corrupt(_) | StoreError::Open(_)), "{told}");
    let told = Store::open(folder.path().to_str().unwrap()).unwrap_err();
    assert!(matches!(told, StoreError::Open(_)), "{told}");
}
