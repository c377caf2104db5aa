//! Header lines of a request: SSE-C headers, and values that a suite derives from keys, bodies and earlier responses.

use http::{HeaderName, HeaderValue};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};
use zeroize::Zeroizing;

use super::build::{BuildError, Earlier, HeaderLine, missing};
use super::customer_key::reveals_key;
use crate::suite::model::{BodyDigest, HeaderSpec, KeyForm, SseC};

/// How the names of the three SSE-C headers begin.
pub const SSE_C_PREFIX: &str = "x-amz-server-side-encryption-customer-";
pub(super) const COPY_SOURCE_SSE_C_PREFIX: &str = "x-amz-copy-source-server-side-encryption-customer-";

/// A header's value, and what evidence shows in its place where it reveals a customer key.
struct Value {
    text: Zeroizing<String>,
    shown: Option<String>,
}

/// The header lines of a request, in order.
pub(super) struct Headers<'a> {
    pub earlier: &'a Earlier<'a>,
    pub lines: Vec<HeaderLine>,
}

impl Headers<'_> {
    /// Adds the three SSE-C headers whose names begin with `prefix`.
    pub fn sse_c(&mut self, prefix: &str, sse_c: &SseC) -> Result<(), BuildError> {
        if sse_c.is_empty() {
            return Ok(());
        }
        let own = sse_c.key.as_deref();
        match &sse_c.algorithm {
            Some(spec) => self.spec(&format!("{prefix}algorithm"), spec, own.map(|k| (k, KeyForm::Base64)))?,
            None => self.push(&format!("{prefix}algorithm"), "AES256", None)?,
        }
        let right = HeaderSpec::default();
        let headers = [("key", &sse_c.customer_key, KeyForm::Base64), ("key-MD5", &sse_c.md5, KeyForm::Md5)];
        for (name, spec, form) in headers {
            self.spec(&format!("{prefix}{name}"), spec.as_deref().unwrap_or(&right), own.map(|k| (k, form)))?;
        }
        Ok(())
    }

    /// Adds the lines that a suite describes; `own` is the request's customer key and the header's right form.
    pub fn spec(&mut self, name: &str, spec: &HeaderSpec, own: Option<(&str, KeyForm)>) -> Result<(), BuildError> {
        let lines: Vec<&HeaderSpec> = spec.lines().filter(|line| !line.absent).collect();
        let values: Vec<Value> = lines.iter().map(|line| self.value(line, own)).collect::<Result<_, _>>()?;
        if spec.combined {
            let text = Zeroizing::new(values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>().join(", "));
            let reveals = values.iter().any(|value| value.shown.is_some());
            let shown = values.iter().map(|value| value.shown.as_deref().unwrap_or(&value.text));
            let shown = reveals.then(|| shown.collect::<Vec<_>>().join(", "));
            return self.push(name, &text, shown);
        }
        for (value, line) in values.into_iter().zip(lines) {
            let text = if line.padded { format!("  {} \t", *value.text) } else { value.text.to_string() };
            self.push(name, &Zeroizing::new(text), value.shown)?;
        }
        Ok(())
    }

    fn value(&self, line: &HeaderSpec, own: Option<(&str, KeyForm)>) -> Result<Value, BuildError> {
        let plain = |text: String| Ok(Value { text: Zeroizing::new(text), shown: None });
        if let Some(value) = &line.value {
            return plain(value.clone());
        }
        if let Some(of_step) = &line.of_step {
            let value = self.earlier.header(&of_step.step, &of_step.header)?;
            return match line.seconds_later {
                None => plain(value.to_owned()),
                Some(seconds) => plain(
                    later(value, seconds)
                        .ok_or_else(|| missing(&of_step.step, &format!("HTTP date in header `{}`", of_step.header)))?,
                ),
            };
        }
        if let Some(BodyDigest { body, algorithm }) = &line.digest {
            let body = self.earlier.bodies.get(body);
            return plain(body.map(|body| body.digest(*algorithm)).unwrap_or_default());
        }
        let key_name = line.key.as_deref().or(own.map(|(key, _)| key)).unwrap_or_default();
        let form = line.form.or(own.map(|(_, form)| form)).unwrap_or(KeyForm::Base64);
        let Some(key) = self.earlier.keys.get(key_name) else {
            return Err(BuildError::Unsendable(format!("the undeclared customer key `{key_name}`")));
        };
        let text = key.form(form);
        let written = serde_json::to_value(form).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let shown = format!("<{written} of customer key {key_name}: {} characters>", text.len());
        Ok(Value { text, shown: reveals_key(form).then_some(shown) })
    }

    /// Adds a line; `shown` is what evidence shows in place of a value that reveals a customer key.
    pub fn push(&mut self, name: &str, value: &str, shown: Option<String>) -> Result<(), BuildError> {
        let unsendable = || BuildError::Unsendable(format!("the value of header `{name}`"));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unsendable())?;
        value.set_sensitive(shown.is_some());
        self.lines.push(HeaderLine { name: header, value, shown, signed: true });
        Ok(())
    }
}

/// An HTTP date (RFC 9110, section 5.6.7) so many seconds after another.
fn later(date: &str, seconds: u32) -> Option<String> {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    date.checked_add(Duration::seconds(seconds.into()))?.to_offset(UtcOffset::UTC).format(FORM).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::within_a_minute("Sun, 29 Nov 2026 10:00:00 GMT", 1, Some("Sun, 29 Nov 2026 10:00:01 GMT"))]
    #[case::into_another_year("Thu, 31 Dec 2026 23:59:59 GMT", 1, Some("Fri, 01 Jan 2027 00:00:00 GMT"))]
    #[case::no_date("yesterday", 1, None)]
    #[case::empty("", 1, None)]
    fn dates_are_moved_by_seconds(#[case] date: &str, #[case] seconds: u32, #[case] expected: Option<&str>) {
        assert_eq!(later(date, seconds).as_deref(), expected);
    }
}
