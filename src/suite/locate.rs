//! Where the nodes of a JSON text are, and messages that show the place.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::limits::MAX_NAME;

/// One thing wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Bytes of the text that it is about.
    pub span: (usize, usize),
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field's path (RFC 6901 JSON Pointer).
    pub pointer: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do about it, where that is known.
    pub help: Option<String>,
}

/// All that is wrong with one file.
#[derive(Debug, Clone)]
pub struct FileDiagnostics {
    /// The file's name as the user knows it.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// What is wrong, in the order of the text; no more than is shown.
    pub diagnostics: Vec<Diagnostic>,
    /// How many mistakes there are besides, at least.
    pub more: usize,
}

impl std::error::Error for FileDiagnostics {}

impl fmt::Display for FileDiagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.diagnostics {
            let title = if diagnostic.pointer.is_empty() {
                diagnostic.message.clone()
            } else {
                format!("{} (at {})", diagnostic.message, diagnostic.pointer)
            };
            let (line, start) = line_of(&self.text, diagnostic.span.0);
            let end = diagnostic.span.1.clamp(diagnostic.span.0, start + line.len());
            let title = if line.len() > MAX_LINE {
                format!("{title}, at {}:{}:{}", self.file, diagnostic.line, diagnostic.column)
            } else {
                title
            };
            let mut report = Level::ERROR.primary_title(title.as_str()).elements((line.len() <= MAX_LINE).then(|| {
                Snippet::source(line)
                    .line_start(diagnostic.line)
                    .path(self.file.as_str())
                    .annotation(AnnotationKind::Primary.span(diagnostic.span.0 - start..end - start))
            }));
            if let Some(help) = &diagnostic.help {
                report = report.element(Level::HELP.message(help.as_str()));
            }
            writeln!(f, "{}\n", Renderer::plain().render(&[report]))?;
        }
        let shown = self.diagnostics.len();
        if self.more > 0 {
            return write!(f, "{}: at least {} errors, of which {shown} are shown", self.file, shown + self.more);
        }
        write!(f, "{}: {shown} error{}", self.file, if shown == 1 { "" } else { "s" })
    }
}

/// The longest line that is shown, in bytes.
const MAX_LINE: usize = 10_000;

/// The line that a place is in, and where it starts.
fn line_of(text: &str, place: usize) -> (&str, usize) {
    let start = text[..place].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1);
    (&text[start..end], start)
}

/// What is wrong with the name of a member.
pub(super) enum OddName<'n> {
    /// This name stands twice in one object.
    Doubled(&'n str),
    /// It is longer than [`MAX_NAME`].
    TooLong,
}

/// A JSON text whose nodes can be found by JSON Pointer.
pub struct Located<'a> {
    text: &'a str,
    /// Read where a place is asked for the first time.
    root: OnceCell<Option<Node<'a>>>,
}

impl<'a> Located<'a> {
    /// Of a text that is known to be valid JSON (`serde_json` has accepted it, which bounds its depth).
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, root: OnceCell::new() }
    }

    fn root(&self) -> Option<&Node<'a>> {
        self.root.get_or_init(|| nodes(self.text)).as_ref()
    }

    /// A diagnostic at the node that `pointer` names, or at its nearest ancestor that exists.
    #[must_use]
    pub fn at(&self, pointer: &str, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.diagnostic(self.span(pointer, false), pointer, message.into(), help)
    }

    /// As [`Self::at`], but pointing at the member's name.
    #[must_use]
    pub fn at_name(&self, pointer: &str, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.diagnostic(self.span(pointer, true), pointer, message.into(), help)
    }

    /// A diagnostic at a line and column (both from 1), as parsers report syntax errors.
    #[must_use]
    pub fn at_line(text: &str, line: usize, column: usize, message: String) -> Diagnostic {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let mut from = (start + column.saturating_sub(1)).min(text.len());
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        let to = text[from..].chars().next().map_or(from, |c| from + c.len_utf8());
        Diagnostic {
            span: (from, to),
            line: line.max(1),
            column: column.max(1),
            pointer: String::new(),
            message,
            help: None,
        }
    }

    /// Members whose name stands twice in one object.
    #[must_use]
    pub fn doubled_members(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        self.odd_names(&mut |pointer, span, odd| {
            if let OddName::Doubled(name) = odd {
                let message = format!("`{name}` stands twice in this object; only one would count");
                found.push(self.diagnostic(span, pointer, message, None));
            }
        });
        found
    }

    /// Tells of every member whose name stands twice in one object, or is too long: its pointer, where it stands, and why.
    pub(super) fn odd_names(&self, tell: &mut dyn FnMut(&str, Range<usize>, OddName<'_>)) {
        // Nodes take much memory, and are not needed again where nothing else is wrong.
        if let Some(root) = nodes(self.text) {
            Self::walk_names(&root, &mut String::new(), tell);
        }
    }

    fn walk_names(node: &Node<'_>, pointer: &mut String, tell: &mut dyn FnMut(&str, Range<usize>, OddName<'_>)) {
        let length = pointer.len();
        match node {
            Node::Object(object) => {
                let mut seen = std::collections::HashSet::new();
                for property in &object.properties {
                    let name = property.name.as_str();
                    let range = property.name.range();
                    let span = range.start..range.end;
                    if name.len() > MAX_NAME {
                        tell(pointer, span, OddName::TooLong);
                        continue;
                    }
                    pointer.push('/');
                    pointer.push_str(&escape(name));
                    if !seen.insert(name) {
                        tell(pointer, span, OddName::Doubled(name));
                    }
                    Self::walk_names(&property.value, pointer, tell);
                    pointer.truncate(length);
                }
            }
            Node::Array(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    Self::walk_names(element, pointer, tell);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// Whether there is a node that `pointer` names.
    pub(super) fn has(&self, pointer: &str) -> bool {
        self.nearest(pointer, false).1
    }

    fn span(&self, pointer: &str, name: bool) -> Range<usize> {
        self.nearest(pointer, name).0
    }

    /// Where the node stands that `pointer` names, or its nearest ancestor that exists; whether it is the node itself.
    fn nearest(&self, pointer: &str, name: bool) -> (Range<usize>, bool) {
        let Some(mut node) = self.root() else { return (0..0, false) };
        let mut span = node.range();
        for segment in pointer.split('/').skip(1) {
            let segment = unescape(segment);
            let next = match node {
                Node::Object(object) => {
                    object.properties.iter().find(|p| p.name.as_str() == segment).map(|p| (p.name.range(), &p.value))
                }
                Node::Array(array) => {
                    segment.parse::<usize>().ok().and_then(|i| array.elements.get(i)).map(|e| (e.range(), e))
                }
                _ => None,
            };
            let Some((name_range, value)) = next else { return (span.start..span.end, false) };
            span = if name { name_range } else { value.range() };
            node = value;
        }
        (span.start..span.end, true)
    }

    pub(super) fn diagnostic(
        &self,
        span: Range<usize>,
        pointer: &str,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        let before = &self.text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        // A node of many lines is shown by its first line alone.
        let end = self.text[span.clone()].find('\n').map_or(span.end, |i| span.start + i);
        Diagnostic {
            span: (span.start, end),
            line: before.matches('\n').count() + 1,
            column: self.text[line_start..span.start].chars().count() + 1,
            pointer: pointer.to_owned(),
            message,
            help,
        }
    }
}

fn nodes(text: &str) -> Option<Node<'_>> {
    parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?.value
}

/// A member's name as a segment of a JSON Pointer (RFC 6901).
#[must_use]
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// The one of `candidates` that `word` was probably meant to be. Nobody means what is longer than any name.
pub fn near_miss<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > MAX_NAME {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_NAME)
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nodes_by_pointer() {
        let text = "{\n  \"a\": [1, {\"b/c\": \"x\"}]\n}";
        let diagnostic = Located::new(text).at("/a/1/b~1c", "here", None);
        assert_eq!((diagnostic.line, diagnostic.column), (2, 20));
        assert_eq!(&text[diagnostic.span.0..diagnostic.span.1], "\"x\"");
    }

    #[test]
    fn a_missing_node_is_shown_at_its_ancestor() {
        let diagnostic = Located::new("{\"a\": {}}").at("/a/b/c", "gone", None);
        assert_eq!(diagnostic.column, 7);
    }

    #[test]
    fn finds_doubled_members() {
        let found = Located::new(r#"{"a": {"x": 1, "x": 2}}"#).doubled_members();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].pointer, "/a/x");
    }

    #[test]
    fn suggests_near_misses_only() {
        assert_eq!(near_miss("algoritm", ["algorithm", "md5"]), Some("algorithm"));
        assert_eq!(near_miss("zzz", ["algorithm", "md5"]), None);
    }
}
