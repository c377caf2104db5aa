//! XML documents as trees, to be changed, and bodies read to their end.

use quick_xml::Reader;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};

/// An element: its text, or the elements in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document; none where it is no XML.
    pub fn parse(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::begun(&start)?),
                Event::Empty(start) => open.last_mut()?.children.push(Self::begun(&start)?),
                Event::Text(text) => open.last_mut()?.text.push_str(&text.decode().ok()?),
                Event::GeneralRef(reference) => {
                    let name = reference.decode().ok()?;
                    let text = match reference.resolve_char_ref().ok()? {
                        Some(c) => c.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&name)?.to_owned(),
                    };
                    open.last_mut()?.text.push_str(&text);
                }
                Event::End(_) => {
                    let done = open.pop()?;
                    open.last_mut()?.children.push(done);
                }
                Event::Eof => return open.pop()?.children.pop(),
                _ => {}
            }
        }
    }

    fn begun(start: &BytesStart<'_>) -> Option<Self> {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.ok()?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            Some((key, String::from_utf8_lossy(&attribute.value).into_owned()))
        });
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        Some(Self { name, attributes: attributes.collect::<Option<_>>()?, ..Self::default() })
    }

    /// Writes it as a document.
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let _ = self.write_into(&mut writer);
        writer.into_inner()
    }

    fn write_into(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let element = writer.create_element(&self.name).with_attributes(attributes);
        if self.children.is_empty() {
            element.write_text_content(BytesText::new(&self.text))?;
        } else {
            element
                .write_inner_content(|writer| self.children.iter().try_for_each(|child| child.write_into(writer)))?;
        }
        Ok(())
    }

    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name.
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|child| child.text.clone())
    }

    /// Sets the text of the children of a name.
    pub fn set(&mut self, name: &str, text: &str) {
        for child in self.children.iter_mut().filter(|child| child.name == name) {
            text.clone_into(&mut child.text);
        }
    }

    /// Removes the children of a name.
    pub fn remove(&mut self, name: &str) {
        self.children.retain(|child| child.name != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><A xmlns=\"u\"><B>x &amp; y&#10;&lt;</B><C></C><D><E>&quot;1&quot;</E></D></A>";
        let mut root = Element::parse(text.as_bytes()).unwrap();
        assert_eq!(root.text_of("B").unwrap(), "x & y\n<");
        assert_eq!(Element::parse(&root.write()).unwrap(), root);
        root.set("B", "z");
        root.remove("D");
        let written = String::from_utf8(root.write()).unwrap();
        assert!(written.ends_with("<A xmlns=\"u\"><B>z</B><C></C></A>"), "{written}");
    }

    #[test]
    fn what_is_no_document_is_none() {
        assert_eq!(Element::parse(b"no document"), None);
        assert_eq!(Element::parse(b"<A>"), None);
    }
}
