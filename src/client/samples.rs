//! Targets for tests.

use std::time::Duration;

use super::Target;
use crate::config::{Addressing, Credentials};

/// An endpoint whose TLS listener has this address, and nothing besides.
pub(crate) fn target(tls: &str) -> Target {
    Target {
        tls: tls.parse().unwrap(),
        plain: None,
        region: "us-east-1".to_owned(),
        addressing: Addressing::Path,
        credentials: Credentials {
            access_key_id: "AK".to_owned(),
            secret_access_key: "secret".to_owned().into(),
            session_token: None,
        },
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(60),
        proxy: None,
        retry_throttled: 0,
        max_rps: None,
    }
}
