//! The recipe for an alert.

use domain::alert::Alert;

use crate::file::Recipe;

/// The recipe that names the alert, else one for its type.
pub fn choose<'r>(recipes: &'r [Recipe], alert: &Alert) -> Option<&'r Recipe> {
    let named = |recipe: &&Recipe| recipe.alerts.alertnames.contains(&alert.name);
    let typed = |recipe: &&Recipe| recipe.alerts.alert_types.contains(&alert.alert_type);
    recipes
        .iter()
        .find(named)
        .or_else(|| recipes.iter().find(typed))
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use domain::alert::{Alert, AlertStatus, AlertType, Texts};
    use domain::primitives::id::MemberId;

    use super::choose;
    use crate::fixtures::recipes;

    fn alert(name: &str, alert_type: AlertType) -> Alert {
        let labels = Texts::from([("alertname".to_owned(), name.to_owned())]);
        let member = MemberId::try_from("m").expect("a member id");
        let at = "2026-11-30T00:00:00Z".parse().expect("a time");
        let alert = AlertTables::default().alert(
            AlertStatus::Firing,
            "test",
            labels,
            Texts::new(),
            at,
            member,
        );
        Alert {
            alert_type,
            ..alert
        }
    }

    #[test]
    fn a_name_goes_before_a_type() {
        let recipes = recipes();
        let chosen = |name: &str, alert_type| {
            choose(&recipes, &alert(name, alert_type)).map(|recipe| recipe.id.as_str())
        };
        let file_system = "NodeFilesystemAlmostOutOfSpace";
        assert_eq!(chosen(file_system, AlertType::Custom), Some("file-system"));
        assert_eq!(chosen("QueueGrows", AlertType::DiskFull), Some("queue"));
        assert_eq!(chosen("Other", AlertType::DiskFull), Some("file-system"));
        assert_eq!(chosen("Other", AlertType::Custom), None);
    }
}
