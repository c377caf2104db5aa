//! Which faults would have shown: the occasions that requests give to faults that are not switched on.
//!
//! Where the endpoint asks whether it departs from a rule, it is noted which faults would have answered. A request that gives a fault
//! no occasion is answered alike with the fault and without.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Departure, Faults};

/// The faults that would have shown since this was last asked for.
#[derive(Debug, Clone, Default)]
pub struct Occasions {
    watched: Arc<Vec<(&'static str, Departure)>>,
    shown: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Occasions {
    /// Of these faults, by id.
    #[must_use]
    pub(crate) fn of(watched: Vec<(&'static str, Departure)>) -> Self {
        Self { watched: Arc::new(watched), shown: Arc::default() }
    }

    /// Ids of the faults that would have shown since this was last asked.
    #[must_use]
    pub fn take(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, shows: impl Fn(Departure) -> bool) {
        let shown = self.watched.iter().filter(|(_, departure)| shows(*departure)).map(|(id, _)| *id);
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).extend(shown);
    }
}

impl Faults {
    /// None, but it is noted which would have shown.
    #[must_use]
    pub fn noting(occasions: &Occasions) -> Self {
        Self { occasions: Some(occasions.clone()), ..Self::default() }
    }

    /// Whether it is noted which faults would have shown.
    pub(super) fn notes_occasions(&self) -> bool {
        self.occasions.is_some()
    }

    /// The departures that show where the endpoint is now.
    pub(super) fn showing(&self, shows: impl Fn(Departure) -> bool) -> impl Iterator<Item = Departure> {
        self.note(&shows);
        self.departures().filter(move |departure| shows(*departure))
    }

    /// Notes the faults that show where the endpoint is now. Whatever departs from honest answers must go by here first.
    pub(super) fn note(&self, shows: impl Fn(Departure) -> bool) {
        if let Some(occasions) = &self.occasions {
            occasions.note(shows);
        }
    }

    /// What the first fault answers that has an answer.
    pub(super) fn first<T>(&self, answer: impl Fn(Departure) -> Option<T>) -> Option<T> {
        self.note(|departure| answer(departure).is_some());
        self.departures().find_map(answer)
    }

    /// Whether any fault shows.
    pub(super) fn any_is(&self, shows: impl Fn(Departure) -> bool) -> bool {
        self.first(|departure| shows(departure).then_some(())).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, WriteFlaw};
    use super::*;
    use crate::reference::sse_c::TARGET;

    fn noting() -> (Faults, Occasions) {
        let occasions = Occasions::default();
        (Faults::noting(&occasions), occasions)
    }

    #[test]
    fn who_is_asked_for_is_noted_and_not_there() {
        let (faults, occasions) = noting();
        assert!(!faults.has(WriteFlaw::RefusedStores) && !faults.has(HttpFlaw::NoRequestId));
        assert_eq!(occasions.take().len(), 2);
        assert!(occasions.take().is_empty());
        let _ = Faults::default().has(WriteFlaw::RefusedStores);
        assert!(occasions.take().is_empty());
    }

    #[test]
    fn headers_give_an_occasion_to_faults_that_read_them_otherwise() {
        let (faults, occasions) = noting();
        let mut headers = http::HeaderMap::new();
        let mut set = |name: &str, value: &str| {
            let name = http::HeaderName::try_from(format!("{TARGET}{name}")).expect("a name");
            headers.insert(name, value.parse().expect("a value"));
            let read = faults.headers(Action::Put, Transport::Tls, &headers).expect("nothing is refused").into_owned();
            assert_eq!(read, headers);
            occasions.take()
        };
        set("algorithm", "AES256");
        set("key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        let right = set("key-md5", "hRasmdxgYDKV3nvbahU1MA==");
        let wrong = set("key-md5", "aaaaaaaaaaaaaaaaaaaaaa==");
        let of_md5 = "md5-not-compared";
        assert!(!right.contains(of_md5) && wrong.contains(of_md5), "{right:?} {wrong:?}");
        assert!(right.contains("everything-refused-403"), "{right:?}");
    }
}
