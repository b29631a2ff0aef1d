//! One schema with its `$ref`s and `allOf`s followed, and questions about it.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

/// `$ref`s and `allOf`s followed for one value.
const MAX_LAYERS: usize = 16;

/// JSON types a schema takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Types {
    pub(super) null: bool,
    pub(super) boolean: bool,
    pub(super) integer: bool,
    pub(super) number: bool,
    pub(super) string: bool,
    pub(super) array: bool,
    pub(super) object: bool,
}

impl Types {
    const ANY: Types = Types {
        null: true,
        boolean: true,
        integer: true,
        number: true,
        string: true,
        array: true,
        object: true,
    };

    fn add(&mut self, name: &str) {
        match name {
            "null" => self.null = true,
            "boolean" => self.boolean = true,
            "integer" => self.integer = true,
            "number" => self.number = true,
            "string" => self.string = true,
            "array" => self.array = true,
            "object" => self.object = true,
            _ => {}
        }
    }

    /// A list of texts and nothing else that a scalar could be.
    pub(super) fn string_list(self, view: &View<'_>) -> bool {
        let items = view.get("items").map(|items| view.below(items).types());
        self.array
            && !(self.string || self.integer || self.number || self.boolean)
            && items.is_some_and(|items| items.string)
    }
}

#[derive(Clone, Debug)]
pub(super) struct View<'s> {
    root: &'s Json,
    layers: Vec<&'s Map<String, Json>>,
    /// One variant of the choice was taken, so the choice is no longer looked at.
    chosen: bool,
}

impl<'s> View<'s> {
    pub(super) fn new(schema: &'s Json, root: &'s Json) -> View<'s> {
        let mut view = View {
            root,
            layers: Vec::new(),
            chosen: false,
        };
        view.follow(schema);
        view
    }

    /// Another schema of the same document.
    pub(super) fn below(&self, schema: &'s Json) -> View<'s> {
        View::new(schema, self.root)
    }

    fn follow(&mut self, schema: &'s Json) {
        let Json::Object(keywords) = schema else {
            return;
        };
        if self.layers.len() >= MAX_LAYERS {
            return;
        }
        self.layers.push(keywords);
        let target = keywords
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|reference| resolve(self.root, reference));
        if let Some(target) = target {
            self.follow(target);
        }
        for part in keywords
            .get("allOf")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            self.follow(part);
        }
    }

    /// A keyword; what stands beside a `$ref` wins over what it refers to.
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Json> {
        self.layers.iter().find_map(|layer| layer.get(keyword))
    }

    pub(super) fn text(&self, keyword: &str) -> Option<&'s str> {
        self.get(keyword)?.as_str()
    }

    pub(super) fn count(&self, keyword: &str) -> Option<usize> {
        usize::try_from(self.get(keyword)?.as_u64()?).ok()
    }

    pub(super) fn is_secret(&self) -> bool {
        self.get("writeOnly") == Some(&Json::Bool(true))
    }

    pub(super) fn types(&self) -> Types {
        let mut types = Types::default();
        match self.get("type") {
            Some(Json::String(name)) => types.add(name),
            Some(Json::Array(names)) => {
                names
                    .iter()
                    .filter_map(Json::as_str)
                    .for_each(|name| types.add(name));
            }
            _ if self.get("properties").is_some() => types.object = true,
            _ if self.get("items").is_some() => types.array = true,
            _ => {
                let Some(branches) = self.variants() else {
                    return Types::ANY;
                };
                for branch in branches {
                    types.join(branch.types());
                }
            }
        }
        types
    }

    /// Whether an empty value stands for the empty mapping: nothing else could be meant.
    pub(super) fn takes_mapping(&self) -> bool {
        let types = self.types();
        let scalar = types.boolean || types.integer || types.number || types.string;
        types.object && !types.array && !scalar
    }

    /// Whether a secret could be written anywhere in a value of this schema.
    pub(super) fn mentions_secret(&self) -> bool {
        let mut followed = HashSet::new();
        let mut open: Vec<&Json> = self
            .layers
            .iter()
            .flat_map(|layer| layer.values())
            .collect();
        if self.is_secret() {
            return true;
        }
        while let Some(schema) = open.pop() {
            match schema {
                Json::Object(keywords) if keywords.get("writeOnly") == Some(&Json::Bool(true)) => {
                    return true;
                }
                Json::Object(keywords) => {
                    let reference = keywords.get("$ref").and_then(Json::as_str);
                    if let Some(reference) = reference.filter(|target| followed.insert(*target)) {
                        open.extend(resolve(self.root, reference));
                    }
                    open.extend(keywords.values());
                }
                Json::Array(parts) => open.extend(parts),
                _ => {}
            }
        }
        false
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = (&'s str, &'s Json)> {
        self.layers
            .iter()
            .filter_map(|layer| layer.get("properties")?.as_object())
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema))
    }

    pub(super) fn property(&self, name: &str) -> Option<&'s Json> {
        self.layers
            .iter()
            .find_map(|layer| layer.get("properties")?.get(name))
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &'s str> {
        self.layers
            .iter()
            .filter_map(|layer| layer.get("required")?.as_array())
            .flatten()
            .filter_map(Json::as_str)
    }

    /// The texts a field can be, if it is one of a fixed set.
    pub(super) fn enumeration(&self) -> Option<Vec<&'s str>> {
        if let Some(value) = self.get("const") {
            return Some(vec![value.as_str()?]);
        }
        let values = self.get("enum")?.as_array()?.iter();
        // `null` is there where the field is optional, and is dealt with before.
        values
            .filter(|value| !value.is_null())
            .map(Json::as_str)
            .collect()
    }

    /// The alternatives of `anyOf` or `oneOf`, `null` left out and nested ones laid flat.
    pub(super) fn variants(&self) -> Option<Vec<View<'s>>> {
        let mut found = Vec::new();
        self.collect_variants(&mut found, MAX_LAYERS);
        (!found.is_empty()).then_some(found)
    }

    fn collect_variants(&self, found: &mut Vec<View<'s>>, depth: usize) {
        if self.chosen || depth == 0 {
            return;
        }
        for schema in self.branches() {
            let mut branch = self.below(schema);
            if branch.only_requires() || branch.text("type") == Some("null") {
                continue;
            }
            let before = found.len();
            branch.collect_variants(found, depth - 1);
            if found.len() == before {
                branch.inherit(self);
                found.push(branch);
            }
        }
    }

    fn branches(&self) -> impl Iterator<Item = &'s Json> {
        let choice = self.get("anyOf").or_else(|| self.get("oneOf"));
        choice.and_then(Json::as_array).into_iter().flatten()
    }

    /// Keys of which a mapping needs some: the sets, and whether exactly one of them.
    pub(super) fn required_sets(&self) -> Option<(Vec<Vec<&'s str>>, bool)> {
        let sets: Vec<Vec<&str>> = self
            .branches()
            .map(|schema| self.below(schema))
            .filter(View::only_requires)
            .map(|branch| branch.required().collect())
            .collect();
        let exactly_one = self.get("anyOf").is_none();
        (!sets.is_empty()).then_some((sets, exactly_one))
    }

    /// `{"required": [..]}` and nothing else: no variant but a condition on keys.
    fn only_requires(&self) -> bool {
        matches!(&self.layers[..], [layer] if layer.len() == 1 && layer.contains_key("required"))
    }

    /// Keys common to all variants stand beside the choice.
    fn inherit(&mut self, base: &View<'s>) {
        if base.get("properties").is_some() {
            self.layers.extend(&base.layers);
            self.chosen = true;
        }
    }
}

fn resolve<'s>(root: &'s Json, reference: &str) -> Option<&'s Json> {
    root.pointer(reference.strip_prefix('#')?)
}

impl Types {
    fn join(&mut self, other: Types) {
        self.null |= other.null;
        self.boolean |= other.boolean;
        self.integer |= other.integer;
        self.number |= other.number;
        self.string |= other.string;
        self.array |= other.array;
        self.object |= other.object;
    }
}
