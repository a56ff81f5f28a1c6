//! # hidden-text
//!
//! ## What it finds
//!
//! Characters in a template that people do not see and models do: tag characters, characters of no
//! width, and controls that turn the direction of text around.
//!
//! ## Why it matters
//!
//! Instructions written in them stand in the prompt, and whoever reads the template sees nothing, or
//! reads it in another order.
//!
//! ## How it can be wrong
//!
//! A byte order mark at the start of a file and joiners within emoji and some scripts are ordinary,
//! and are not reported.
//!
//! ## What to do
//!
//! Look at the template with a tool that shows every character, and find out who put them there.
//!
//! ## References
//!
//! * Unicode Technical Report 36, "Unicode security considerations"
//! * CWE-451, CWE-1427; MITRE ATLAS AML.T0051

use super::facts;
use crate::facts::weigh;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Value};

static RULE: Rule = Rule {
    id: "hidden-text",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::TemplateInjection,
    summary: "a template holds characters that people do not see and models do",
    remediation: "look at the template with a tool that shows every character, and find out who \
                  put them there",
    cwe: &[451, 1427],
    atlas: &["AML.T0051"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("hidden_text.rs"),
};

pub(crate) struct HiddenText;

impl Detector for HiddenText {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        for fact in facts(artifact) {
            let (texts, site) = match fact {
                Fact::Attribute { value, site, .. } => (std::slice::from_ref(value), site),
                Fact::Code { code, site } => (code.texts.as_slice(), site),
                _ => continue,
            };
            let texts = texts.iter().filter_map(Value::text);
            let Some((text, hidden)) =
                texts.map(|text| (text, hidden(text))).find(|(_, hidden)| *hidden > 0)
            else {
                continue;
            };
            let message = format!("the template holds {hidden} characters that nobody sees");
            let evidence = davy_bytes::escape(&text.chars().take(200).collect::<String>());
            let finding = reporter.report(artifact, site, message, evidence);
            weigh(finding, artifact, Severity::High);
        }
    }
}

/// How many characters of a text are hidden.
fn hidden(text: &str) -> usize {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unseen = |c: &char| {
        matches!(c,
            '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().filter(unseen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_sees_is_hidden() {
        assert_eq!(hidden("a\u{e0041}\u{e0042}b\u{202e}"), 3);
        assert_eq!(hidden("\u{feff}naïve 模型 👩\u{200d}💻 क\u{200d}ष"), 0);
    }
}
