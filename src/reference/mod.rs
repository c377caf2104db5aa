//! The embedded reference S3 endpoint.
