//! XML that an endpoint sends, read within limits.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 32;
/// The most elements that are read.
const MAX_ELEMENTS: usize = 20_000;

/// An element with its text and children; attributes and name-space prefixes are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Its own text, entities resolved.
    pub text: String,
    /// Its child elements in order.
    pub children: Vec<Element>,
}

/// An answer's body is no XML that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The body is empty, too long, or no UTF-8 text.
    #[error("the body is empty, too long, or not UTF-8 text")]
    NotText,
    /// Not well formed.
    #[error("not well-formed XML: {0}")]
    Malformed(String),
    /// Nested too deep, or too many elements.
    #[error("XML nested deeper than {MAX_DEPTH} levels or of more than {MAX_ELEMENTS} elements")]
    TooLarge,
}

impl Element {
    /// Reads a document. Only the five predefined entities and character references are resolved.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let malformed = |e: &dyn std::fmt::Display| XmlError::Malformed(e.to_string());
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|e| malformed(&e))?;
            match event {
                Event::Start(tag) => {
                    elements += 1;
                    if open.len() > MAX_DEPTH || elements > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    open.push(Self { name: local_name(tag.local_name().as_ref()), ..Self::default() });
                }
                Event::Empty(tag) => {
                    elements += 1;
                    if elements > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    let child = Self { name: local_name(tag.local_name().as_ref()), ..Self::default() };
                    innermost(&mut open)?.children.push(child);
                }
                Event::End(_) => {
                    let done = open.pop().ok_or(XmlError::TooLarge)?;
                    innermost(&mut open)?.children.push(done);
                }
                Event::Text(content) => {
                    innermost(&mut open)?.text.push_str(&content.xml10_content().map_err(|e| malformed(&e))?);
                }
                Event::CData(content) => {
                    innermost(&mut open)?.text.push_str(&content.xml10_content().map_err(|e| malformed(&e))?);
                }
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().map_err(|e| malformed(&e))? {
                        Some(character) => character.to_string(),
                        None => {
                            let name = reference.xml10_content().map_err(|e| malformed(&e))?;
                            quick_xml::escape::resolve_predefined_entity(&name)
                                .ok_or_else(|| XmlError::Malformed(format!("unknown entity `{name}`")))?
                                .to_owned()
                        }
                    };
                    innermost(&mut open)?.text.push_str(&resolved);
                }
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
            }
        }
        let mut document =
            open.pop().filter(|_| open.is_empty()).ok_or_else(|| malformed(&"an element is not closed"))?;
        if document.children.len() != 1 {
            return Err(malformed(&"a document has one root element"));
        }
        Ok(document.children.remove(0))
    }

    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    #[must_use]
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

fn innermost(open: &mut [Element]) -> Result<&mut Element, XmlError> {
    open.last_mut().ok_or_else(|| XmlError::Malformed("an end tag without its start".to_owned()))
}

fn local_name(name: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(name.as_ref()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn reads_names_text_and_entities() {
        let root = Element::parse("<?xml version=\"1.0\"?><Error xmlns='u'><Code>A&amp;B&#33;</Code><Empty/></Error>")
            .unwrap();
        assert_eq!(root.name, "Error");
        assert_eq!(root.child_text("Code"), Some("A&B!"));
        assert_eq!(root.child_text("Empty"), Some(""));
    }

    #[rstest]
    #[case("")]
    #[case("<a>")]
    #[case("<a></b>")]
    #[case("</a>")]
    #[case("<a/><b/>")]
    #[case("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>")]
    fn refuses_what_is_no_plain_xml(#[case] text: &str) {
        assert!(Element::parse(text).is_err());
    }

    #[test]
    fn refuses_what_is_nested_too_deep() {
        assert_eq!(Element::parse(&"<a>".repeat(10_000)), Err(XmlError::TooLarge));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            let _ = Element::parse(&text);
        }
    }
}
