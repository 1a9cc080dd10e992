//! Snapshots, tags, client tokens.

use crate::{at, fresh};
use outcrop_store::{CLIENT_TOKEN_SECONDS, ClientToken, StoreError, snapshot_hash};

#[tokio::test]
async fn a_snapshot_is_kept_once_under_the_hash_of_its_bytes() {
    let (_folder, store) = fresh();
    let put = || store.write(|tx| tx.put_snapshot(&["a", "b"]));
    let hash = put().await.unwrap();
    assert_eq!(put().await.unwrap(), hash);
    assert_eq!(hash, snapshot_hash(br#"["a","b"]"#));
    let other = "0".repeat(64);
    let (found, missing) = store
        .read(move |tx| Ok::<_, StoreError>((tx.snapshot::<Vec<String>>(&hash)?, tx.snapshot::<String>(&other)?)))
        .await
        .unwrap();
    assert_eq!((found, missing), (Some(vec!["a".into(), "b".into()]), None));
}

#[tokio::test]
async fn tags_are_set_removed_and_found() {
    let (_folder, store) = fresh();
    let left = store.write(|tx| {
        tx.set_tags("arn:1", [("team", "a"), ("outcrop:names", "x y")])?;
        tx.set_tags("arn:1", [("team", "b")])?;
        tx.set_tags("arn:2", [("outcrop:names", "z"), ("old", "1")])?;
        tx.remove_tags("arn:2", ["old", "never there"])?;
        tx.set_tags("arn:3", [("outcrop:names", "gone")])?;
        assert_eq!(tx.delete_tags("arn:3")?, 1);
        tx.set_tags("arn:1:7", [("a", "1"), ("b", "2")])?;
        tx.set_tags("arn:10", [("outcrop:names", "ten")])?;
        assert_eq!(tx.delete_tags_below("arn:1:")?, 2);
        tx.delete_tags("arn:10")?;
        Ok::<_, StoreError>((tx.tags("arn:1")?, tx.tags("arn:3")?, tx.find_tagged("outcrop:names")?))
    });
    let (one, three, named) = left.await.unwrap();
    let one: Vec<_> = one.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(one, ["outcrop:names=x y", "team=b"]);
    assert!(three.is_empty());
    assert_eq!(named, [("arn:1".into(), "x y".into()), ("arn:2".into(), "z".into())]);
}

#[tokio::test]
async fn a_client_token_is_honoured_for_a_day() {
    let (_folder, store) = fresh();
    let used = |response: &str| ClientToken { request_hash: "h".into(), response: response.into() };
    let (first, second) = (used("first"), used("second"));
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        tx.put_client_token("CreateAgent", "t", &first, at(0))?;
        let find = |tx: &outcrop_store::Tx<'_>, operation: &str, now| tx.client_token(operation, "t", at(now));
        assert_eq!(find(tx, "CreateAgent", CLIENT_TOKEN_SECONDS - 1)?, Some(first));
        assert_eq!(find(tx, "CreateAgent", CLIENT_TOKEN_SECONDS)?, None);
        assert_eq!(find(tx, "CreateAgentAlias", 0)?, None);
        tx.put_client_token("CreateAgent", "t", &second, at(CLIENT_TOKEN_SECONDS))?;
        tx.put_client_token("CreateAgent", "u", &second, at(0))?;
        assert_eq!(tx.prune_client_tokens(at(CLIENT_TOKEN_SECONDS))?, 1);
        assert_eq!(find(tx, "CreateAgent", CLIENT_TOKEN_SECONDS)?, Some(second));
        Ok::<_, StoreError>(())
    };
    store.write(work).await.unwrap();
}
