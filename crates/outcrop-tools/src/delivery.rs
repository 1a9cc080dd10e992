//! How a function is told by what key a call is known, and where it may answer later: in Lambda's client context, where
//! code for Lambda finds it wherever it runs, and in headers.

use outcrop_ports::Delivery;
use serde_json::{Map, json};

/// Names in the client context's `custom` member, and of the headers.
const NAMES: [(&str, &str); 3] = [
    ("outcrop:idempotency-key", "x-outcrop-idempotency-key"),
    ("outcrop:callback-token", "x-outcrop-callback-token"),
    ("outcrop:callback-url", "x-outcrop-callback-url"),
];

/// The client context as JSON; `None` when there is nothing to say.
pub(crate) fn client_context(delivery: &Delivery) -> Option<String> {
    let custom: Map<_, _> =
        values(delivery).zip(NAMES).filter_map(|(value, (name, _))| Some((name.to_owned(), json!(value?)))).collect();
    (!custom.is_empty()).then(|| json!({ "custom": custom }).to_string())
}

/// The same as headers.
pub(crate) fn headers(delivery: &Delivery) -> impl Iterator<Item = (&'static str, &str)> {
    values(delivery).zip(NAMES).filter_map(|(value, (_, header))| Some((header, value?)))
}

fn values(delivery: &Delivery) -> impl Iterator<Item = Option<&str>> {
    let key = Some(&*delivery.idempotency_key).filter(|key| !key.is_empty());
    let callback = delivery.callback.as_ref();
    [key, callback.map(|callback| &*callback.token), callback.map(|callback| &*callback.url)].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::Callback;

    #[test]
    fn says_what_there_is_to_say() {
        let check = |delivery: &Delivery, expected: Option<&str>| {
            assert_eq!(client_context(delivery).as_deref(), expected);
            assert_eq!(headers(delivery).count(), expected.map_or(0, |context| context.matches("outcrop:").count()));
        };
        check(&Delivery::default(), None);
        let mut delivery = Delivery { idempotency_key: "k".into(), callback: None };
        check(&delivery, Some(r#"{"custom":{"outcrop:idempotency-key":"k"}}"#));
        delivery.callback = Some(Callback { token: "t".into(), url: "http://h/t".into() });
        check(
            &delivery,
            Some(
                r#"{"custom":{"outcrop:idempotency-key":"k","outcrop:callback-token":"t","outcrop:callback-url":"http://h/t"}}"#,
            ),
        );
    }
}
