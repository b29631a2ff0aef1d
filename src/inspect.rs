//! Commands that look at the configuration and the components, and run nothing.

use engine::Registry;
use engine::config::{Diagnostics, Kind, Origins, editor_schema, to_yaml};
use serde_json::{Map, Value as Json, json};

use crate::admin;
use crate::cli::{ComponentsArgs, PrintConfigArgs, ReportFormat, TreeFormat, ValidateArgs};
use crate::configuration::{self, Checked};
use crate::failure::Failure;
use crate::{registry, terminal};

/// `skyferry validate`. Without `--strict` it reads the configuration and nothing else.
pub(crate) fn validate(args: &ValidateArgs) -> Result<(), Failure> {
    let registry = Registry::new(&registry::components());
    let found = match configuration::load(&args.config, &registry) {
        Ok(checked) if args.strict => check_strictly(checked, &registry),
        Ok(checked) => checked.remarks,
        Err(found) => found,
    };
    let valid = !found.has_errors();
    match args.format {
        ReportFormat::Json => {
            let report = json!({ "valid": valid, "diagnostics": found.to_json() });
            terminal::print(&pretty(&report))?;
            // Told already, in the form that was asked for.
            if !valid {
                return Err(Failure::Configuration(Diagnostics::default()));
            }
        }
        ReportFormat::Text if valid => {
            terminal::diagnose(&found);
            terminal::print("the configuration is valid\n")?;
        }
        ReportFormat::Text => return Err(Failure::Configuration(found)),
    }
    Ok(())
}

/// What only a look at the machine can tell, behind the remarks made without.
fn check_strictly(checked: Checked, registry: &Registry) -> Diagnostics {
    let mut found = checked.remarks;
    for kind in Kind::ALL {
        for section in checked.document.components(kind) {
            if let Some(factory) = registry.factory(kind, section.type_name()) {
                let mut problems = section.problems();
                factory.component().check_strictly(section, &mut problems);
                found.extend(problems.into_diagnostics());
            }
        }
    }
    if let Err(taken) = admin::Listeners::bind(&checked.document) {
        found.extend(taken);
    }
    let data_dir = &checked.document.service().data_dir;
    if data_dir.exists() && !data_dir.is_dir() {
        let mut problems = checked.document.problems();
        let text = format!("`{}` is no directory", data_dir.display());
        problems.at("service.data_dir", text);
        found.extend(problems.into_diagnostics());
    }
    found
}

/// `skyferry components`.
pub(crate) fn components(args: &ComponentsArgs) -> Result<(), Failure> {
    let list = component_list();
    let text = match args.format {
        ReportFormat::Text => to_yaml(&list),
        ReportFormat::Json => pretty(&list),
    };
    Ok(terminal::print(&text)?)
}

/// By section and type, as a configuration has them.
fn component_list() -> Json {
    let mut sections = Map::new();
    for factory in registry::components() {
        let component = factory.component();
        let description = component.description();
        let signals = description.signals.iter().map(|signal| signal.name());
        let entry = json!({
            "summary": description.summary,
            "aliases": description.aliases,
            "signals": signals.collect::<Vec<_>>(),
            "defaults": component.defaults(),
        });
        let section = sections
            .entry(factory.kind().section())
            .or_insert_with(|| Json::Object(Map::new()));
        section[description.type_name] = entry;
    }
    Json::Object(sections)
}

/// `skyferry print-config`. Secrets are masked.
pub(crate) fn print_config(args: &PrintConfigArgs) -> Result<(), Failure> {
    let registry = Registry::new(&registry::components());
    let checked = configuration::load(&args.config, &registry).map_err(Failure::Configuration)?;
    let effective = checked.document.effective(|section| {
        let factory = registry.factory(section.kind(), section.type_name())?;
        Some(factory.component().defaults())
    });
    let text = match (args.format, args.no_origins) {
        (TreeFormat::Yaml, false) => effective.to_yaml(Origins::Shown),
        (TreeFormat::Yaml, true) => effective.to_yaml(Origins::Left),
        (TreeFormat::Json, _) => pretty(&effective.to_json()),
    };
    Ok(terminal::print(&text)?)
}

/// `skyferry schema`.
pub(crate) fn schema() -> Result<(), Failure> {
    let schema = editor_schema(&Registry::new(&registry::components()));
    Ok(terminal::print(&pretty(&schema))?)
}

fn pretty(json: &Json) -> String {
    format!("{json:#}\n")
}
