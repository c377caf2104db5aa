//! Names of many things: as many as anybody reads, and the number of the others.

/// The most that are named.
const MAX_NAMED: usize = 1000;

/// Names so far.
#[derive(Debug, Default)]
pub(super) struct Named {
    shown: Vec<String>,
    more: usize,
}

impl Named {
    /// The names, and at the end how many there are besides.
    pub fn into_words(self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.shown.into_iter().chain(more).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub fn push(&mut self, name: String) {
        if self.shown.len() < MAX_NAMED {
            self.shown.push(name);
        } else {
            self.more += 1;
        }
    }

    /// Takes over the others' names.
    pub fn append(&mut self, other: Self) {
        self.extend(other.shown);
        self.more += other.more;
    }
}

impl Extend<String> for Named {
    fn extend<I: IntoIterator<Item = String>>(&mut self, names: I) {
        names.into_iter().for_each(|name| self.push(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(count: usize) -> Named {
        let mut named = Named::default();
        named.extend((0..count).map(|number| number.to_string()));
        named
    }

    #[rstest::rstest]
    #[case::few(3, 2, 5, None)]
    #[case::as_many_as_are_named(600, 400, 1000, None)]
    #[case::more(600, 600, 1001, Some("and 200 more"))]
    #[case::many_more(1500, 1200, 1001, Some("and 1700 more"))]
    fn no_more_are_named_than_anybody_reads(
        #[case] first: usize,
        #[case] then: usize,
        #[case] lines: usize,
        #[case] last: Option<&str>,
    ) {
        let mut all = named(first);
        all.append(named(then));
        assert!(!all.is_empty());
        let words = all.into_words();
        assert_eq!((words.len(), words[0].as_str()), (lines, "0"));
        assert_eq!(words.last().filter(|word| word.starts_with("and")).map(String::as_str), last);
    }
}
