//! Text in XML documents: JUnit reports and SVG images. Their writers escape markup; what is no character of XML they leave.

use quick_xml::escape::escape;

use super::{one_line, printable};

/// Returns text for an attribute, before its markup is escaped. Readers take a line break there for a blank.
pub fn attribute(text: &str) -> String {
    one_line(text)
}

/// Returns text for a CDATA section, which it does not end.
pub fn cdata(text: &str) -> String {
    printable(text).replace("]]>", "]] >")
}

/// Returns text for an element or an attribute, with its markup escaped.
pub fn escaped(text: &str) -> String {
    escape(one_line(text)).into_owned()
}
