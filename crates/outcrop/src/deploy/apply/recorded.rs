//! Types that exist in the record only: rights, which nothing here enforces. They still have names and ARNs, because
//! other resources refer to them.

use super::Made;
use crate::deploy::evaluate::Place;
use crate::deploy::package::text_sha256;
use crate::deploy::resource::Type;
use serde_json::Value;
use std::collections::BTreeMap;

/// Names a thing of the stack as CloudFormation would, but without the random end.
pub(super) fn made(place: &Place, kind: Type, id: &str, properties: &Value) -> Made {
    let given = |key: &str| properties[key].as_str().map(str::to_owned);
    let default = || format!("{}-{id}", place.stack);
    let path = properties["Path"].as_str().unwrap_or("/");
    // AWS's ids of IAM things are a prefix of four letters and seventeen characters.
    let unique = |prefix: &str, name: &str| format!("{prefix}{}", &text_sha256(name)[..17].to_ascii_uppercase());
    let (physical_id, attributes) = match kind {
        Type::Role => {
            let name = given("RoleName").unwrap_or_else(default);
            let (arn, role_id) = (place.iam_arn(&format!("role{path}{name}")), unique("AROA", &name));
            (name, vec![("Arn", arn), ("RoleId", role_id)])
        }
        Type::ManagedPolicy => {
            let name = given("ManagedPolicyName").unwrap_or_else(default);
            let (arn, policy_id) = (place.iam_arn(&format!("policy{path}{name}")), unique("ANPA", &name));
            (arn.clone(), vec![("PolicyArn", arn), ("PolicyId", policy_id)])
        }
        _ => (default(), vec![("Id", default())]),
    };
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    Made { physical_id, attributes: BTreeMap::from_iter(attributes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: Type, properties: &Value, physical_id: &str, attribute: (&str, &str)) {
        let place = Place { region: "eu-west-1".into(), account_id: "000000000012".into(), stack: "shop".into() };
        let made = made(&place, kind, "Thing", properties);
        assert_eq!((made.physical_id.as_str(), made.attributes[attribute.0].as_str()), (physical_id, attribute.1));
    }

    #[test]
    fn names_and_arns() {
        check(Type::Role, &json!({}), "shop-Thing", ("Arn", "arn:aws:iam::000000000012:role/shop-Thing"));
        let named = json!({"RoleName": "r", "Path": "/svc/"});
        check(Type::Role, &named, "r", ("Arn", "arn:aws:iam::000000000012:role/svc/r"));
        let arn = "arn:aws:iam::000000000012:policy/shop-Thing";
        check(Type::ManagedPolicy, &json!({}), arn, ("PolicyArn", arn));
        check(Type::Permission, &json!({}), "shop-Thing", ("Id", "shop-Thing"));
    }
}
