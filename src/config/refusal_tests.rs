//! Which settings are refused, and with what words.

use rstest::rstest;

use super::workspace::{Workspace, flags};
use super::{ConfigError, Typed};

async fn refusal(workspace: &Workspace, typed: Typed) -> ConfigError {
    let error = match workspace.resolve(typed).await {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(error) => error,
    };
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
    error
}

/// Asserts that each fragment is in the message.
fn assert_says(error: &ConfigError, fragments: &[&str]) {
    let message = error.to_string();
    for fragment in fragments {
        assert!(message.contains(fragment), "no `{fragment}` in: {message}");
    }
}

#[rstest]
#[case::bare_host("--endpoint localhost:9000", &["--endpoint is not a URL: `localhost:9000`", "https://s3.example.com"])]
#[case::bad_port("--endpoint https://h:99999", &["--endpoint is not a URL", "invalid port"])]
#[case::no_host("--endpoint https://", &["--endpoint is not a URL", "empty host"])]
#[case::empty("--endpoint=", &["--endpoint is not a URL"])]
#[case::http("--endpoint http://h:9000", &["--endpoint is `http://h:9000`", "SSE-C keys may only travel over TLS: give the https:// address as --endpoint and the plain listener as --plain-endpoint"])]
#[case::other_scheme("--endpoint s3://bucket", &["--endpoint is `s3://bucket`, which is not an HTTP address"])]
#[case::user("--endpoint https://ada:s3cret@h", &["--endpoint is `https://***@h`, which has user information"])]
#[case::user_and_bad_port("--endpoint https://ada:s3cret@h:x", &["--endpoint is not a URL: `https://***@h:x`"])]
#[case::query("--endpoint https://h/?sig=s3cret", &["--endpoint", "a query"])]
#[case::fragment("--endpoint https://h/#s3cret", &["--endpoint", "a fragment"])]
#[case::path("--endpoint https://h/s3", &["--endpoint is `https://h/s3`, which has a path"])]
#[case::plain_https("--endpoint https://h --plain-endpoint https://h", &["--plain-endpoint is `https://h`", "give its http:// address, or `none`"])]
#[case::plain_word("--endpoint https://h --plain-endpoint no", &["--plain-endpoint is not a URL: `no`"])]
#[case::plain_path("--endpoint https://h --plain-endpoint http://h/p", &["--plain-endpoint", "a path"])]
#[case::plain_alone("--plain-endpoint http://h", &["--plain-endpoint is given, but no endpoint is", "as --endpoint"])]
#[case::proxy_scheme("--proxy socks5://p", &["--proxy is `socks5://p`", "http://proxy.example.com:3128"])]
#[case::proxy_user("--proxy http://ada:s3cret@p", &["--proxy is `http://***@p`, which has user information"])]
#[case::virtual_ip("--endpoint https://127.0.0.1:9000 --addressing virtual", &["--addressing is `virtual`", "--addressing path"])]
#[case::virtual_plain_ip("--endpoint https://h --plain-endpoint http://[::1] --addressing virtual", &["http://[::1]/"])]
#[case::ca_file("--ca-file absent.pem", &["--ca-file names ", "absent.pem, which cannot be read", "readable PEM"])]
#[case::insecure_ca("--insecure --ca-file absent.pem", &["--insecure accepts any certificate and --ca-file says", "leave out one"])]
#[case::empty_bucket("--bucket=", &["--bucket is empty"])]
#[case::bad_bucket("--bucket My_Bucket", &["--bucket is `My_Bucket`, which is not a bucket name", "lower-case"])]
#[case::rooted_prefix("--prefix /p", &["--prefix is `/p`", "may not begin with `/`", "`ssecheck/`"])]
#[case::bad_prefix("--prefix p?q", &["--prefix is `p?q`", "only the characters"])]
#[case::empty_region("--region=", &["--region is ``, which is not a region: it is empty"])]
#[case::bad_region("--region a/b", &["--region is `a/b`"])]
#[case::jobs("--jobs 0", &["--jobs is 0", "give 1 or more"])]
#[case::rate("--max-rps 0", &["--max-rps is 0", "give 1 or more"])]
#[case::retries("--retry-throttled 21", &["--retry-throttled is 21", "20 times at most"])]
#[case::connect("--connect-timeout 0", &["--connect-timeout is 0 seconds", "give 1 or more"])]
#[case::request("--request-timeout 0", &["--request-timeout is 0 seconds"])]
#[case::scenario("--scenario-timeout 0", &["--scenario-timeout is 0 seconds"])]
#[case::profile("--profile=", &["--profile is empty"])]
#[case::aws_profile("--aws-profile=", &["--aws-profile is empty"])]
#[case::config("--config absent.toml", &["the settings file absent.toml cannot be read", "correct --config"])]
#[tokio::test]
async fn flags_are_refused(#[case] typed: &str, #[case] fragments: &[&str]) {
    assert_says(&refusal(&Workspace::new().with_keys(), flags(typed)).await, fragments);
}

#[rstest]
#[case::endpoint("\nendpoint = 'http://h'", &["`endpoint` (ssecheck.toml, line 2)", "only travel over TLS"])]
#[case::snake("\n\nca_file = 'absent.pem'", &["`ca-file` (ssecheck.toml, line 3) names ", "absent.pem"])]
#[case::insecure_ca("insecure = true\nca-file = 'x'", &["`insecure` (ssecheck.toml, line 1)", "`ca-file` (ssecheck.toml, line 2)"])]
#[case::jobs("jobs = 0", &["`jobs` (ssecheck.toml, line 1) is 0"])]
#[case::timeout("request_timeout = 0", &["`request-timeout` (ssecheck.toml, line 1) is 0 seconds"])]
#[case::unknown("buckte = 'b'", &["ssecheck.toml:1:1: there is no setting `buckte`; did you mean `bucket`?"])]
#[case::syntax("endpoint = https", &["ssecheck.toml:1:12: ", "correct the file"])]
#[case::half("secret_access_key = 's3cret'", &["ssecheck.toml has `secret-access-key` without `access-key-id`"])]
#[case::other_half("access_key_id = 'AK'", &["ssecheck.toml has `access-key-id` without `secret-access-key`"])]
#[case::secret_number("secret_access_key = 1", &["ssecheck.toml:1:21: this must be a string in quotes"])]
#[tokio::test]
async fn the_file_is_refused(#[case] toml: &str, #[case] fragments: &[&str]) {
    assert_says(&refusal(&Workspace::new().toml(toml), Typed::default()).await, fragments);
}

#[rstest]
#[case::own("SSECHECK_ENDPOINT=http://h", &["the variable SSECHECK_ENDPOINT is `http://h`", "only travel over TLS"])]
#[case::shared("AWS_ENDPOINT_URL_S3=http://h", &["the variable AWS_ENDPOINT_URL_S3 is `http://h`"])]
#[case::empty("SSECHECK_ENDPOINT=", &["the variable SSECHECK_ENDPOINT is empty", "leave the setting out"])]
#[case::empty_besides_another("SSECHECK_ENDPOINT= AWS_ENDPOINT_URL=https://h", &["the variable SSECHECK_ENDPOINT is empty"])]
#[case::empty_plain("SSECHECK_PLAIN_ENDPOINT=", &["the variable SSECHECK_PLAIN_ENDPOINT is empty"])]
#[case::empty_label("SSECHECK_LABEL=", &["the variable SSECHECK_LABEL is empty"])]
#[case::empty_for_s3("AWS_ENDPOINT_URL_S3=", &["the variable AWS_ENDPOINT_URL_S3 is empty"])]
#[case::empty_for_all("AWS_ENDPOINT_URL=", &["the variable AWS_ENDPOINT_URL is empty"])]
#[case::plain("SSECHECK_PLAIN_ENDPOINT=none", &["the variable SSECHECK_PLAIN_ENDPOINT is given, but no endpoint is"])]
#[case::ignore("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=yes", &["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is neither `true` nor `false`"])]
#[case::region("AWS_REGION=a/b", &["the variable AWS_REGION is `a/b`"])]
#[case::ca_bundle("AWS_CA_BUNDLE=/absent.pem", &["the variable AWS_CA_BUNDLE names /absent.pem"])]
#[case::half("AWS_SECRET_ACCESS_KEY=s3cret", &["the environment has `AWS_SECRET_ACCESS_KEY` without `AWS_ACCESS_KEY_ID`", "give both, or neither"])]
#[case::token("AWS_SESSION_TOKEN=t0ken", &["the environment has `AWS_SESSION_TOKEN` without `AWS_ACCESS_KEY_ID`"])]
#[case::profile("AWS_PROFILE=lab", &["the variable AWS_PROFILE names the AWS profile `lab`", ".aws/config (no such file)", "aws configure"])]
#[case::file("AWS_CONFIG_FILE=.", &["cannot be read", "set AWS_CONFIG_FILE to another file"])]
#[tokio::test]
async fn the_environment_is_refused(#[case] variables: &str, #[case] fragments: &[&str]) {
    assert_says(&refusal(&Workspace::new().variables(variables), Typed::default()).await, fragments);
}

#[rstest]
#[case::endpoint("[default]\nendpoint_url = http://h\n", &["`endpoint_url` of the AWS profile `default` is `http://h`"])]
#[case::ca_bundle("[default]\nca_bundle = /absent\n", &["`ca_bundle` of the AWS profile `default` names /absent"])]
#[case::half("[default]\naws_access_key_id = AK\n", &["the AWS profile `default` has `aws_access_key_id` without `aws_secret_access_key`"])]
#[case::ignore("[default]\nignore_configured_endpoint_urls = 1\n", &["of the AWS profile `default` is neither `true`"])]
#[case::syntax("[default]\naws_secret_access_key s3cret\n", &[".aws/config: line 2", "correct the file"])]
#[tokio::test]
async fn the_aws_files_are_refused(#[case] aws_config: &str, #[case] fragments: &[&str]) {
    assert_says(&refusal(&Workspace::new().aws_config(aws_config), Typed::default()).await, fragments);
}

#[rstest]
#[case::near("labb", "did you mean `lab`?")]
#[case::far("production", "name one that is there")]
#[tokio::test]
async fn a_missing_aws_profile_is_refused(#[case] name: &str, #[case] advice: &str) {
    let workspace = Workspace::new().aws_config("[profile lab]\nregion = r\n[profile elsewhere]\nregion = r\n");
    let error = refusal(&workspace, flags(&format!("--aws-profile {name}"))).await;
    let fragments = [&format!("--aws-profile names the AWS profile `{name}`"), ".aws/config, ", advice];
    assert_says(&error, &fragments.map(|fragment| fragment as &str));
}

#[tokio::test]
async fn an_endpoint_without_keys_is_refused() {
    let error = refusal(&Workspace::new(), flags("--endpoint https://h")).await;
    assert_says(
        &error,
        &[
            "the endpoint (--endpoint) needs access keys",
            "ssecheck.toml (no such file), the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
             the AWS profile `default` of ",
            ".aws/credentials (no such file)",
            "set the two variables, or name a profile that has keys with --aws-profile",
        ],
    );
}

#[tokio::test]
async fn keys_that_would_have_to_be_fetched_are_pointed_out() {
    let workspace = Workspace::new().aws_config("[profile lab]\nrole_arn = arn:aws:iam::1:role/r\n");
    let error = refusal(&workspace, flags("--endpoint https://h --aws-profile lab")).await;
    assert_says(&error, &["the profile's `role_arn` is not followed", "export-credentials --profile lab --format env"]);
}

#[tokio::test]
async fn an_unreadable_default_file_is_refused() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("work/ssecheck.toml")).expect("the directory is new");
    assert_says(&refusal(&workspace, Typed::default()).await, &["the settings file ssecheck.toml cannot be read"]);
}

#[tokio::test]
async fn a_ledger_without_a_folder_is_refused() {
    let error = refusal(&Workspace::new().toml("ledger = ''"), Typed::default()).await;
    assert_says(&error, &["`ledger` (ssecheck.toml, line 1) is empty"]);
}
