//! What sequences are about: a few objects, customer keys and contents, by the names that scenarios give them.

use serde_json::{Value, json};

/// An object of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// The first.
    A,
    /// The second.
    B,
}

impl Object {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// Its name in the scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// A customer key of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The first that objects are stored under.
    K1,
    /// The second.
    K2,
    /// The third.
    K3,
    /// One that no object is ever stored under.
    Nobody,
}

impl Key {
    /// Those that objects are stored under.
    pub const OWN: [Self; 3] = [Self::K1, Self::K2, Self::K3];

    /// Its name in the scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::K1 => "K1",
            Self::K2 => "K2",
            Self::K3 => "K3",
            Self::Nobody => "NOBODY",
        }
    }
}

/// The key of the objects that guards make.
pub const GUARD: &str = "GUARD";
/// A key that is too short.
pub const SHORT: &str = "SHORT";
/// A key that is too long.
pub const LONG: &str = "LONG";

/// A content that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// A few words.
    Small,
    /// A few other words, of another length.
    Other,
    /// No bytes.
    Empty,
    /// More than 64 KiB, the packages in which servers encrypt, and no multiple of a cipher block.
    Packages,
    /// As much as a part must have at least, and some bytes more.
    Part,
}

/// The few words of [`Body::Small`].
const SMALL: &str = "No key, no data: neither the whole nor a part.";
/// The other words of [`Body::Other`].
const OTHER: &str = "Other words, and more of them, so that nobody can take one for the other.";
/// Tags, as PutObjectTagging takes them.
const TAGS: &str = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>made-by</Key><Value>ssecheck</Value></Tag></TagSet></Tagging>";
/// The size of [`Body::Packages`].
const PACKAGES: u64 = 140_001;
/// The size of [`Body::Part`].
const PART: u64 = 5 * 1024 * 1024 + 17;

impl Body {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Small, Self::Other, Self::Empty, Self::Packages, Self::Part];

    /// Its name in the scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Other => "other",
            Self::Empty => "empty",
            Self::Packages => "packages",
            Self::Part => "part",
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(self) -> u64 {
        match self {
            Self::Small => SMALL.len() as u64,
            Self::Other => OTHER.len() as u64,
            Self::Empty => 0,
            Self::Packages => PACKAGES,
            Self::Part => PART,
        }
    }

    fn declaration(self) -> Value {
        match self {
            Self::Small => json!({"text": SMALL}),
            Self::Other => json!({"text": OTHER}),
            Self::Empty => json!({"text": ""}),
            Self::Packages => json!({"size": PACKAGES, "seed": 1}),
            Self::Part => json!({"size": PART, "seed": 2}),
        }
    }
}

/// The content of an object: bodies in order, or a slice of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bodies.
    pub bodies: Vec<Body>,
    /// The first byte of the slice.
    pub offset: u64,
    /// The length of the slice.
    pub length: u64,
}

impl Content {
    /// Bodies as a whole.
    #[must_use]
    pub fn whole(bodies: Vec<Body>) -> Self {
        let length = bodies.iter().map(|body| body.length()).sum();
        Self { bodies, offset: 0, length }
    }

    /// A slice of it.
    #[must_use]
    pub fn slice(&self, offset: u64, length: u64) -> Self {
        Self { bodies: self.bodies.clone(), offset: self.offset + offset, length }
    }

    /// Whether it is bodies as a whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::whole(self.bodies.clone())
    }

    /// What an answer's body must be to be it.
    #[must_use]
    pub fn expected(&self) -> Value {
        if self.length == 0 {
            return json!({"empty": true});
        }
        let name = joined(&self.bodies);
        if self.is_whole() {
            return json!({"equals": name});
        }
        json!({"equals": name, "offset": self.offset, "length": self.length})
    }
}

/// The name of bodies in order.
fn joined(bodies: &[Body]) -> String {
    bodies.iter().map(|body| body.name()).collect::<Vec<_>>().join("-")
}

/// What a suite must declare: the customer keys and bodies that some of its text names.
#[derive(Debug, Default)]
pub struct Declared {
    /// Its `keys`.
    pub keys: serde_json::Map<String, Value>,
    /// Its `bodies`.
    pub bodies: serde_json::Map<String, Value>,
}

impl Declared {
    /// What these steps name.
    #[must_use]
    pub fn of(steps: &[Value]) -> Self {
        let mut declared = Self::default();
        for step in steps {
            declared.named_in(step);
        }
        declared.keys.sort_keys();
        declared.bodies.sort_keys();
        declared
    }

    fn named_in(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.named(text),
            Value::Array(elements) => elements.iter().for_each(|element| self.named_in(element)),
            Value::Object(members) => members.values().for_each(|member| self.named_in(member)),
            _ => {}
        }
    }

    fn named(&mut self, text: &str) {
        let key = match text {
            SHORT => Some(json!({"length": 16})),
            LONG => Some(json!({"length": 48})),
            GUARD | "K1" | "K2" | "K3" | "NOBODY" => Some(json!({})),
            _ => None,
        };
        if let Some(key) = key {
            self.keys.insert(text.to_owned(), key);
            return;
        }
        if text == "tags" {
            self.bodies.insert(text.to_owned(), json!({"text": TAGS}));
            return;
        }
        let body = |name: &str| Body::ALL.into_iter().find(|body| body.name() == name);
        let bodies: Option<Vec<Body>> = text.split('-').map(body).collect();
        let Some(bodies) = bodies else { return };
        for body in &bodies {
            self.bodies.insert(body.name().to_owned(), body.declaration());
        }
        if bodies.len() > 1 {
            let names: Vec<&str> = bodies.iter().map(|body| body.name()).collect();
            self.bodies.insert(text.to_owned(), json!({"join": names}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_declared_and_nothing_else() {
        let steps = [json!({"request": {"body": "small", "sse_c": {"key": "K2"}}}), json!({"equals": "part-other"})];
        let declared = Declared::of(&steps);
        assert_eq!(declared.keys.keys().collect::<Vec<_>>(), ["K2"]);
        assert_eq!(declared.bodies.keys().collect::<Vec<_>>(), ["other", "part", "part-other", "small"]);
    }

    #[test]
    fn a_slice_of_a_slice_is_one_of_the_whole() {
        let content = Content::whole(vec![Body::Part, Body::Small]).slice(10, 100).slice(5, 7);
        assert_eq!(content.expected(), json!({"equals": "part-small", "offset": 15, "length": 7}));
    }
}
