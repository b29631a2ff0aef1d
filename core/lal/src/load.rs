//! Rule files: layer definitions and rules, read all at once.

mod bean;
mod layers;

use std::collections::HashMap;

use crate::align::Text;
use crate::check;
use crate::diagnostic::{Finding, Findings, Span};
use crate::parser;
use crate::tree::{Layer, Name, Rule};
use crate::yaml::{self, Entry, Node, Value};
use bean::Fields;

pub(crate) use layers::BUILT_IN;

/// Bytes of one rule file; a longer one is refused.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;
/// Layers of a file's own start here: the ordinals below are OAP's.
const ORDINAL_MIN: i32 = 10_000;
/// Ordinals from here on are for layers that are made while OAP runs.
const ORDINAL_END: i32 = 100_000;

/// A rule file's text and the name it goes by in findings.
#[derive(Clone, Debug)]
pub struct Source {
    /// Usually a path.
    pub name: String,
    pub text: String,
}

/// Whether OAP's code or its documentation decides where the two differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    #[default]
    Oap,
    Documented,
}

/// A layer that a rule file brings with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerDefinition {
    pub name: Name,
    pub ordinal: i32,
    pub normal: bool,
}

/// All that could be loaded, and all that was found.
#[derive(Debug)]
pub struct Loaded {
    /// In the order of the sources; rules with errors are left out.
    pub rules: Vec<Rule>,
    pub layers: Vec<LayerDefinition>,
    /// In the order of the sources.
    pub findings: Vec<Finding>,
    /// By which the rules were read, and by which they run.
    pub compatibility: Compatibility,
}

/// Reads rule files. Total on any text.
pub fn load(sources: &[Source], compatibility: Compatibility) -> Loaded {
    let mut loader = Loader {
        compatibility,
        findings: Findings::default(),
        rules: Vec::new(),
        layers: Vec::new(),
        names: HashMap::new(),
    };
    for (index, source) in sources.iter().enumerate() {
        let index = u32::try_from(index).expect("nobody has as many files");
        loader.source(source, index);
    }
    loader.unknown_layers();
    Loaded {
        rules: loader.rules,
        layers: loader.layers,
        findings: loader.findings.resolve(sources),
        compatibility,
    }
}

struct Loader {
    compatibility: Compatibility,
    findings: Findings,
    rules: Vec<Rule>,
    layers: Vec<LayerDefinition>,
    /// Where a rule's name was first given, by layer and name; the layer of automatic rules is
    /// `None`.
    names: HashMap<(Option<String>, String), Span>,
}

impl Loader {
    fn source(&mut self, source: &Source, index: u32) {
        let start = Span {
            source: index,
            start: 0,
            end: 0,
        };
        if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file is longer than {SOURCE_BYTES_MAX} bytes");
            self.findings
                .error(start, message)
                .help("make several files of it");
            return;
        }
        let Some(root) = yaml::parse(&source.text, index, &mut self.findings) else {
            return;
        };
        let keys = ["layerDefinitions", "rules"];
        let Some(mut fields) = Fields::of(&root, "a rule file", &keys, &mut self.findings) else {
            return;
        };
        let definitions = fields.list("layerDefinitions", &mut self.findings);
        let Some(rules) = fields.list("rules", &mut self.findings) else {
            let report = self
                .findings
                .warning(root.span, "there are no `rules`: OAP skips the file");
            report.help("add `rules:` with a list of rules");
            return;
        };
        for node in definitions.unwrap_or_default() {
            self.layer_definition(node);
        }
        for node in rules {
            self.rule(node);
        }
    }

    fn layer_definition(&mut self, node: &Node) {
        let keys = ["name", "ordinal", "normal"];
        let Some(mut fields) = Fields::of(node, "a layer definition", &keys, &mut self.findings)
        else {
            return;
        };
        let name = fields.required("name", "[A-Z][A-Z0-9_]*", &mut self.findings);
        let ordinal = fields.ordinal(&mut self.findings);
        let normal = fields.boolean("normal", true, &mut self.findings);
        let (Some(name), Some(ordinal), Some(normal)) = (name, ordinal, normal) else {
            return;
        };
        if !is_layer_name(&name.text) {
            let message = format!("`{}` cannot name a layer", name.text);
            let help = "capital letters, digits and `_`, a letter first: `IOT_FLEET`";
            self.findings.error(name.span, message).help(help);
            return;
        }
        if !(ORDINAL_MIN..ORDINAL_END).contains(&ordinal) {
            let message = format!("the ordinal `{ordinal}` is not one for rule files");
            let help = format!("from {ORDINAL_MIN} to {}", ORDINAL_END - 1);
            self.findings.warning(name.span, message).help(help);
        }
        let definition = LayerDefinition {
            name,
            ordinal,
            normal,
        };
        let clash = self.layers.iter().find(|other| {
            other.name.text == definition.name.text || other.ordinal == definition.ordinal
        });
        match clash {
            None => self.layers.push(definition),
            Some(other)
                if other.name.text == definition.name.text
                    && other.ordinal == ordinal
                    && other.normal == normal => {}
            Some(other) => {
                let (taken, at) = (&other.name.text, other.ordinal);
                let message =
                    format!("the layer clashes with `{taken}`, which has the ordinal {at}");
                let help = "give it a name and an ordinal of its own, or define both alike";
                self.findings
                    .error(definition.name.span, message)
                    .help(help);
            }
        }
    }

    fn rule(&mut self, node: &Node) {
        let mark = self.findings.mark();
        let keys = ["name", "layer", "inputType", "outputType", "dsl"];
        let Some(mut fields) = Fields::of(node, "a rule", &keys, &mut self.findings) else {
            return;
        };
        let findings = &mut self.findings;
        let name = fields.required("name", "a name that is unique in its layer", findings);
        let layer = fields.required("layer", "a layer's name, or `auto`", findings);
        let input_type = fields.text("inputType", findings).map(as_name);
        let output_type = fields.text("outputType", findings).map(as_name);
        let dsl = fields.required_text("dsl", "`|` and the rule: `filter { .. }`", findings);
        let filter = dsl.and_then(|text| parser::parse(text, self.compatibility, findings));
        let (Some(name), Some(layer)) = (name, layer) else {
            return;
        };
        let layer = if layer.text.eq_ignore_ascii_case("auto") {
            Layer::Auto
        } else {
            Layer::Named(layer)
        };
        self.unique(&name, &layer);
        let Some(filter) = filter else { return };
        let rule = check::rule(
            Rule {
                name,
                layer,
                input_type,
                output_type,
                mode: check::mode(&filter),
                filter,
            },
            self.compatibility,
            &mut self.findings,
        );
        if !self.findings.has_errors_since(mark) {
            self.rules.push(rule);
        }
    }

    /// A layer may be defined in any of the files.
    fn unknown_layers(&mut self) {
        for rule in &self.rules {
            let Layer::Named(layer) = &rule.layer else {
                continue;
            };
            let mut defined = self.layers.iter().map(|it| &*it.name.text);
            if BUILT_IN.contains(&&*layer.text) || defined.any(|it| it == layer.text) {
                continue;
            }
            let message = format!(
                "no layer `{}` is known: its logs never meet a rule",
                layer.text
            );
            let report = self.findings.warning(layer.span, message);
            report.help("a layer of OAP, one of `layerDefinitions`, or `auto`");
        }
    }

    fn unique(&mut self, name: &Name, layer: &Layer) {
        let layer = match layer {
            Layer::Auto => None,
            Layer::Named(layer) => Some(layer.text.clone()),
        };
        let among = match &layer {
            None => "the automatic rules".to_owned(),
            Some(layer) => format!("the rules of the layer `{layer}`"),
        };
        let key = (layer, name.text.clone());
        if self.names.insert(key, name.span).is_some() {
            let message = format!("{among} have a `{}` already", name.text);
            let report = self.findings.error(name.span, message);
            report.help("give each rule of a layer a name of its own");
        }
    }
}

fn as_name(text: &Text) -> Name {
    Name {
        text: text.value.clone(),
        span: text.span(0, text.value.len()),
    }
}

fn is_layer_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
