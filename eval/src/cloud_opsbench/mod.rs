//! `make eval ARGS='--cloud-opsbench DIR'`: the diagnosis of Kubernetes measured with the frozen cases of Cloud-OpsBench.
//!
//! The benchmark is public (<https://github.com/LLM4Ops/Cloud-OpsBench>) and is unpacked outside of the project. Each case has what
//! its tools would have answered (`tool_cache.json`), which is translated to the diagnosis' own input, and the right answer
//! (`metadata.json`), which only the score reads. As in its paper an answer is right if class, object and cause are.

mod case;
mod describe;
mod events;
mod metrics;
mod outline;
mod pods;
mod score;
mod tool_cache;
mod translate;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::Path;

use kubernetes::cause::Cause;
use kubernetes::diagnose_without;
use serde_json::{Value, json};

use self::case::{Case, Place, places};
use self::score::{Judged, table};

/// What is measured.
#[derive(Debug)]
pub(crate) struct Options<'o> {
    pub(crate) directory: &'o Path,
    /// Only cases whose name contains this.
    pub(crate) only: &'o str,
    /// Classes and causes whose rules are taken out; `each` takes them out one after the other.
    pub(crate) without: &'o [String],
    /// Whether wrong answers are listed.
    pub(crate) misses: bool,
}

/// The text to print, and the figures.
pub(crate) fn measure(options: &Options<'_>) -> Result<(String, Value), String> {
    let places = places(options.directory, options.only)?;
    if options.without.iter().any(|name| name == "each") {
        return without_each(&places, options.misses);
    }
    let mut without = Vec::new();
    for name in options.without {
        let causes = vocabulary::causes(name);
        if causes.is_empty() {
            return Err(format!(
                "--without {name}: no class and no cause has this name"
            ));
        }
        without.extend(causes);
    }
    let mut judged = Vec::new();
    for place in &places {
        judged.push(judge(&Case::load(place)?, &without));
    }
    let (mut text, figures) = table(&judged);
    let wrong = judged.iter().filter(|judged| !judged.is_right());
    let misses: Vec<String> = wrong.map(Judged::miss).collect();
    if options.misses {
        text = format!("{text}\n\n{}", misses.join("\n"));
    }
    let figures = json!({ "without": options.without, "groups": figures, "misses": misses });
    Ok((text, figures))
}

fn judge(case: &Case, without: &[Cause]) -> Judged {
    Judged::of(case, &diagnose_without(&case.snapshot, without))
}

/// Takes out the rules of every class, and of every cause, one after the other, and counts for how many of its cases a cause is said
/// nevertheless.
fn without_each(places: &[Place], misses: bool) -> Result<(String, Value), String> {
    // By whether it is a class (false) or a cause, and by name.
    let mut all: BTreeMap<(bool, String), Vec<Judged>> = BTreeMap::new();
    for place in places {
        let case = Case::load(place)?;
        for (is_cause, name) in [(false, &case.expected.class), (true, &case.expected.cause)] {
            let judged = judge(&case, &vocabulary::causes(name));
            all.entry((is_cause, name.clone()))
                .or_default()
                .push(judged);
        }
    }
    let mut lines = vec![format!("{:<45}{:>6}{:>10}", "without", "cases", "invented")];
    let mut figures = serde_json::Map::new();
    let mut sums = [(0, 0); 2];
    for ((is_cause, name), judged) in &all {
        let invented: Vec<_> = judged
            .iter()
            .filter(|judged| !judged.is_unknown())
            .collect();
        let sum = &mut sums[usize::from(*is_cause)];
        *sum = (sum.0 + judged.len(), sum.1 + invented.len());
        lines.push(format!(
            "{name:<45}{:>6}{:>10}",
            judged.len(),
            invented.len()
        ));
        let count = json!({ "cases": judged.len(), "invented": invented.len() });
        figures.insert(name.clone(), count);
        let said = invented.iter().filter(|_| misses);
        lines.extend(said.map(|judged| format!("  {}", judged.miss())));
    }
    for (name, (cases, invented)) in ["each class", "each cause"].into_iter().zip(sums) {
        lines.push(format!("{name:<45}{cases:>6}{invented:>10}"));
    }
    Ok((lines.join("\n"), Value::Object(figures)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Options, measure};

    const POD: &str = "Name:             cart-7d4b9c-x2x4z\nNamespace:        shop\nNode:             n1/192.0.2.1\n\
        Labels:           app=cart\nStatus:           Pending\nControlled By:    ReplicaSet/cart-7d4b9c\nContainers:\n  server:\n    \
        Image:          registry.example/cart:9\n    Port:           8080/TCP\n    State:          Waiting\n      \
        Reason:       ImagePullBackOff\n    Ready:          False\n    Restart Count:  0\nEvents:\n  \
        Type     Reason  Age                From     Message\n  ----     ------  ---                ----     -------\n  \
        Warning  Failed  10s (x2 over 40s)  kubelet  Failed to pull image \"registry.example/cart:9\": registry.example/cart:9: not found\n";
    const REPLICA_SET: &str = "Name:           cart-7d4b9c\nNamespace:      shop\nControlled By:  Deployment/cart\n\
        Replicas:       1 current / 1 desired\n";
    const DEPLOYMENT: &str = "Name:      cart\nNamespace: shop\n\
        Replicas:  1 desired | 1 updated | 1 total | 0 available | 1 unavailable\n";
    const YAML: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\n  namespace: shop\nspec:\n  selector:\n    \
        matchLabels:\n      app: cart\n  template:\n    metadata:\n      labels:\n        app: cart\n    spec:\n      containers:\n      \
        - name: server\n        image: registry.example/cart:9\n";

    /// A case whose image is not there, as the benchmark writes one.
    fn write_case(below: &Path) {
        let place = below.join("shops/startup/1");
        std::fs::create_dir_all(&place).expect("a directory");
        let metadata = json!({
            "namespace": "shop", "query": "Service Availability Disruption.",
            "result": { "fault_taxonomy": "Startup_Fault", "fault_object": "app/cart", "root_cause": "incorrect_image_reference" },
        });
        let key = |resource: &str, name: &str| {
            format!(
                "DescribeResource:{}",
                json!({ "resource_type": resource, "name": name, "namespace": "shop" })
            )
        };
        let cache = json!({
            key("pods", "cart-7d4b9c-x2x4z"): POD, key("replicasets", "cart-7d4b9c"): REPLICA_SET,
            key("deployments", "cart"): DEPLOYMENT, "GetAppYAML:{\"app_name\":\"cart\"}": YAML,
        });
        for (file, content) in [("metadata.json", metadata), ("tool_cache.json", cache)] {
            std::fs::write(place.join(file), content.to_string()).expect("a file");
        }
    }

    fn measured(directory: &Path, without: &[&str]) -> Result<serde_json::Value, String> {
        let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
        measure(&Options {
            directory,
            only: "",
            without: &without,
            misses: true,
        })
        .map(|(_, figures)| figures)
    }

    #[test]
    fn a_case_is_read_and_scored() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(measured(directory.path(), &[]).is_err(), "no case there");
        write_case(directory.path());
        let figures = measured(directory.path(), &[]).expect("figures");
        assert_eq!(figures["groups"]["shops"]["all_right"], 1.0, "{figures}");
        let figures = measured(directory.path(), &["Startup_Fault"]).expect("figures");
        assert_eq!(figures["groups"]["shops"]["unknown"], 1.0, "{figures}");
        let figures = measured(directory.path(), &["each"]).expect("figures");
        assert_eq!(figures["Startup_Fault"]["invented"], 0, "{figures}");
        assert!(measured(directory.path(), &["no such class"]).is_err());
    }
}
