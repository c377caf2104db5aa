//! The sections of the AWS configuration and credentials files ("Configuration and credential file settings", AWS SDKs and
//! Tools Reference Guide), on top of an INI parser.

use std::collections::{BTreeMap, HashMap};

use configparser::ini::{Ini, IniDefault};

/// One of the two files: they name their profiles differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// `~/.aws/config`: `[default]`, `[profile NAME]`, `[services NAME]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// The properties of a section by name, in lower case.
pub(super) type Properties = BTreeMap<String, String>;

/// The profiles and `services` sections of both files. Sections of other kinds are passed over, as AWS's clients do.
#[derive(Debug, Default)]
pub(super) struct Sections {
    profiles: BTreeMap<String, Properties>,
    services: BTreeMap<String, Properties>,
}

impl Sections {
    /// Adds the sections of a file. A property that is known already is replaced: add the credentials file last.
    ///
    /// # Errors
    /// The first line that is no part of such a file, in a sentence.
    pub fn add(&mut self, kind: FileKind, text: &str) -> Result<(), String> {
        let file = parse(text)?;
        for (header, properties) in &file {
            let target = match (kind, header.split_once([' ', '\t']).map(|(kind, name)| (kind, name.trim()))) {
                (FileKind::Config, Some(("profile", name))) => self.profiles.entry(name.to_owned()),
                (FileKind::Config, Some(("services", name))) => self.services.entry(name.to_owned()),
                (FileKind::Config, None) if header == "default" && !has_prefixed_default(&file) => {
                    self.profiles.entry(header.clone())
                }
                (FileKind::Credentials, None) => self.profiles.entry(header.clone()),
                _ => continue,
            };
            target.or_default().extend(properties.clone());
        }
        Ok(())
    }

    /// The properties of a profile.
    pub fn profile(&self, name: &str) -> Option<&Properties> {
        self.profiles.get(name)
    }

    /// The names of all profiles.
    pub fn profile_names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// A setting of one service in a `services` section, where it stands indented below the service's name.
    pub fn service_setting(&self, services: &str, service: &str, key: &str) -> Option<String> {
        let lines = self.services.get(services)?.get(service)?.lines();
        let mut settings = lines.filter_map(|line| line.split_once('='));
        settings.find(|(name, _)| name.trim().eq_ignore_ascii_case(key)).map(|(_, value)| value.trim().to_owned())
    }
}

/// Whether a file has `[profile default]`: then `[default]` does not count.
fn has_prefixed_default(file: &HashMap<String, Properties>) -> bool {
    file.keys().any(|header| header.split_whitespace().eq(["profile", "default"]))
}

/// Sections by what stands in brackets.
fn parse(text: &str) -> Result<HashMap<String, Properties>, String> {
    let mut syntax = IniDefault::default();
    // What stands before the first section; a header of this name is none.
    syntax.default_section = String::new();
    syntax.comment_symbols = vec!['#', ';'];
    syntax.delimiters = vec!['='];
    syntax.case_sensitive = true;
    syntax.multiline = true;
    syntax.enable_inline_comments = false;
    let sections = Ini::new_from_defaults(syntax).read(text.to_owned())?;
    let mut parsed = HashMap::new();
    for (header, properties) in sections {
        if header.is_empty() && !properties.is_empty() {
            return Err("there is a property before the first section, which is a line like [default]".to_owned());
        }
        let mut known = Properties::new();
        for (name, value) in properties {
            let Some(value) = value else {
                // A line without `=` is a name as a whole.
                let line = text.lines().position(|line| line.trim() == name).map_or(0, |before| before + 1);
                return Err(format!("line {line}: a property is set by `=`, which is missing here"));
            };
            let lines: Vec<&str> = value.lines().map(without_comment).collect();
            known.insert(name.to_ascii_lowercase(), lines.join("\n"));
        }
        parsed.insert(header, known);
    }
    Ok(parsed)
}

/// A line without the comment at its end, which begins with a blank and `#` or `;`: a secret may contain either.
fn without_comment(line: &str) -> &str {
    let begins = |(at, c): (usize, char)| matches!(c, '#' | ';') && line[..at].ends_with([' ', '\t']);
    line.char_indices().find(|place| begins(*place)).map_or(line, |(at, _)| line[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn sections(config: &str, credentials: &str) -> Sections {
        let mut sections = Sections::default();
        sections.add(FileKind::Config, config).unwrap();
        sections.add(FileKind::Credentials, credentials).unwrap();
        sections
    }

    fn region<'s>(sections: &'s Sections, profile: &str) -> Option<&'s str> {
        sections.profile(profile)?.get("region").map(String::as_str)
    }

    #[rstest]
    #[case::plain("[profile p]\nregion = r", Some("r"))]
    #[case::without_blanks("[profile p]\nregion=r", Some("r"))]
    #[case::name_in_capitals("[profile p]\nRegion = r", Some("r"))]
    #[case::comment_after_a_blank("[profile p]\nregion = r # here", Some("r"))]
    #[case::other_comment("[profile p]\nregion = r ; here", Some("r"))]
    #[case::comment_signs_in_a_value("[profile p]\nregion = r#;s", Some("r#;s"))]
    #[case::equals_in_a_value("[profile p]\nregion = r=/+=", Some("r=/+="))]
    #[case::comment_lines("# a\n; b\n\n[profile p] # c\nregion = r\n# d", Some("r"))]
    #[case::section_in_two_pieces("[profile p]\na = b\n[profile q]\n[profile p]\nregion = r", Some("r"))]
    #[case::the_later_line("[profile p]\nregion = q\nregion = r", Some("r"))]
    #[case::blanks_in_the_header("[ profile \t p ]\nregion = r", Some("r"))]
    #[case::carriage_returns("[profile p]\r\nregion = r\r\n", Some("r"))]
    #[case::not_prefixed("[p]\nregion = r", None)]
    #[case::of_another_kind("[sso-session p]\nregion = r", None)]
    #[case::name_in_other_case("[profile P]\nregion = r", None)]
    fn the_configuration_file_is_read_as_its_guide_says(#[case] config: &str, #[case] expected: Option<&str>) {
        assert_eq!(region(&sections(config, ""), "p"), expected);
    }

    #[rstest]
    #[case::config_alone("[default]\nregion = c", "", Some("c"))]
    #[case::credentials_win("[default]\nregion = c", "[default]\nregion = s", Some("s"))]
    #[case::property_by_property("[default]\nregion = c", "[default]\nother = s", Some("c"))]
    #[case::prefixed_default_wins("[default]\nregion = c\n[profile default]\nregion = p", "", Some("p"))]
    #[case::prefixed_default_hides("[default]\nregion = c\n[profile default]\na = b", "", None)]
    #[case::credentials_take_no_prefix("", "[profile default]\nregion = s", None)]
    fn both_files_are_joined(#[case] config: &str, #[case] credentials: &str, #[case] expected: Option<&str>) {
        assert_eq!(region(&sections(config, credentials), "default"), expected);
    }

    #[rstest]
    #[case("[services l]\ns3 =\n  endpoint_url = https://u\n", Some("https://u"))]
    #[case(
        "[services l]\ns3 =\n  a = b\n  endpoint_url=https://u # here\nec2 =\n  endpoint_url = v\n",
        Some("https://u")
    )]
    #[case("[services l]\nec2 =\n  endpoint_url = v\n", None)]
    #[case("[services m]\ns3 =\n  endpoint_url = v\n", None)]
    #[case("[services l]\ns3 =\nendpoint_url = v\n", None)]
    fn settings_of_a_service_stand_below_it(#[case] config: &str, #[case] expected: Option<&str>) {
        assert_eq!(sections(config, "").service_setting("l", "s3", "endpoint_url").as_deref(), expected);
    }

    #[rstest]
    #[case::no_bracket("[default\nregion = r", "line 1")]
    #[case::no_name("[default]\n= r", "line 2")]
    #[case::no_equals("[default]\nregion r", "line 2")]
    #[case::no_section("region = r", "before the first section")]
    fn what_is_no_such_file_is_refused(#[case] text: &str, #[case] place: &str) {
        let error = Sections::default().add(FileKind::Config, text).unwrap_err();
        assert!(error.contains(place), "{error}");
    }
}
