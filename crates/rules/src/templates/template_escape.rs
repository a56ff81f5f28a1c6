//! # template-escape
//!
//! ## What it finds
//!
//! A template that reaches for the insides of Python: special attributes such as `__class__`,
//! `__globals__` or `__subclasses__`, frames, modules, or functions that run commands. Names that
//! the template puts together (`'__cla' ~ 'ss__'`, `|attr(…)`, escapes, `|join`, `|format`) count as
//! what they come to; names that cannot be known are reported as such, and so are the names of such
//! attributes in texts that it formats or hands over, and files that the template takes in from elsewhere.
//!
//! ## Why it matters
//!
//! A chat template is rendered for every prompt. Where the renderer does not confine it, these
//! attributes lead from any value to `os.system`: llama-cpp-python before 0.2.72 (CVE-2024-34359)
//! and others rendered templates of model files that way. No template needs them.
//!
//! ## How it can be wrong
//!
//! Renderers that use Jinja's sandbox refuse these attributes, and rendering then ends in an error.
//! The template is still no honest one.
//!
//! ## What to do
//!
//! Do not render the template. Take the one that the model's makers publish.
//!
//! ## References
//!
//! * CVE-2024-34359: llama-cpp-python, server-side template injection through model metadata
//! * Jinja documentation: sandbox
//! * CWE-1336, CWE-94; MITRE ATLAS AML.T0011.000, AML.T0050

use super::facts;
use crate::facts::weigh;
use crate::knowledge;
use crate::references::path::{Leads, leads};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Call, Code, Fact, Value};

static RULE: Rule = Rule {
    id: "template-escape",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::TemplateInjection,
    summary: "a template reaches for the insides of Python",
    remediation: "do not render the template; take the one that the model's makers publish",
    cwe: &[1336, 94],
    atlas: &["AML.T0011.000", "AML.T0050"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("template_escape.rs"),
};

/// Attributes of Jinja's own objects that lead to modules, or to the environment that compiles templates
/// and so code: macros, blocks and callers have it (`Macro._environment`).
const CONTEXTS: &[&str] = &[
    "_TemplateReference__context",
    "_compile",
    "_context",
    "_environment",
    "_func",
    "_module",
    "add_extension",
    "compile_expression",
    "from_code",
    "template_class",
];

/// Attributes of frames, which hold the globals of the code that runs.
const FRAMES: &[&str] = &["cr_frame", "f_globals", "func_globals", "gi_frame", "tb_frame"];

/// Functions and modules that run commands, under the names by which templates reach them.
const COMMANDS: &[&str] = &["popen", "subprocess"];

/// Attributes that only ways out of a sandbox go through: in texts that templates format, join or hand
/// over, they are nothing else.
const SPELLED: &[&str] = &[
    "__base__",
    "__bases__",
    "__builtins__",
    "__class__",
    "__closure__",
    "__getattribute__",
    "__globals__",
    "__import__",
    "__mro__",
    "__reduce_ex__",
    "__subclasses__",
];

/// How the reader tells of names that are looked up where there are none but Python's own.
const OWN: &str = "Jinja's own objects";

pub(crate) struct TemplateEscape;

impl Detector for TemplateEscape {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        // Go's templates reach nothing but what they are given.
        for fact in facts(artifact).filter(|_| is_jinja(artifact)) {
            let (judged, site) = match fact {
                Fact::Code { code, site } => (judge(code), site),
                Fact::Reference { target, site, .. } => (elsewhere(target), site),
                _ => continue,
            };
            let Some((severity, message, evidence)) = judged else { continue };
            let mut finding = reporter.report(artifact, site, message, evidence);
            if let Some(finding) = &mut finding {
                finding.subject = Subject::Template;
            }
            weigh(finding, artifact, severity);
        }
    }
}

fn is_jinja(artifact: &Artifact) -> bool {
    artifact.identities.iter().any(|identity| identity.format == "jinja")
}

/// How bad a template is, why, and what shows it.
fn judge(code: &Code) -> Option<(Severity, String, String)> {
    if let Some((call, name)) = code.calls.iter().find_map(|call| Some((call, inside(call)?))) {
        let message = format!(
            "the template calls what it reaches through `{name}`, which runs code where it is not \
             confined"
        );
        return Some((Severity::Critical, message, call.to_string()));
    }
    if let Some(name) = code.names.iter().find(|name| leads_inside(name)) {
        let name = davy_bytes::escape(name);
        let message = format!("the template reaches for `{name}`, which no template needs");
        return Some((Severity::High, message, name));
    }
    if let Some((call, name)) = code.calls.iter().find_map(|call| Some((call, spelled(call)?))) {
        let message =
            format!("the template hands a text with `{name}` over to be formatted or used");
        return Some((Severity::High, message, call.to_string()));
    }
    let own = code.unseen.iter().find(|unseen| unseen.contains(OWN));
    let unseen = own.or(code.unseen.first())?;
    let message = format!("the template uses {unseen}, so what it reaches cannot be told");
    let severity = if own.is_some() { Severity::High } else { Severity::Medium };
    Some((severity, message, code.listing.chars().take(200).collect()))
}

/// How bad it is that a template takes in another one.
fn elsewhere(target: &str) -> Option<(Severity, String, String)> {
    let Leads::Away(how) = leads(target) else { return None };
    let target = davy_bytes::escape(target);
    let message = format!("the template takes in `{target}`, {how}");
    Some((Severity::High, message, target))
}

/// A name of the insides of Python in a text that something is done with; what is only put out is
/// text.
fn spelled(call: &Call) -> Option<&'static str> {
    let mut found = None;
    call.walk(&mut |part| {
        let text = part.text().unwrap_or_default();
        found = found.or(SPELLED.iter().copied().find(|name| text.contains(name)));
    });
    found
}

/// The first name on the way to a callee that leads to the insides of Python.
fn inside(call: &Call) -> Option<String> {
    let mut found = None;
    call.callee.walk(&mut |part| {
        let path = match part {
            Value::Name(name) => name.name.as_str(),
            Value::Attribute(_, name) => name.as_str(),
            _ => return,
        };
        let name = path.split('.').find(|name| leads_inside(name));
        found = found.take().or(name.map(davy_bytes::escape));
    });
    found
}

fn leads_inside(name: &str) -> bool {
    knowledge::is_special(name)
        || [CONTEXTS, FRAMES, COMMANDS].iter().any(|all| all.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, call, detect, name, text};
    use davy_artifact::Site;

    fn severity(code: Code) -> Option<Severity> {
        let fact = Fact::Code { code: Box::new(code), site: Site::default() };
        detect(&TemplateEscape, &artifact("jinja", vec![fact])).first().map(|it| it.severity)
    }

    #[test]
    fn calls_behind_special_names_are_worse_than_the_names() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let popen = call(name("cycler", "__init__.__globals__.os.popen"), vec![text("id")]);
        let called = Code { calls: vec![popen], ..Code::default() };
        assert_eq!(severity(called), Some(Severity::Critical));
        for inside in ["__class__", "_environment", "from_code"] {
            let named = Code { names: names(&["messages", inside]), ..Code::default() };
            assert_eq!(severity(named), Some(Severity::High), "{inside}");
        }
        let plain =
            Code { names: names(&["messages", "environment", "overlay"]), ..Code::default() };
        assert_eq!(severity(plain), None);
        let unseen = Code {
            unseen: names(&["the name of an attribute that is computed"]),
            ..Code::default()
        };
        assert_eq!(severity(unseen), Some(Severity::Medium));
        let format = call(name("x", "format"), vec![text("{0.__class__}")]);
        let spelled = Code { calls: vec![format], ..Code::default() };
        assert_eq!(severity(spelled), Some(Severity::High));
        assert!(elsewhere("/etc/passwd").is_some() && elsewhere("base.html").is_none());
        let split = call(name("message", "content.split"), vec![text("x")]);
        let usual =
            Code { names: names(&["messages", "role"]), calls: vec![split], ..Code::default() };
        assert_eq!(severity(usual), None);
    }
}
