//! What is left out of a page, so that it stays small whatever the record holds.

/// How large the cases of a page may become, in bytes, before what was sent and what came back is left out of further ones.
const MOST_EVIDENCE: usize = 3 * 1024 * 1024;
/// How large they may become before further ones are left out altogether.
const MOST_CASES: usize = 5 * 1024 * 1024;

/// The most characters of an id.
const MOST_ID: usize = 200;
/// The most characters of a title.
pub(super) const MOST_TITLE: usize = 300;
/// The most characters of a text of some sentences.
pub(super) const MOST_TEXT: usize = 2000;

/// The id, or its beginning where it is absurdly long: the same for all that name it.
pub(super) fn short_id(id: &str) -> String {
    id.chars().take(MOST_ID).collect()
}

/// Keeps account of what is left out.
#[derive(Debug, Default)]
pub(super) struct Cut {
    texts: usize,
    items: usize,
    evidence: usize,
    cases: usize,
    used: usize,
}

impl Cut {
    /// The text, or its beginning where it is longer than so many characters.
    pub fn text(&mut self, text: &str, most: usize) -> String {
        let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
        self.texts += 1;
        format!("{} … ({} characters more)", &text[..end], text[end..].chars().count())
    }

    /// The items, or the first so many of them.
    pub fn items<'i, T>(&mut self, items: &'i [T], most: usize) -> &'i [T] {
        self.items += items.len().saturating_sub(most);
        &items[..items.len().min(most)]
    }

    /// The items, or the last so many of them.
    pub fn last_items<'i, T>(&mut self, items: &'i [T], most: usize) -> &'i [T] {
        self.items += items.len().saturating_sub(most);
        &items[items.len().saturating_sub(most)..]
    }

    /// Whether a case of so many bytes has room with all that shows it.
    pub fn has_room_for_evidence(&mut self, bytes: usize) -> bool {
        let has_room = self.used + bytes <= MOST_EVIDENCE;
        self.evidence += usize::from(!has_room);
        has_room
    }

    /// Takes the room for a case of so many bytes; whether there was any.
    pub fn take_room(&mut self, bytes: usize) -> bool {
        let has_room = self.used + bytes <= MOST_CASES;
        if has_room {
            self.used += bytes;
        } else {
            self.cases += 1;
        }
        has_room
    }

    /// What was left out, a sentence each.
    pub fn told(&self) -> Vec<String> {
        let told = [
            (self.cases, "cases are left out of the list"),
            (self.evidence, "cases are shown without what was sent and what came back"),
            (self.items, "lines, findings or exchanges are left out"),
            (self.texts, "texts are cut"),
        ];
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}.")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told() {
        let mut cut = Cut::default();
        assert_eq!(cut.text("äöü", 3), "äöü");
        assert!(cut.told().is_empty());
        assert_eq!(cut.text("äöü", 2), "äö … (1 characters more)");
        assert_eq!(cut.items(&[1, 2, 3], 2), [1, 2]);
        assert_eq!(cut.last_items(&[1, 2, 3], 2), [2, 3]);
        assert_eq!(cut.told(), ["2 lines, findings or exchanges are left out.", "1 texts are cut."]);
    }

    #[test]
    fn evidence_goes_before_cases_go() {
        let mut cut = Cut::default();
        assert!(cut.has_room_for_evidence(MOST_EVIDENCE) && cut.take_room(MOST_EVIDENCE));
        assert!(!cut.has_room_for_evidence(1) && cut.take_room(MOST_CASES - MOST_EVIDENCE));
        assert!(!cut.take_room(1));
        assert_eq!(cut.told().len(), 2);
    }
}
