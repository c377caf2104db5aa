//! The characters that show as themselves, wherever they are written.

/// Returns whether a character shows as itself and does nothing else. Line feed and tab count as such.
///
/// Sources of the table, Unicode 17.0:
/// - `General_Category=Cc`: C0, DEL and C1, with which terminals are controlled (ECMA-48).
/// - `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`): soft hyphen, joiners, zero-width spaces, variation selectors,
///   fillers, tags. Nothing is shown for them, so that two texts look alike that are not (UTS #39, section 4; UTR #36, section 3.5).
/// - `Bidi_Control` (`PropList.txt`, UAX #9): they change the order in which text is shown.
/// - `Zl` and `Zp`: line and paragraph separators, which some readers take for the end of a line.
/// - Interlinear annotation, musical and hieroglyphic format controls (`General_Category=Cf` without a glyph).
/// - Noncharacters (The Unicode Standard, section 23.7), two of which XML 1.0 excludes (section 2.2).
pub(super) fn is_printable(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => true,
        // Cc
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => false,
        // Default_Ignorable_Code_Point, Bidi_Control, Zl, Zp
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        // Cf without a glyph
        '\u{70f}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' => false,
        '\u{fdd0}'..='\u{fdef}' => false,
        _ => u32::from(c) & 0xfffe != 0xfffe,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::text("plain\n\ttext é ß 日本 ⚠ 🟡 \u{a0}\u{300}\u{fffd}\u{e000}", true)]
    #[case::c0_and_c1("\0\u{7}\r\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9f}", false)]
    #[case::directions(
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}",
        false
    )]
    #[case::invisible(
        "\u{ad}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{2064}\u{206f}\u{feff}\u{3164}\u{fe0f}\u{e0001}\u{e0041}\u{e0100}",
        false
    )]
    #[case::separators("\u{2028}\u{2029}", false)]
    #[case::annotation("\u{fff9}\u{fffa}\u{fffb}", false)]
    #[case::noncharacters("\u{fdd0}\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}", false)]
    fn what_does_not_show_is_not_printable(#[case] characters: &str, #[case] printable: bool) {
        for c in characters.chars() {
            assert_eq!(is_printable(c), printable, "{}", c.escape_unicode());
        }
    }
}
