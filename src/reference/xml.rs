//! XML documents that s3s does not write.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};
use serde::Serialize;

use super::error::Refusal;

/// Writes a value as a document with this root.
///
/// # Errors
/// 500, where it cannot be written as XML.
pub(super) fn document(root: &str, value: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    let mut writer = Writer::new(Vec::new());
    let declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    declared.map_err(|_| Refusal::internal())?;
    writer.write_serializable(root, value).map_err(|_| Refusal::internal())?;
    Ok(writer.into_inner())
}
