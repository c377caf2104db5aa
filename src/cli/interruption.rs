//! SIGINT and SIGTERM: the first asks to stop, the second ends the process.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::{exit_code, say};

/// Listens for SIGINT and SIGTERM, from when it is made.
#[derive(Debug, Clone)]
pub(super) struct Interruption {
    /// Cancelled by the first signal.
    pub token: CancellationToken,
    /// What is said at the second about what is left behind.
    advice: Arc<OnceLock<String>>,
}

impl Interruption {
    /// Listens from now on, for a command that removes what it made.
    pub fn listen() -> Self {
        Self::listen_and_say("stopping; what was made is being removed")
    }

    /// Listens from now on, and says at the first signal what is done then.
    pub fn listen_and_say(stopping: &'static str) -> Self {
        let interruption = Self { token: CancellationToken::new(), advice: Arc::default() };
        let (Self { token, advice }, mut signals) = (interruption.clone(), Signals::listen());
        tokio::spawn(async move {
            if !signals.next().await {
                return;
            }
            token.cancel();
            say(&format!("ssecheck: {stopping} (a second signal ends ssecheck at once)"));
            if signals.next().await {
                let advice = advice.get().map_or("what was made is left behind", String::as_str);
                say(&crate::report::in_a_log(&format!("ssecheck: ended at once; {advice}")));
                std::process::exit(exit_code::INTERRUPTED.into());
            }
        });
        interruption
    }

    /// Says this at the second signal about what is left behind.
    pub fn advise(&self, advice: String) {
        let _ = self.advice.set(advice);
    }
}

#[cfg(unix)]
struct Signals(Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?))).ok())
    }

    /// Waits for one; false where none can come.
    async fn next(&mut self) -> bool {
        let Some((interrupt, terminate)) = &mut self.0 else { return false };
        tokio::select! {
            came = interrupt.recv() => came.is_some(),
            came = terminate.recv() => came.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    /// Waits for one; false where none can come.
    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
