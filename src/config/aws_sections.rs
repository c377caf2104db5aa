//! The sections of the AWS configuration and credentials files ("Configuration and credential file settings", AWS SDKs and
//! Tools Reference Guide). It is no INI of other programs: what is indented belongs to the property before it.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The configuration or the credentials file; their section headers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// `~/.aws/config`: `[default]`, `[profile NAME]`, `[services NAME]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// The properties of a section by name, in lower case. A value may be a secret.
pub(super) type Properties = BTreeMap<String, Zeroizing<String>>;

/// The profiles and `services` sections of both files. Other sections are ignored, as AWS's clients do. It holds secrets, and has no
/// `Debug`.
#[derive(Default)]
pub(super) struct Sections {
    profiles: BTreeMap<String, Properties>,
    services: BTreeMap<String, Properties>,
}

impl Sections {
    /// Adds the sections of a file. A later value replaces an earlier one, so add the credentials file last.
    ///
    /// # Errors
    /// A message about the first malformed line, without its text.
    pub fn add(&mut self, kind: FileKind, text: &str) -> Result<(), String> {
        let file = parse(text)?;
        // Then `[default]` does not count.
        let has_prefixed_default = file.keys().any(|header| header.split_whitespace().eq(["profile", "default"]));
        for (header, properties) in file {
            let typed = header.split_once([' ', '\t']).map(|(section_type, name)| (section_type, name.trim()));
            let target = match (kind, typed) {
                (FileKind::Config, Some(("profile", name))) => self.profiles.entry(name.to_owned()),
                (FileKind::Config, Some(("services", name))) => self.services.entry(name.to_owned()),
                (FileKind::Config, None) if header == "default" && !has_prefixed_default => self.profiles.entry(header),
                (FileKind::Credentials, None) => self.profiles.entry(header),
                _ => continue,
            };
            target.or_default().extend(properties);
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

/// Parses a file into sections by the text in brackets.
fn parse(text: &str) -> Result<BTreeMap<String, Properties>, String> {
    let mut sections: BTreeMap<String, Properties> = BTreeMap::new();
    let mut current: Option<&mut Properties> = None;
    // The property that indented lines belong to, and whether they are settings of their own, as it has no value.
    let mut before: Option<(String, bool)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let malformed = |what: &str| format!("line {number}: {what}");
        if line.trim().is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            let bare = line.split(['#', ';']).next().unwrap_or_default().trim();
            let header = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let header = header.ok_or_else(|| malformed("expected `]` at the end of a section's name"))?.trim();
            current = Some(sections.entry(header.to_owned()).or_default());
            before = None;
            continue;
        }
        let properties = current.as_deref_mut();
        let properties =
            properties.ok_or_else(|| malformed("expected a section like [default] before the first property"))?;
        let bare = without_comment(line.trim());
        let setting = bare.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let setting = setting.filter(|(name, _)| !name.is_empty());
        let no_setting = || malformed("expected NAME = VALUE");
        if line.starts_with([' ', '\t']) {
            let (name, has_settings) =
                before.as_ref().ok_or_else(|| malformed("expected a property before an indented line"))?;
            if *has_settings && setting.is_none() {
                return Err(no_setting());
            }
            let value = properties.entry(name.clone()).or_default();
            value.push('\n');
            value.push_str(bare);
        } else {
            let (name, value) = setting.ok_or_else(no_setting)?;
            let name = name.to_ascii_lowercase();
            before = Some((name.clone(), value.is_empty()));
            properties.insert(name, Zeroizing::new(value.to_owned()));
        }
    }
    Ok(sections)
}

/// Removes a trailing comment: a blank, then `#` or `;`. Without the blank these belong to the value, such as a secret.
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
        sections.profile(profile)?.get("region").map(|region| region.as_str())
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
    #[case::the_later_line_in_other_case("[profile p]\nregion = q\nREGION = r", Some("r"))]
    #[case::comment_in_place_of_a_value("[profile p]\nregion = # none", Some(""))]
    #[case::brackets_in_a_comment("[profile p] # [old]\nregion = r", Some("r"))]
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
    #[case::no_bracket("[default\nregion = r", "line 1: expected `]`")]
    #[case::more_than_a_header("[default] region", "line 1: expected `]`")]
    #[case::no_name("[default]\n= r", "line 2: expected NAME")]
    #[case::no_equals("[default]\nregion r", "line 2: expected NAME")]
    #[case::no_equals_before_an_indented_line("[default]\nregion r\n  x", "line 2: expected NAME")]
    #[case::no_equals_in_a_comment("[default]\nregion # = r", "line 2: expected NAME")]
    #[case::no_setting("[services l]\ns3 =\n  endpoint_url u", "line 3: expected NAME")]
    #[case::no_section("region = r", "line 1: expected a section")]
    #[case::nothing_to_belong_to("[default]\n  region = r", "line 2: expected a property")]
    fn what_is_no_such_file_is_refused(#[case] text: &str, #[case] place: &str) {
        let error = Sections::default().add(FileKind::Config, text).unwrap_err();
        assert!(error.contains(place), "{error}");
    }
}
