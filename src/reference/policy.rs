//! Bucket policies. Only what SSE-C has to do with is known: statements that deny PutObject, always or by the presence or the value of
//! the algorithm header, to all objects of the bucket or to those below a prefix. Everything else is refused when the policy is set,
//! and never passed over.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::Refusal;

/// The condition keys that are known.
const ALGORITHM: &str = "s3:x-amz-server-side-encryption-customer-algorithm";
const SECURE_TRANSPORT: &str = "aws:SecureTransport";

/// A bucket policy, read.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// As it was set.
    pub text: String,
    denials: Vec<Denial>,
}

/// A statement that denies PutObject.
#[derive(Debug, Clone)]
struct Denial {
    /// What the keys that it is about begin with.
    prefix: String,
    /// Those that must hold, all of them.
    conditions: BTreeMap<Operator, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operator {
    Null,
    StringEquals,
    StringNotEquals,
    StringNotEqualsIfExists,
    /// Only of `aws:SecureTransport`.
    Bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: String,
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, serde_json::Value>>,
}

impl Policy {
    pub fn read(text: String, bucket: &str) -> Result<Self, Refusal> {
        let malformed = || Refusal::new(400, "MalformedPolicy", "The reference endpoint knows no such policy.");
        let document: Document = serde_json::from_str(&text).map_err(|_| malformed())?;
        let resource = format!("arn:aws:s3:::{bucket}/");
        let mut denials = Vec::new();
        for statement in document.statement {
            let known = statement.effect == "Deny" && statement.principal == "*" && statement.action == "s3:PutObject";
            let below = statement.resource.strip_prefix(&resource).and_then(|below| below.strip_suffix('*'));
            let prefix = below.filter(|below| known && !below.contains(['*', '?'])).ok_or_else(malformed)?.to_owned();
            let mut conditions = BTreeMap::new();
            for (operator, keys) in statement.condition {
                for (key, value) in keys {
                    let value = value.as_str().map(str::to_owned).or(value.as_bool().map(|value| value.to_string()));
                    let known = if operator == Operator::Bool { SECURE_TRANSPORT } else { ALGORITHM };
                    let is_known = key.eq_ignore_ascii_case(known);
                    conditions.insert(operator, value.filter(|_| is_known).ok_or_else(malformed)?);
                }
            }
            denials.push(Denial { prefix, conditions });
        }
        Ok(Self { text, denials })
    }

    /// Whether a write to an object is denied whatever its headers say.
    pub fn denies_all(&self, key: &str) -> bool {
        self.denials.iter().any(|denial| denial.conditions.is_empty() && key.starts_with(&denial.prefix))
    }

    /// Whether a write to an object that names this algorithm, or none, is denied: by any statement all of whose conditions hold.
    pub fn denies(&self, key: &str, algorithm: Option<&str>, is_plain: bool) -> bool {
        let holds = |(operator, value): (&Operator, &String)| match operator {
            Operator::Null => (value == "true") == algorithm.is_none(),
            Operator::StringEquals => algorithm == Some(value),
            Operator::StringNotEquals => algorithm != Some(value),
            Operator::Bool => (value == "false") == is_plain,
            Operator::StringNotEqualsIfExists => algorithm.is_some_and(|algorithm| algorithm != value),
        };
        self.denials.iter().any(|denial| key.starts_with(&denial.prefix) && denial.conditions.iter().all(holds))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn policy(condition: &str) -> Result<Policy, Refusal> {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "s", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*", "Condition": {condition}}}]}}"#
        );
        Policy::read(text, "b")
    }

    #[rstest]
    #[case::absent(r#"{"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}}"#, None, true)]
    #[case::not_absent(
        r#"{"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}}"#,
        Some("AES256"),
        false
    )]
    #[case::present(
        r#"{"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}"#,
        Some("AES256"),
        true
    )]
    #[case::not_present(r#"{"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}"#, None, false)]
    #[case::other(
        r#"{"StringNotEquals": {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}}"#,
        Some("KMS"),
        true
    )]
    #[case::equal(
        r#"{"StringNotEquals": {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}}"#,
        Some("AES256"),
        false
    )]
    fn conditions_on_the_algorithm(#[case] condition: &str, #[case] algorithm: Option<&str>, #[case] denied: bool) {
        assert_eq!(policy(condition).unwrap().denies("a", algorithm, false), denied);
    }

    #[test]
    fn plain_http_can_be_denied() {
        let policy = policy(r#"{"Bool": {"aws:SecureTransport": "false"}}"#).unwrap();
        assert!(policy.denies("a", None, true) && !policy.denies("a", None, false));
    }

    #[rstest]
    #[case::below("p/a", true)]
    #[case::beside("q/a", false)]
    fn all_writes_below_a_prefix_can_be_denied(#[case] key: &str, #[case] denied: bool) {
        let statement =
            r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/p/*"}"#;
        let policy = Policy::read(format!(r#"{{"Statement": [{statement}]}}"#), "b").unwrap();
        assert_eq!((policy.denies_all(key), policy.denies(key, None, false)), (denied, denied));
    }

    #[rstest]
    #[case::another_key(r#"{"Null": {"s3:prefix": "true"}}"#)]
    #[case::another_operator(r#"{"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}"#)]
    fn what_is_not_known_is_refused(#[case] condition: &str) {
        assert!(policy(condition).is_err());
    }
}
