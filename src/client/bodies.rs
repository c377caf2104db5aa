//! The documents that requests bring.

use bytes::Bytes;
use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde_json::Value;

use super::build::{BuildError, Earlier, Place, missing};
use super::content::Content;
use crate::suite::model::{Operation, Request};

const NAMESPACE: (&str, &str) = ("xmlns", "http://s3.amazonaws.com/doc/2006-03-01/");

/// The body of a step's request.
///
/// # Errors
/// [`BuildError`] where an earlier answer lacks what it needs.
pub(super) fn body(
    operation: Operation,
    request: &Request,
    place: &Place,
    earlier: &Earlier<'_>,
) -> Result<Content, BuildError> {
    Ok(match operation {
        Operation::CompleteMultipartUpload => Content::Document(complete(request, earlier)?),
        Operation::DeleteObjects => Content::Document(delete(request, place)?),
        Operation::PutBucketPolicy => Content::Document(policy(request, place)),
        _ => match request.body.as_ref().and_then(|name| earlier.bodies.get(name)) {
            Some(body) => Content::Body(body.clone()),
            None => Content::none(),
        },
    })
}

fn unwritable(what: &str) -> BuildError {
    BuildError::Unsendable(what.to_owned())
}

fn complete(request: &Request, earlier: &Earlier<'_>) -> Result<Bytes, BuildError> {
    let mut parts = Vec::new();
    for step in request.parts.iter().flatten() {
        let etag = earlier.answer(step)?.etag().ok_or_else(|| missing(step, "ETag"))?;
        let number = earlier.steps.iter().find(|s| s.id == *step).and_then(|s| s.request.part_number).unwrap_or(1);
        parts.push((number, format!("\"{etag}\"")));
    }
    let mut writer = Writer::new(Vec::new());
    writer
        .create_element("CompleteMultipartUpload")
        .with_attribute(NAMESPACE)
        .write_inner_content(|writer| {
            for (number, etag) in &parts {
                writer.create_element("Part").write_inner_content(|writer| {
                    writer.create_element("PartNumber").write_text_content(BytesText::new(&number.to_string()))?;
                    writer.create_element("ETag").write_text_content(BytesText::new(etag))?;
                    Ok(())
                })?;
            }
            Ok(())
        })
        .map_err(|_| unwritable("the list of parts"))?;
    Ok(writer.into_inner().into())
}

fn delete(request: &Request, place: &Place) -> Result<Bytes, BuildError> {
    let mut writer = Writer::new(Vec::new());
    writer
        .create_element("Delete")
        .with_attribute(NAMESPACE)
        .write_inner_content(|writer| {
            for object in request.delete.iter().flatten() {
                writer.create_element("Object").write_inner_content(|writer| {
                    writer.create_element("Key").write_text_content(BytesText::new(&place.key(object)))?;
                    Ok(())
                })?;
            }
            Ok(())
        })
        .map_err(|_| unwritable("the list of objects"))?;
    Ok(writer.into_inner().into())
}

fn policy(request: &Request, place: &Place) -> Bytes {
    let mut policy = request.policy.clone().unwrap_or_default();
    name_place(&mut policy, place);
    policy.to_string().into()
}

/// Fills in the bucket and the prefix of the case's objects.
fn name_place(value: &mut Value, place: &Place) {
    match value {
        Value::String(text) => *text = text.replace("{bucket}", &place.bucket).replace("{prefix}", &place.prefix),
        Value::Array(elements) => elements.iter_mut().for_each(|element| name_place(element, place)),
        Value::Object(members) => members.values_mut().for_each(|member| name_place(member, place)),
        _ => {}
    }
}
