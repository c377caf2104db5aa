//! Which place decides a setting.

use std::time::Duration;

use rstest::rstest;

use super::workspace::{Workspace, flags};
use super::{Addressing, Config, Environment, LedgerFolder, Plain, Typed, ledger_folder};

fn endpoint(config: &Config) -> Option<&str> {
    config.endpoint.as_ref().map(|endpoint| endpoint.tls.as_str())
}

fn key(config: &Config) -> Option<&str> {
    config.credentials.as_ref().map(|credentials| credentials.access_key_id.as_str())
}

#[tokio::test]
async fn everything_has_a_default() {
    let config = Workspace::new().resolved(Typed::default()).await;
    assert_eq!(config.endpoint, None);
    assert_eq!(config.region, "us-east-1");
    assert_eq!(config.addressing, Addressing::Path);
    assert_eq!((config.ca_file, config.insecure), (None, false));
    assert_eq!((config.bucket, config.proxy, config.credentials), (None, None, None));
    assert_eq!((config.prefix.as_str(), config.profile.as_str()), ("ssecheck/", "portable"));
    assert_eq!(config.jobs.get(), 8);
    let timeouts = [config.connect_timeout, config.request_timeout, config.scenario_timeout];
    assert_eq!(timeouts, [10, 60, 300].map(Duration::from_secs));
}

#[tokio::test]
async fn ledgers_are_kept_at_home_and_need_no_access_keys() {
    let workspace = Workspace::new().variables("SSECHECK_ENDPOINT=https://h");
    let folder = workspace.ledger_folder(Typed::default()).await.expect("there is a home");
    assert_eq!(folder, LedgerFolder { path: workspace.path("home/.local/state/ssecheck/runs"), is_default: true });
    let folder = workspace.ledger_folder(flags("--ledger /runs")).await.expect("it is given");
    assert_eq!(folder, LedgerFolder { path: "/runs".into(), is_default: false });
    let error = ledger_folder(&Typed::default(), &Environment::new("/work", None)).await.expect_err("there is no home");
    assert!(error.to_string().contains("--ledger DIR"), "{error}");
}

#[tokio::test]
async fn the_environment_names_what_is_tested() {
    let config = Workspace::new().variables("SSECHECK_LABEL=A-1").resolved(Typed::default()).await;
    assert_eq!(config.label.as_deref(), Some("A-1"));
}

#[tokio::test]
async fn the_file_gives_what_the_flags_leave_out() {
    let workspace = Workspace::new()
        .file("work/ca.pem", "")
        .toml(
            "endpoint = 'https://h:1'\nplain_endpoint = 'http://h:2'\nregion = 'r'\naddressing = 'virtual'\n\
             ca-file = 'ca.pem'\ninsecure = false\nbucket = 'buc'\nprefix = 'p/'\nproxy = 'http://p:3'\njobs = 2\n\
             connect-timeout = 3\nrequest_timeout = 4\nscenario-timeout = 5\nprofile = 'strict'\nlabel = 'A 1'\n\
             access_key_id = 'AK'\nsecret_access_key = 's3cret'\nsession_token = 't0ken'\n\
             ledger = 'runs'",
        )
        .variables(
            "SSECHECK_LABEL=e SSECHECK_ENDPOINT=https://e AWS_REGION=e AWS_CA_BUNDLE=e.pem AWS_ACCESS_KEY_ID=E AWS_SECRET_ACCESS_KEY=e",
        );
    let config = workspace.resolved(Typed::default()).await;
    let endpoint = config.endpoint.clone().expect("given in the file");
    assert_eq!(endpoint.tls.as_str(), "https://h:1/");
    assert!(matches!(&endpoint.plain, Plain::Url(url) if url.as_str() == "http://h:2/"), "{:?}", endpoint.plain);
    assert_eq!((config.region.as_str(), config.addressing), ("r", Addressing::Virtual));
    assert_eq!(config.ca_file, Some(workspace.path("work/ca.pem")));
    assert_eq!((config.bucket.as_deref(), config.prefix.as_str()), (Some("buc"), "p/"));
    assert_eq!(config.proxy.as_ref().map(|proxy| proxy.as_str()), Some("http://p:3/"));
    assert_eq!((config.jobs.get(), config.profile.as_str()), (2, "strict"));
    assert_eq!(config.label.as_deref(), Some("A 1"));
    let timeouts = [config.connect_timeout, config.request_timeout, config.scenario_timeout];
    assert_eq!(timeouts, [3, 4, 5].map(Duration::from_secs));
    let of_file = LedgerFolder { path: workspace.path("work/runs"), is_default: false };
    assert_eq!(config.ledger, Some(of_file));
    let credentials = config.credentials.as_ref().expect("given in the file");
    assert_eq!((credentials.access_key_id.as_str(), credentials.secret_access_key.as_str()), ("AK", "s3cret"));
    assert_eq!(credentials.session_token.as_ref().map(|token| token.as_str()), Some("t0ken"));
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");

    let typed = "--endpoint https://f:1 --plain-endpoint none --region f --addressing path --bucket fff --prefix f/ \
         --proxy http://f:3 --jobs 12 --connect-timeout 13 --request-timeout 14 --scenario-timeout 15 --profile f --label f \
         --ledger f";
    let config = workspace.resolved(flags(typed)).await;
    let endpoint = config.endpoint.clone().expect("given as a flag");
    assert_eq!((endpoint.tls.as_str(), endpoint.plain), ("https://f:1/", Plain::None));
    assert_eq!((config.region.as_str(), config.addressing), ("f", Addressing::Path));
    assert_eq!((config.bucket.as_deref(), config.prefix.as_str()), (Some("fff"), "f/"));
    assert_eq!(config.proxy.as_ref().map(|proxy| proxy.as_str()), Some("http://f:3/"));
    assert_eq!((config.jobs.get(), config.profile.as_str()), (12, "f"));
    assert_eq!(config.label.as_deref(), Some("f"));
    assert_eq!(config.ledger.map(|folder| folder.path), Some(workspace.path("work/f")));
    let timeouts = [config.connect_timeout, config.request_timeout, config.scenario_timeout];
    assert_eq!(timeouts, [13, 14, 15].map(Duration::from_secs));
}

#[rstest]
#[case::default_file("", "in-default")]
#[case::given_file("--config other.toml", "in-other")]
#[tokio::test]
async fn one_settings_file_is_read(#[case] typed: &str, #[case] region: &str) {
    let workspace =
        Workspace::new().toml("region = 'in-default'").file("work/other.toml", "region = 'in-other'\njobs = 1");
    assert_eq!(workspace.resolved(flags(typed)).await.region, region);
}

const SERVICES: &str = "[default]\nservices = local\nendpoint_url = https://profile\n\
     [services local]\ns3 =\n  endpoint_url = https://profile-s3\n";
const PLAIN_PROFILE: &str = "[default]\nendpoint_url = https://profile\n";
const IGNORING: &str = "[default]\nendpoint_url = https://profile\nignore_configured_endpoint_urls = true\n";
const OWN: &str = "SSECHECK_ENDPOINT=https://own";
const FOR_S3: &str = "AWS_ENDPOINT_URL_S3=https://for-s3";
const FOR_ALL: &str = "AWS_ENDPOINT_URL=https://for-all";
const IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=True";
const NO_IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false";

#[rstest]
#[case::flag("--endpoint https://flag", "endpoint = 'https://file'", &[OWN, FOR_S3, FOR_ALL], SERVICES, Some("https://flag/"))]
#[case::file("", "endpoint = 'https://file'", &[OWN, FOR_S3, FOR_ALL], SERVICES, Some("https://file/"))]
#[case::own_variable("", "", &[OWN, FOR_S3, FOR_ALL], SERVICES, Some("https://own/"))]
#[case::s3_variable("", "", &[FOR_S3, FOR_ALL], SERVICES, Some("https://for-s3/"))]
#[case::variable("", "", &[FOR_ALL], SERVICES, Some("https://for-all/"))]
#[case::empty_s3_variable("", "", &["AWS_ENDPOINT_URL_S3=", FOR_ALL], "", Some("https://for-all/"))]
#[case::flag_before_an_empty_variable("--endpoint https://flag", "", &["SSECHECK_ENDPOINT="], "", Some("https://flag/"))]
#[case::empty_and_ignored("", "", &["AWS_ENDPOINT_URL=", IGNORE], "", None)]
#[case::s3_service("", "", &[], SERVICES, Some("https://profile-s3/"))]
#[case::profile("", "", &[], PLAIN_PROFILE, Some("https://profile/"))]
#[case::nowhere("", "", &[], "", None)]
#[case::ignored("", "", &[FOR_S3, FOR_ALL, IGNORE], SERVICES, None)]
#[case::ignored_by_profile("", "", &[FOR_ALL], IGNORING, None)]
#[case::not_ignored_after_all("", "", &[NO_IGNORE], IGNORING, Some("https://profile/"))]
#[case::own_is_never_ignored("", "", &[OWN, IGNORE], "", Some("https://own/"))]
#[tokio::test]
async fn endpoint_comes_from_the_first_place(
    #[case] typed: &str,
    #[case] toml: &str,
    #[case] variables: &[&str],
    #[case] aws_config: &str,
    #[case] expected: Option<&str>,
) {
    let workspace = Workspace::new().with_keys().toml(toml).variables(&variables.join(" ")).aws_config(aws_config);
    assert_eq!(endpoint(&workspace.resolved(flags(typed)).await), expected);
}

#[rstest]
#[case::flag(
    "--plain-endpoint http://flag",
    "plain-endpoint = 'none'",
    "SSECHECK_PLAIN_ENDPOINT=http://own",
    Some("http://flag/")
)]
#[case::file("", "plain-endpoint = 'none'", "SSECHECK_PLAIN_ENDPOINT=http://own", None)]
#[case::variable("", "", "SSECHECK_PLAIN_ENDPOINT=http://own", Some("http://own/"))]
#[tokio::test]
async fn plain_endpoint_comes_from_the_first_place(
    #[case] typed: &str,
    #[case] toml: &str,
    #[case] variables: &str,
    #[case] expected: Option<&str>,
) {
    let workspace =
        Workspace::new().with_keys().toml(toml).variables(variables).variables("SSECHECK_ENDPOINT=https://h");
    let plain = workspace.resolved(flags(typed)).await.endpoint.expect("given in the environment").plain;
    match expected {
        Some(expected) => assert!(matches!(&plain, Plain::Url(url) if url.as_str() == expected), "{plain:?}"),
        None => assert_eq!(plain, Plain::None),
    }
}

#[tokio::test]
async fn nothing_said_of_the_plain_endpoint_is_not_none() {
    let config = Workspace::new().with_keys().resolved(flags("--endpoint https://h")).await;
    assert_eq!(config.endpoint.expect("given as a flag").plain, Plain::Unknown);
}

#[rstest]
#[case::flag("--region flag", "region = 'file'", "AWS_REGION=first AWS_DEFAULT_REGION=second", "flag")]
#[case::file("", "region = 'file'", "AWS_REGION=first AWS_DEFAULT_REGION=second", "file")]
#[case::variable("", "", "AWS_REGION=first AWS_DEFAULT_REGION=second", "first")]
#[case::older_variable("", "", "AWS_DEFAULT_REGION=second", "second")]
#[case::profile("", "", "", "in-default")]
#[case::named_profile("--aws-profile lab", "", "", "in-lab")]
#[case::profile_in_file("", "aws-profile = 'lab'", "AWS_PROFILE=bare", "in-lab")]
#[case::profile_in_variable("", "", "AWS_PROFILE=lab", "in-lab")]
#[case::variable_before_named_profile("--aws-profile lab", "", "AWS_REGION=first", "first")]
#[case::nowhere("", "", "AWS_PROFILE=bare", "us-east-1")]
#[tokio::test]
async fn region_comes_from_the_first_place(
    #[case] typed: &str,
    #[case] toml: &str,
    #[case] variables: &str,
    #[case] expected: &str,
) {
    let aws_config = "[default]\nregion = in-default\n[profile lab]\nregion = in-lab\n[profile bare]\nregion =\n";
    let workspace = Workspace::new().toml(toml).variables(variables).aws_config(aws_config);
    assert_eq!(workspace.resolved(flags(typed)).await.region, expected);
}

/// Whoever names authorities by a variable of OpenSSL chooses them as by a flag. A folder has no digest.
#[rstest]
#[case::none("", "", &[])]
#[case::file("", "SSL_CERT_FILE=own.pem", &[("the variable SSL_CERT_FILE", true)])]
#[case::folder("", "SSL_CERT_DIR=folder", &[("the variable SSL_CERT_DIR", false)])]
#[case::besides("--ca-file own.pem", "SSL_CERT_FILE=own.pem", &[("--ca-file", true), ("the variable SSL_CERT_FILE", true)])]
#[case::folders("", "SSL_CERT_DIR=folder:/nowhere", &[("the variable SSL_CERT_DIR", false), ("the variable SSL_CERT_DIR", false)])]
#[case::the_systems_folder("", "SSL_CERT_DIR=/etc/ssl/certs", &[])]
#[case::a_detour("", "SSL_CERT_FILE=/etc/ssl/certs/../../hostname", &[("the variable SSL_CERT_FILE", true)])]
#[case::insecure("--insecure", "SSL_CERT_FILE=own.pem", &[])]
#[tokio::test]
async fn authorities_in_place_of_the_system_s_are_recorded(
    #[case] typed: &str,
    #[case] variables: &str,
    #[case] expected: &[(&str, bool)],
) {
    let workspace = Workspace::new().file("work/own.pem", "").variables(variables);
    std::fs::create_dir(workspace.path("work/folder")).expect("it can be made");
    let authorities = workspace.resolved(flags(typed)).await.authorities;
    let found: Vec<_> = authorities.iter().map(|file| (file.named_by.as_str(), file.sha256.is_some())).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case::flag("--ca-file flag.pem", "ca-file = 'file.pem'", "AWS_CA_BUNDLE=variable.pem", Some("flag.pem"))]
#[case::file("", "ca_file = 'file.pem'", "AWS_CA_BUNDLE=variable.pem", Some("file.pem"))]
#[case::variable("", "", "AWS_CA_BUNDLE=variable.pem", Some("variable.pem"))]
#[case::profile("", "", "", Some("profile.pem"))]
#[case::insecure_before_shared_variable("--insecure", "", "AWS_CA_BUNDLE=variable.pem", None)]
#[case::insecure_before_profile("", "insecure = true", "", None)]
#[case::not_insecure("", "insecure = false", "", Some("profile.pem"))]
#[tokio::test]
async fn ca_file_comes_from_the_first_place(
    #[case] typed: &str,
    #[case] toml: &str,
    #[case] variables: &str,
    #[case] expected: Option<&str>,
) {
    let mut workspace = Workspace::new().toml(toml).variables(variables);
    workspace = workspace.aws_config("[default]\nca_bundle = profile.pem\n");
    for name in ["flag", "file", "variable", "profile"] {
        workspace = workspace.file(&format!("work/{name}.pem"), "");
    }
    let config = workspace.resolved(flags(typed)).await;
    assert_eq!(config.ca_file, expected.map(|name| workspace.path("work").join(name)));
    assert_eq!(config.insecure, expected.is_none());
}

const IN_FILE: &str = "access-key-id = 'FILE'\nsecret-access-key = 's3cret'\n";
const IN_VARIABLES: &str = "AWS_ACCESS_KEY_ID=VARIABLE AWS_SECRET_ACCESS_KEY=s3cret";

#[rstest]
#[case::file("", IN_FILE, IN_VARIABLES, Some("FILE"))]
#[case::variables("", "", IN_VARIABLES, Some("VARIABLE"))]
#[case::variables_before_profile_in_variable("", "", &format!("AWS_PROFILE=lab {IN_VARIABLES}"), Some("VARIABLE"))]
#[case::profile_in_variable("", "", "AWS_PROFILE=lab", Some("LAB"))]
#[case::default_profile("", "", "", Some("DEFAULT"))]
#[case::profile_in_flag("--aws-profile lab", IN_FILE, IN_VARIABLES, Some("LAB"))]
#[case::profile_in_file("", "aws-profile = 'lab'", IN_VARIABLES, Some("LAB"))]
#[case::file_before_its_profile("", &format!("aws-profile = 'lab'\n{IN_FILE}"), IN_VARIABLES, Some("FILE"))]
#[case::profile_without_keys("--aws-profile bare", "", IN_VARIABLES, Some("VARIABLE"))]
#[case::nowhere("--aws-profile bare", "", "", None)]
#[tokio::test]
async fn keys_come_from_the_first_place(
    #[case] typed: &str,
    #[case] toml: &str,
    #[case] variables: &str,
    #[case] expected: Option<&str>,
) {
    let workspace = Workspace::new().toml(toml).variables(variables).aws_config("[profile bare]\nregion = r\n");
    let workspace = workspace.aws_credentials(
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s3cret\n\
         [lab]\naws_access_key_id = LAB\naws_secret_access_key = s3cret\naws_session_token = t0ken\n",
    );
    assert_eq!(key(&workspace.resolved(flags(typed)).await), expected);
}

#[tokio::test]
async fn a_token_belongs_to_its_pair() {
    let workspace = Workspace::new().variables(IN_VARIABLES).aws_credentials("[default]\naws_session_token = t0ken\n");
    let credentials = workspace.resolved(Typed::default()).await.credentials.expect("given in the environment");
    assert_eq!(credentials.session_token, None);
    let workspace = workspace.variables("AWS_SESSION_TOKEN=own");
    let credentials = workspace.resolved(Typed::default()).await.credentials.expect("given in the environment");
    assert_eq!(credentials.session_token.as_ref().map(|token| token.as_str()), Some("own"));
}

#[rstest]
#[case::relative("lab/config", "lab/credentials")]
#[case::at_home("~/config", "~/credentials")]
#[tokio::test]
async fn variables_move_the_aws_files(#[case] config: &str, #[case] credentials: &str) {
    let workspace = Workspace::new().aws_config("[default]\nregion = not-here\n");
    std::fs::create_dir(workspace.path("work/lab")).expect("the directory is new");
    let keys = "[default]\naws_access_key_id = MOVED\naws_secret_access_key = s3cret\n";
    let place = |path: &str| path.replace("~/", "home/").replace("lab/", "work/lab/");
    let workspace = workspace
        .file(&place(config), "[default]\nregion = moved\n")
        .file(&place(credentials), keys)
        .variables(&format!("AWS_CONFIG_FILE={config} AWS_SHARED_CREDENTIALS_FILE={credentials}"));
    let resolved = workspace.resolved(Typed::default()).await;
    assert_eq!((resolved.region.as_str(), key(&resolved)), ("moved", Some("MOVED")));
}

#[tokio::test]
async fn missing_aws_files_are_empty() {
    let workspace = Workspace::new().variables("AWS_CONFIG_FILE=absent AWS_SHARED_CREDENTIALS_FILE=absent");
    assert_eq!(key(&workspace.resolved(Typed::default()).await), None);
}
