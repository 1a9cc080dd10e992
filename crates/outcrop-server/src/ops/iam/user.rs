//! The one user there is.

use crate::App;
use outcrop_api::iam as api;
use outcrop_wire::Timestamp;

/// Its name.
const NAME: &str = "outcrop";

/// The user that every caller is.
pub(crate) fn of(app: &App) -> api::User {
    api::User {
        path: "/".to_owned(),
        user_name: NAME.to_owned(),
        user_id: "AIDAOUTCROP0000000000".to_owned(),
        arn: super::arn(app, &format!("user/{NAME}")),
        create_date: Timestamp::default(),
        ..api::User::default()
    }
}
