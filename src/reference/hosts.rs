//! What the `Host` header and the path of a request name: a bucket, or an object in it.

use s3s::host::{S3Host, VirtualHost};

/// Buckets may be named in the path, or before `.localhost`.
pub(super) struct BelowLocalhost;

impl S3Host for BelowLocalhost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        Ok(match bucket_of_host(host) {
            Some(bucket) => VirtualHost::new("localhost").with_bucket(bucket),
            None => VirtualHost::new(without_port(host)),
        })
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// The bucket that a `Host` header names.
pub(super) fn bucket_of_host(host: &str) -> Option<&str> {
    without_port(host).strip_suffix(".localhost")
}
