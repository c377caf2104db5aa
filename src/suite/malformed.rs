//! What cannot be known of a file because of mistakes that are reported: whatever else would be said of it is their consequence.

use std::collections::HashSet;

use serde_json::Value;

use super::limits::MAX_NAME;

/// The most places that are kept of a piece of a file. Of a piece with more of them nothing else is said.
const MAX_PLACES: usize = 20;

/// Where a piece of a file is malformed, and what stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Pointers of what is missing, does not conform, or could not be filled in; the empty one, that of everything, where there are
    /// more than [`MAX_PLACES`].
    places: Vec<String>,
    /// Texts and names of members in what was taken out. They may name what the file declares, or declare what it names.
    pub texts: HashSet<String>,
}

impl Malformed {
    pub fn of(places: impl IntoIterator<Item = String>) -> Self {
        let mut malformed = Self::default();
        places.into_iter().for_each(|place| malformed.add(&place));
        malformed
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn add(&mut self, place: &str) {
        if self.places.iter().any(|known| known == place || known.is_empty()) {
            return;
        }
        if self.places.len() == MAX_PLACES {
            self.places.clear();
            self.places.push(String::new());
        } else {
            self.places.push(place.to_owned());
        }
    }

    /// Adds the places of another piece; its texts are taken.
    pub fn join(&mut self, other: &mut Self) {
        other.places.iter().for_each(|place| self.add(place));
        self.texts.extend(other.texts.drain());
    }

    /// The places at or below this one.
    pub fn below(&self, pointer: &str) -> impl Iterator<Item = &String> {
        self.places.iter().filter(move |place| is_at_or_below(place, pointer))
    }

    /// Remembers the texts of a value that is taken out.
    pub fn take_out(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() <= MAX_NAME => {
                self.texts.insert(text.clone());
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.take_out(element)),
            Value::Object(members) => {
                for (name, member) in members {
                    self.texts.extend((name.len() <= MAX_NAME).then(|| name.clone()));
                    self.take_out(member);
                }
            }
            _ => {}
        }
    }

    /// Whether the value here stands for another, or for one that is missing.
    pub fn is_unknown(&self, pointer: &str) -> bool {
        self.places.iter().any(|place| is_at_or_below(pointer, place))
    }

    /// Whether something in the value here, or the value itself, is not as the file would have it.
    pub fn is_unsure(&self, pointer: &str) -> bool {
        self.places.iter().any(|place| is_at_or_below(place, pointer) || is_at_or_below(pointer, place))
    }

    /// Whether a member of the value here, or the value itself, is not as the file would have it.
    pub fn is_member_unknown(&self, pointer: &str) -> bool {
        let is_member = |place: &String| place.rsplit_once('/').is_some_and(|(parent, _)| parent == pointer);
        self.is_unknown(pointer) || self.places.iter().any(is_member)
    }
}

/// Whether the first pointer names the value that the second names, or one in it.
fn is_at_or_below(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::itself("/a/b", true, true, true)]
    #[case::in_it("/a/b/c/d", true, true, true)]
    #[case::around_it("/a", false, true, true)]
    #[case::farther_around_it("", false, false, true)]
    #[case::beside_it("/a/c", false, false, false)]
    #[case::longer_name("/a/bc", false, false, false)]
    fn places_tell_what_is_known(
        #[case] pointer: &str,
        #[case] unknown: bool,
        #[case] member_unknown: bool,
        #[case] unsure: bool,
    ) {
        let malformed = Malformed::of(["/a/b".to_owned()]);
        assert_eq!(malformed.is_unknown(pointer), unknown);
        assert_eq!(malformed.is_member_unknown(pointer), member_unknown);
        assert_eq!(malformed.is_unsure(pointer), unsure);
    }

    #[test]
    fn where_much_is_malformed_nothing_is_known() {
        let malformed = Malformed::of((0..=MAX_PLACES).map(|place| format!("/{place}")));
        assert_eq!(malformed.places, [""]);
        assert!(malformed.is_unknown("/elsewhere/too"));
    }

    #[test]
    fn texts_of_what_is_taken_out_are_kept() {
        let mut malformed = Malformed::default();
        malformed.take_out(&serde_json::json!({"K": ["b", {"c": 1}], "x": "y".repeat(MAX_NAME + 1)}));
        let mut texts: Vec<&str> = malformed.texts.iter().map(String::as_str).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["K", "b", "c", "x"]);
    }
}
