//! `ssecheck serve`

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{complain, exit_code};
use crate::faults::{Fault, Faults};
use crate::reference::{self, Endpoint, Options};
use crate::report::shell_word;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Port of the TLS listener; 0 for any free one
    #[arg(long, default_value_t = 9443)]
    port: u16,
    /// Port of the plain-HTTP listener; 0 for any free one
    #[arg(long, default_value_t = 9080)]
    plain_port: u16,
    /// File to write the certificate authority to, PEM; a temporary one when absent
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Fault to have on purpose: ID, or ID[PREDICATE,…] to limit it to matching requests (`ssecheck prove --list` shows all); may be
    /// repeated, the first is outermost
    #[arg(long, value_name = "ID", value_parser = Fault::read)]
    fault: Vec<&'static Fault>,
    /// Block SSE-C on new buckets, as AWS does since April 2026
    #[arg(long)]
    block_ssec: bool,
    /// Mebibytes of object data to hold at most
    #[arg(long, value_name = "MIB", default_value_t = reference::DEFAULT_MEMORY / MIB)]
    memory: u64,
}

const AFTER: &str = "\
It prints its addresses, the file of its certificate authority and its credentials as settings that a shell can read. AWS's tools and
SDKs read the same settings: with them they talk to this endpoint, and not to AWS. The last line is the secret access key.

Examples:
  ssecheck serve --ca-file ca.pem > server.env &
  until grep -q AWS_SECRET_ACCESS_KEY server.env; do sleep 0.1; done
  set -a; . ./server.env; set +a
  ssecheck run
  aws s3 ls
  ssecheck serve --port 0 --plain-port 0 --fault etag-md5    # a server with a defect
  ssecheck serve --fault 'no-key-reads[framed,size>=1MiB]'   # one that shows it in few places

Exit codes: 0 after an interrupt, 2 where the command line is wrong or it cannot listen.";

const MIB: u64 = 1024 * 1024;

pub(super) async fn serve(arguments: Arguments) -> u8 {
    let stop = super::interruption::Interruption::listen_and_say("stopping; what is stored is forgotten").token;
    let options = Faults::of(&arguments.fault).around(Options {
        address: arguments.address,
        tls_port: arguments.port,
        plain_port: arguments.plain_port,
        memory: arguments.memory.saturating_mul(MIB),
        block_ssec: arguments.block_ssec,
        ..Options::default()
    });
    let endpoint = match reference::start(options).await {
        Ok(endpoint) => endpoint,
        Err(error) => return complain(&error, exit_code::USAGE),
    };
    match announce(&endpoint, &arguments.fault, arguments.ca_file).await {
        Ok(_kept) => {
            stop.cancelled().await;
            endpoint.stop().await;
            exit_code::PASSED
        }
        Err(error) => {
            complain(&format!("cannot write the CA file: {error}; choose another with --ca-file"), exit_code::USAGE)
        }
    }
}

/// Writes the CA file and says where everything is, in words that a shell can read. The temporary file lives as long
/// as what is returned.
async fn announce(
    endpoint: &Endpoint,
    faults: &[&Fault],
    ca_file: Option<PathBuf>,
) -> std::io::Result<Option<tempfile::TempPath>> {
    let (path, kept) = match ca_file {
        Some(path) => (path, None),
        None => {
            let path = tempfile::Builder::new().prefix("ssecheck-ca-").suffix(".pem").tempfile()?.into_temp_path();
            (path.to_path_buf(), Some(path))
        }
    };
    tokio::fs::write(&path, &endpoint.ca_pem).await?;
    let credentials = &endpoint.credentials;
    let mut out = std::io::stdout();
    let lines = [
        "# The ssecheck reference endpoint: for tests, keeps everything in memory, forgets it when stopped (Ctrl-C)."
            .to_owned(),
        format!("SSECHECK_ENDPOINT={}", endpoint.tls_url),
        format!("SSECHECK_PLAIN_ENDPOINT={}", endpoint.plain_url),
        format!("AWS_ENDPOINT_URL={}", endpoint.tls_url),
        format!("AWS_ENDPOINT_URL_S3={}", endpoint.tls_url),
        format!("AWS_CA_BUNDLE={}", shell_word(&std::path::absolute(&path)?.display().to_string())),
        format!("AWS_REGION={}", endpoint.region),
        format!("AWS_ACCESS_KEY_ID={}", credentials.access_key_id),
        format!("AWS_SECRET_ACCESS_KEY={}", credentials.secret_access_key.as_str()),
    ];
    for fault in faults {
        writeln!(out, "# With the fault {}: {}.", fault.id, fault.summary)?;
    }
    writeln!(out, "{}", lines.join("\n"))?;
    out.flush()?;
    Ok(kept)
}
